// Points of traces: when, how long, and whether they failed.
import { useElementSize } from "@mantine/hooks";
import { useState } from "react";

import { formatClock } from "@/lib/time";
import { formatMicroseconds } from "@/lib/trace";

export interface ScatterPoint {
  id: string;
  timeMs: number;
  durationUs: number;
  size: number;
  isError: boolean;
  title: string;
}

interface Props {
  points: readonly ScatterPoint[];
  startMs: number;
  endMs: number;
  height: number;
  label: string;
  onChoose: (id: string) => void;
}

const LEFT = 64;
const BOTTOM = 20;

/** Durations stand on a logarithmic scale: slow ones matter, fast ones are many. */
export function Scatter({ points, startMs, endMs, height, label, onChoose }: Props) {
  const { ref, width } = useElementSize();
  const [over, setOver] = useState<ScatterPoint | null>(null);
  const durations = points.map((point) => Math.max(1, point.durationUs));
  const low = Math.log10(Math.min(...durations, 1e6) * 0.8);
  const high = Math.log10(Math.max(...durations, 10) * 1.25);
  const x = (ms: number) => LEFT + ((ms - startMs) / Math.max(1, endMs - startMs)) * (width - LEFT - 10);
  const y = (us: number) => height - BOTTOM - ((Math.log10(Math.max(1, us)) - low) / Math.max(0.01, high - low)) * (height - BOTTOM - 8);
  const rows = Array.from({ length: 4 }, (_, index) => 10 ** (low + ((high - low) * (index + 0.5)) / 4));
  const columns = Array.from({ length: 5 }, (_, index) => startMs + ((endMs - startMs) * (index + 0.5)) / 5);
  return (
    <div ref={ref} className="chart" style={{ height }}>
      <svg width={width} height={height} role="img" aria-label={label} style={{ display: "block" }}>
        {rows.map((us) => (
          <g key={us}>
            <line x1={LEFT} x2={width - 10} y1={y(us)} y2={y(us)} stroke="var(--chart-grid)" />
            <text x={LEFT - 6} y={y(us) + 4} fontSize={11} textAnchor="end" fill="var(--chart-text)">
              {formatMicroseconds(Number(us.toPrecision(2)))}
            </text>
          </g>
        ))}
        {columns.map((ms) => (
          <text key={ms} x={x(ms)} y={height - 4} fontSize={11} textAnchor="middle" fill="var(--chart-text)">
            {formatClock(ms)}
          </text>
        ))}
        {points.map((point) => (
          <circle
            key={point.id}
            cx={x(point.timeMs)}
            cy={y(point.durationUs)}
            r={Math.min(10, 3 + Math.sqrt(point.size) / 2)}
            fill={point.isError ? "#d6403a" : "#0b96b8"}
            fillOpacity={over?.id === point.id ? 0.95 : 0.55}
            stroke={point.isError ? "#d6403a" : "#0b96b8"}
            style={{ cursor: "pointer" }}
            onMouseEnter={() => setOver(point)}
            onMouseLeave={() => setOver(null)}
            onClick={() => onChoose(point.id)}
          />
        ))}
      </svg>
      {over ? (
        <div className="chart-tip" style={{ left: Math.max(0, Math.min(x(over.timeMs) + 12, width - 260)), top: Math.max(0, y(over.durationUs) - 60) }}>
          <div className="row">
            {over.title}
            <b>{formatMicroseconds(over.durationUs)}</b>
          </div>
        </div>
      ) : null}
    </div>
  );
}
