import type { ReactNode } from "react";

import { Alert, Skeleton } from "@mantine/core";

/** What went wrong or should be known, in the server's own words. */
export function Notice({ error, notes = [] }: { error?: Error | null; notes?: readonly string[] }) {
  return (
    <>
      {error ? (
        <Alert color="red" variant="light" role="alert" p="xs" style={{ overflowWrap: "anywhere" }}>
          {error.message}
        </Alert>
      ) : null}
      {notes.map((note) => (
        <Alert key={note} color="yellow" variant="light" p="xs">
          {note}
        </Alert>
      ))}
    </>
  );
}

/** Nothing to show, why, and what can be done. */
export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="empty">
      <strong>{title}</strong>
      {children ? <div>{children}</div> : null}
    </div>
  );
}

/** Something will be here in a moment. */
export function Waiting({ height = 120, label }: { height?: number; label: string }) {
  return (
    <div role="status" aria-label={label}>
      <Skeleton height={height} radius="sm" />
    </div>
  );
}
