// What state each of several things was in over time.
import { useState } from "react";

import { TimeAxis } from "@/charts/time-axis";
import { formatTime } from "@/lib/time";

export interface StateRow {
  name: string;
  /** In order of time; each holds until the next. */
  parts: { start: number; end: number; text: string; color: string }[];
}

interface Props {
  rows: readonly StateRow[];
  startMs: number;
  endMs: number;
  width: number;
  height: number;
  label: string;
  showText: boolean;
}

const BOTTOM = 20;

export function States({ rows, startMs, endMs, width, height, label, showText }: Props) {
  const [over, setOver] = useState<{ name: string; part: StateRow["parts"][number]; x: number; y: number } | null>(null);
  const left = Math.min(width * 0.3, 12 + 6.4 * Math.max(0, ...rows.map((row) => row.name.length)));
  const wide = Math.max(10, width - left - 8);
  const line = Math.max(14, Math.min(48, (height - BOTTOM) / Math.max(1, rows.length)));
  const x = (ms: number) => left + ((Math.max(startMs, Math.min(endMs, ms)) - startMs) / Math.max(1, endMs - startMs)) * wide;
  const most = Math.floor(left / 6.4);
  const tall = line * rows.length + BOTTOM;
  return (
    <div className="chart" style={{ height: tall }}>
      <svg width={width} height={tall} role="img" aria-label={label} style={{ display: "block" }} onMouseLeave={() => setOver(null)}>
        {rows.map((row, index) => (
          // Names may repeat: the place is the identity.
          // oxlint-disable-next-line react/no-array-index-key
          <g key={index}>
            <text x={left - 6} y={(index + 0.5) * line + 4} fontSize={11} textAnchor="end" fill="var(--chart-text)">
              {row.name.length > most ? `${row.name.slice(0, most - 1)}…` : row.name}
            </text>
            {row.parts.map((part) => {
              const [from, to] = [x(part.start), x(part.end)];
              const room = Math.floor((to - from - 6) / 6.4);
              return (
                <g key={part.start} onMouseEnter={() => setOver({ name: row.name, part, x: from, y: index * line })}>
                  <rect x={from} y={index * line + 2} width={Math.max(1, to - from - (to - from > 4 ? 1 : 0))} height={line - 4} rx={1} fill={part.color} fillOpacity={0.8} />
                  {showText && room >= Math.min(3, part.text.length) ? (
                    <text x={from + 4} y={(index + 0.5) * line + 4} fontSize={11} fill="var(--ink)">
                      {part.text.slice(0, room)}
                    </text>
                  ) : null}
                </g>
              );
            })}
          </g>
        ))}
        <TimeAxis startMs={startMs} endMs={endMs} left={left} width={wide} y={tall - 4} />
      </svg>
      {over ? (
        <div className="chart-tip" style={{ left: Math.max(0, Math.min(over.x, width - 240)), top: Math.min(over.y + line, tall - 20) }}>
          <div className="soft">{`${formatTime(over.part.start)} – ${formatTime(over.part.end)}`}</div>
          <div className="row">
            <span className="legend-mark" style={{ background: over.part.color }} />
            {over.name}
            <b>{over.part.text}</b>
          </div>
        </div>
      ) : null}
    </div>
  );
}
