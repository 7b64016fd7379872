// The spans of a trace on a common scale of time; only those in sight exist on the page.
import { useEffect, useMemo, useRef } from "react";

import { colorByName } from "@/charts/colors";
import { useText } from "@/lib/text/text";
import { formatMicroseconds, type PathPiece, type Trace, type TraceSpan } from "@/lib/trace";
import { VirtualList, type VirtualHandle } from "@/ui/virtual-list";

interface Props {
  trace: Trace;
  collapsed: ReadonlySet<number>;
  onToggle: (index: number) => void;
  chosen: number | null;
  onChoose: (index: number) => void;
  matching: ReadonlySet<number> | null;
  path: readonly PathPiece[] | null;
  height: number | string;
}

/** Spans whose ancestors are all open. */
export function visibleSpans(trace: Trace, collapsed: ReadonlySet<number>): number[] {
  const visible: number[] = [];
  for (let index = 0; index < trace.spans.length; index += 1) {
    visible.push(index);
    if (collapsed.has(index)) index += trace.spans[index]?.below ?? 0;
  }
  return visible;
}

function Scale({ durationUs }: { durationUs: number }) {
  return (
    <div style={{ position: "relative", height: 22 }}>
      {[0, 0.25, 0.5, 0.75, 1].map((share) => (
        <span key={share} style={{ position: "absolute", left: share === 1 ? undefined : `${share * 100}%`, right: share === 1 ? 4 : undefined, paddingLeft: 4, borderLeft: share === 1 ? 0 : "1px solid var(--line)" }}>
          {formatMicroseconds(durationUs * share)}
        </span>
      ))}
    </div>
  );
}

interface RowProps {
  span: TraceSpan;
  index: number;
  trace: Trace;
  isCollapsed: boolean;
  isChosen: boolean;
  isDim: boolean;
  pieces: readonly PathPiece[];
  onToggle: (index: number) => void;
  onChoose: (index: number) => void;
}

function Row({ span, index, trace, isCollapsed, isChosen, isDim, pieces, onToggle, onChoose }: RowProps) {
  const whole = Math.max(1, trace.durationUs);
  const left = (100 * (span.startUs - trace.startUs)) / whole;
  const wide = Math.max(0.15, (100 * span.durationUs) / whole);
  const color = colorByName(span.service);
  return (
    <div className={`span-row ${isChosen ? "chosen" : ""}`} style={{ opacity: isDim ? 0.35 : 1 }} onClick={() => onChoose(index)}>
      <span className="span-name" style={{ paddingLeft: Math.min(span.depth, 24) * 12 + 4 }}>
        {span.below > 0 ? (
          <button
            type="button"
            className="span-toggle"
            aria-label={`${span.name}: ${span.below}`}
            aria-expanded={!isCollapsed}
            onClick={(event) => {
              event.stopPropagation();
              onToggle(index);
            }}
          >
            {isCollapsed ? "▸" : "▾"}
          </button>
        ) : (
          <span className="span-toggle" />
        )}
        <span className="span-mark" style={{ background: color }} />
        <b>{span.service}</b>
        <span className="soft ellipsis">{span.name}</span>
        {span.isError ? <span className="pill bad">!</span> : null}
        {isCollapsed ? <span className="pill">{span.below}</span> : null}
      </span>
      <span className="span-track">
        <span className="span-bar" style={{ left: `${left}%`, width: `${wide}%`, background: color, outline: span.isError ? "1px solid var(--bad)" : undefined }} />
        {pieces.map((piece) => (
          <span key={piece.startUs} className="span-critical" style={{ left: `${(100 * (piece.startUs - trace.startUs)) / whole}%`, width: `${Math.max(0.1, (100 * (piece.endUs - piece.startUs)) / whole)}%` }} />
        ))}
        <span className="span-time" style={left + wide > 80 ? { right: `${100 - left}%`, paddingRight: 6 } : { left: `${left + wide}%`, paddingLeft: 6 }}>
          {formatMicroseconds(span.durationUs)}
        </span>
      </span>
    </div>
  );
}

const NO_PIECES: readonly PathPiece[] = [];

export function Waterfall({ trace, collapsed, onToggle, chosen, onChoose, matching, path, height }: Props) {
  const { text } = useText();
  const list = useRef<VirtualHandle>(null);
  const visible = useMemo(() => visibleSpans(trace, collapsed), [trace, collapsed]);
  const bySpan = useMemo(() => {
    const pieces = new Map<number, PathPiece[]>();
    for (const piece of path ?? []) {
      const known = pieces.get(piece.span);
      if (known) known.push(piece);
      else pieces.set(piece.span, [piece]);
    }
    return pieces;
  }, [path]);
  const firstMatch = matching ? Math.min(...matching) : null;
  const wanted = firstMatch !== null && Number.isFinite(firstMatch) ? firstMatch : null;
  // What is looked for comes into sight.
  useEffect(() => {
    const at = wanted === null ? -1 : visible.indexOf(wanted);
    if (at > 20) list.current?.scrollTo(at);
  }, [wanted, visible]);
  const move = (by: number) => {
    const at = chosen === null ? -1 : visible.indexOf(chosen);
    const next = visible[Math.max(0, Math.min(visible.length - 1, at + by))];
    if (next !== undefined) onChoose(next);
  };
  return (
    <VirtualList
      count={visible.length}
      rowHeight={24}
      height={height}
      label={text.waterfall}
      handle={list}
      minWidth={560}
      onKeyDown={(event) => {
        if (event.key === "ArrowDown" || event.key === "j") move(1);
        else if (event.key === "ArrowUp" || event.key === "k") move(-1);
        else if (event.key === "ArrowLeft" || event.key === "ArrowRight") {
          if (chosen !== null && collapsed.has(chosen) === (event.key === "ArrowRight")) onToggle(chosen);
        } else return;
        event.preventDefault();
      }}
      header={
        <div className="span-row head">
          <span className="span-name">{`${trace.spans.length.toLocaleString()} ${text.spans}`}</span>
          <Scale durationUs={trace.durationUs} />
        </div>
      }
      row={(at) => {
        const index = visible[at];
        const span = index === undefined ? undefined : trace.spans[index];
        if (!span || index === undefined) return null;
        return <Row key={index} span={span} index={index} trace={trace} isCollapsed={collapsed.has(index)} isChosen={chosen === index} isDim={(matching !== null && !matching.has(index)) || (path !== null && !bySpan.has(index))} pieces={bySpan.get(index) ?? NO_PIECES} onToggle={onToggle} onChoose={onChoose} />;
      }}
    />
  );
}
