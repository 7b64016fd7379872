import type { ReactNode } from "react";

interface Props {
  title?: ReactNode;
  /** What can be done, at the right of the title. */
  actions?: ReactNode;
  children: ReactNode;
  className?: string;
  flush?: boolean;
}

/** A surface with a title. */
export function Panel({ title, actions, children, className = "", flush = false }: Props) {
  return (
    <section className={`panel ${className}`}>
      {title || actions ? (
        <div className="panel-head">
          <h3 className="panel-title" style={{ flex: 1 }}>
            {title}
          </h3>
          {actions}
        </div>
      ) : null}
      <div className={flush ? "" : "panel-body"}>{children}</div>
    </section>
  );
}
