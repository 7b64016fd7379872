// Stacked bars over time, with a brush that chooses a range.
import { useElementSize } from "@mantine/hooks";
import { useRef, useState } from "react";

import { formatClock, formatTime } from "@/lib/time";
import type { Span } from "@/url/time-range";

export interface Bar {
  time: number;
  parts: { name: string; count: number; color: string }[];
}

interface Props {
  bars: readonly Bar[];
  span: Span;
  step: number;
  height: number;
  label: string;
  onSelect: (span: Span) => void;
}

const AXIS = 18;

export function BarChart({ bars, span, step, height, label, onSelect }: Props) {
  const { ref, width } = useElementSize();
  const [brush, setBrush] = useState<{ from: number; to: number } | null>(null);
  const [tip, setTip] = useState<{ bar: Bar; left: number } | null>(null);
  const start = useRef<number | null>(null);
  const inner = height - AXIS;
  const most = Math.max(1, ...bars.map((bar) => bar.parts.reduce((sum, part) => sum + part.count, 0)));
  const scale = width / Math.max(span.end - span.start, 1e-9);
  const at = (time: number) => (time - span.start) * scale;
  const place = (event: React.PointerEvent) => Math.max(0, Math.min(width, event.clientX - event.currentTarget.getBoundingClientRect().left));
  const ticks = Array.from({ length: Math.max(2, Math.floor(width / 110)) }, (_, index, all = Math.max(2, Math.floor(width / 110))) => span.start + ((span.end - span.start) * (index + 0.5)) / all);
  const isLong = span.end - span.start > 86_400;
  return (
    <div ref={ref} className="chart" style={{ height }}>
      <svg
        width={width}
        height={height}
        role="img"
        aria-label={label}
        style={{ display: "block", cursor: "crosshair", touchAction: "none" }}
        onPointerDown={(event) => {
          start.current = place(event);
          event.currentTarget.setPointerCapture(event.pointerId);
        }}
        onPointerMove={(event) => {
          const left = place(event);
          if (start.current !== null) setBrush({ from: Math.min(start.current, left), to: Math.max(start.current, left) });
          const time = span.start + left / scale;
          const bar = bars.find((one) => time >= one.time && time < one.time + step);
          setTip(bar ? { bar, left } : null);
        }}
        onPointerLeave={() => setTip(null)}
        onPointerUp={() => {
          if (brush && brush.to - brush.from > 4) onSelect({ start: span.start + brush.from / scale, end: span.start + brush.to / scale });
          start.current = null;
          setBrush(null);
        }}
      >
        {bars.map((bar) => {
          let top = inner;
          return bar.parts.map((part) => {
            const tall = (part.count / most) * (inner - 4);
            top -= tall;
            return <rect key={`${bar.time} ${part.name}`} x={at(bar.time)} y={top} width={Math.max(1, step * scale - 1)} height={tall} fill={part.color} />;
          });
        })}
        <line x1={0} x2={width} y1={inner + 0.5} y2={inner + 0.5} stroke="var(--line-strong)" />
        {ticks.map((time) => (
          <text key={time} x={at(time)} y={height - 4} fontSize={11} textAnchor="middle" fill="var(--chart-text)">
            {isLong ? formatTime(time * 1_000, "minute").slice(5) : formatClock(time * 1_000, span.end - span.start < 600 ? "second" : "minute")}
          </text>
        ))}
        {brush ? <rect x={brush.from} y={0} width={brush.to - brush.from} height={inner} fill="var(--accent)" opacity={0.2} /> : null}
      </svg>
      {tip && width > 0 ? (
        <div className="chart-tip" style={{ left: Math.max(0, Math.min(tip.left + 12, width - 170)), top: 4 }}>
          <div className="soft">{formatTime(tip.bar.time * 1_000)}</div>
          {tip.bar.parts.map((part) => (
            <div key={part.name} className="row">
              <span className="legend-mark" style={{ background: part.color }} />
              {part.name}
              <b>{part.count}</b>
            </div>
          ))}
        </div>
      ) : null}
    </div>
  );
}
