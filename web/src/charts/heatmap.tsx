// Counts by time and bucket, the darker the more. Drawn on a canvas: there may be many thousand cells.
import { useComputedColorScheme } from "@mantine/core";
import { useEffect, useRef, useState } from "react";

import { scaleColor } from "@/charts/colors";
import { TimeAxis } from "@/charts/time-axis";
import { formatTime } from "@/lib/time";

export interface HeatRow {
  name: string;
  values: (number | null)[];
}

interface Props {
  times: readonly number[];
  rows: readonly HeatRow[];
  stops: readonly string[];
  /** The exponent of the scale: less than 1 shows small counts too. */
  exponent: number;
  width: number;
  height: number;
  label: string;
  format: (value: number) => string;
}

const BOTTOM = 20;

export function Heatmap({ times, rows, stops, exponent, width, height, label, format }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const scheme = useComputedColorScheme("light");
  const [over, setOver] = useState<{ column: number; row: number; x: number; y: number } | null>(null);
  const left = Math.min(110, 12 + 6.2 * Math.max(3, ...rows.map((row) => row.name.length)));
  const [wide, tall] = [Math.max(10, width - left - 8), Math.max(10, height - BOTTOM - 4)];
  const most = rows.reduce((high, row) => row.values.reduce<number>((one, value) => Math.max(one, value ?? 0), high), 0);

  useEffect(() => {
    const at = canvas.current?.getContext("2d");
    if (!canvas.current || !at) return;
    const scale = devicePixelRatio;
    canvas.current.width = wide * scale;
    canvas.current.height = tall * scale;
    at.scale(scale, scale);
    const [cell, line] = [wide / Math.max(1, times.length), tall / Math.max(1, rows.length)];
    const ordered = scheme === "dark" ? stops.toReversed() : stops;
    for (const [index, row] of rows.entries()) {
      for (const [column, value] of row.values.entries()) {
        if (!value || value <= 0) continue;
        at.fillStyle = scaleColor(ordered, 0.12 + 0.88 * (value / most) ** exponent);
        at.fillRect(column * cell, tall - (index + 1) * line, Math.max(1, cell - (cell > 5 ? 1 : 0)), Math.max(1, line - (line > 5 ? 1 : 0)));
      }
    }
  }, [times, rows, stops, exponent, wide, tall, most, scheme]);

  const every = Math.max(1, Math.ceil((14 * rows.length) / tall));
  const move = (event: React.MouseEvent) => {
    const bounds = event.currentTarget.getBoundingClientRect();
    const [x, y] = [event.clientX - bounds.left, event.clientY - bounds.top];
    setOver({ x, y, column: Math.floor((x / wide) * times.length), row: rows.length - 1 - Math.floor((y / tall) * rows.length) });
  };
  const chosen = over ? rows[over.row] : undefined;
  const count = over ? chosen?.values[over.column] : undefined;
  return (
    <div className="chart" style={{ height }} role="img" aria-label={label}>
      <canvas ref={canvas} style={{ position: "absolute", left, top: 4, width: wide, height: tall }} onMouseMove={move} onMouseLeave={() => setOver(null)} />
      <svg width={width} height={height} style={{ display: "block", pointerEvents: "none", position: "absolute" }} aria-hidden="true">
        {rows.map((row, index) =>
          index % every === 0 ? (
            // oxlint-disable-next-line react/no-array-index-key
            <text key={index} x={left - 6} y={4 + tall - (index + 0.5) * (tall / rows.length) + 4} fontSize={11} textAnchor="end" fill="var(--chart-text)">
              {row.name}
            </text>
          ) : null,
        )}
        <TimeAxis startMs={times[0] ?? 0} endMs={times.at(-1) ?? 1} left={left} width={wide} y={height - 4} />
      </svg>
      {over && chosen && count ? (
        <div className="chart-tip" style={{ left: Math.min(left + over.x + 12, width - 180), top: Math.min(over.y, tall - 50) }}>
          <div className="soft">{formatTime(times[over.column] ?? 0)}</div>
          <div className="row">
            {chosen.name}
            <b>{format(count)}</b>
          </div>
        </div>
      ) : null}
    </div>
  );
}
