// Rows of one height of which only those in sight exist: a hundred thousand cost what fifty cost.
import { type ReactNode, type Ref, useCallback, useEffect, useImperativeHandle, useRef, useState } from "react";

export interface VirtualHandle {
  scrollTo: (index: number) => void;
}

interface Props {
  count: number;
  rowHeight: number;
  height: number | string;
  row: (index: number) => ReactNode;
  label: string;
  header?: ReactNode;
  handle?: Ref<VirtualHandle>;
  /** Called when the last rows come into sight. */
  onEnd?: () => void;
  minWidth?: number | string;
  onKeyDown?: (event: React.KeyboardEvent) => void;
}

const OVERSCAN = 12;

export function VirtualList({ count, rowHeight, height, row, label, header, handle, onEnd, minWidth, onKeyDown }: Props) {
  const holder = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ first: 0, last: 60 });
  const update = useCallback(() => {
    const element = holder.current;
    if (!element) return;
    const first = Math.max(0, Math.floor(element.scrollTop / rowHeight) - OVERSCAN);
    const last = Math.ceil((element.scrollTop + element.clientHeight) / rowHeight) + OVERSCAN;
    setView((before) => (before.first === first && before.last === last ? before : { first, last }));
  }, [rowHeight]);
  useEffect(() => {
    update();
    const element = holder.current;
    if (!element) return;
    const observer = new ResizeObserver(update);
    observer.observe(element);
    return () => observer.disconnect();
  }, [update]);
  const atEnd = view.last >= count;
  useEffect(() => {
    if (atEnd && count > 0) onEnd?.();
    // Only reaching the end matters, not a new callback.
    // oxlint-disable-next-line react-hooks/exhaustive-deps
  }, [atEnd, count]);
  useImperativeHandle(handle, () => ({
    scrollTo: (index: number) => {
      const element = holder.current;
      if (element) element.scrollTop = Math.max(0, index * rowHeight - element.clientHeight / 2);
    },
  }));
  const last = Math.min(count, view.last);
  const rows: ReactNode[] = [];
  for (let index = view.first; index < last; index += 1) rows.push(row(index));
  return (
    <div ref={holder} className="virtual" style={{ height, overflow: "auto", position: "relative" }} onScroll={update} role="region" aria-label={label} tabIndex={0} onKeyDown={onKeyDown}>
      {header}
      <div style={{ height: count * rowHeight, position: "relative", minWidth }}>
        <div style={{ position: "absolute", top: 0, left: 0, right: 0, transform: `translateY(${view.first * rowHeight}px)` }}>{rows}</div>
      </div>
    </div>
  );
}
