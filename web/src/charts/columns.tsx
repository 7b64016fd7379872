// Bars by category or bucket, upright or lying, beside or on each other.
import { useState } from "react";

export interface Column {
  name: string;
  values: { name: string; value: number | null; text: string; color: string }[];
}

interface Props {
  columns: readonly Column[];
  width: number;
  height: number;
  label: string;
  isStacked?: boolean;
  isLying?: boolean;
  /** Columns touch, as those of a histogram do. */
  isDense?: boolean;
  format: (value: number) => string;
}

function ticksOf(low: number, high: number, count: number): number[] {
  const exact = (high - low) / Math.max(1, count) || 1;
  const power = 10 ** Math.floor(Math.log10(exact));
  const step = [1, 2, 5, 10].map((digit) => digit * power).find((one) => one >= exact) ?? exact;
  const ticks: number[] = [];
  for (let at = Math.ceil(low / step) * step; at <= high + step * 1e-6 && ticks.length < 50; at += step) ticks.push(Number(at.toPrecision(12)));
  return ticks;
}

export function Columns({ columns, width, height, label, isStacked = false, isLying = false, isDense = false, format }: Props) {
  const [over, setOver] = useState<number | null>(null);
  const tops = columns.map(({ values }) => (isStacked ? [values.reduce((sum, { value }) => sum + Math.max(0, value ?? 0), 0)] : values.map(({ value }) => value ?? 0)));
  const high = Math.max(0, ...tops.flat()) || 1;
  const low = Math.min(0, ...tops.flat());
  const longest = Math.max(0, ...columns.map(({ name }) => name.length));
  const [left, bottom] = isLying ? [Math.min(width * 0.4, 12 + longest * 6.2), 18] : [54, 20];
  const [across, along] = isLying ? [height - bottom - 6, width - left - 12] : [width - left - 6, height - bottom - 8];
  const slot = across / Math.max(1, columns.length);
  const most = isStacked ? 1 : Math.max(1, ...columns.map(({ values }) => values.length));
  const gap = isDense ? 0.5 : Math.min(8, slot * 0.15);
  const place = (value: number) => ((value - low) / (high - low)) * along;
  const every = Math.max(1, Math.ceil((isLying ? 16 : Math.min(longest * 6.2 + 10, 120)) / slot));
  const room = Math.max(3, Math.floor((slot * every) / 6.2) - 1);
  const cut = (name: string) => (!isLying && name.length > room ? `${name.slice(0, room)}…` : name);
  const box = (from: number, to: number, offset: number, thick: number) =>
    isLying ? { x: left + Math.min(from, to), y: 4 + offset, width: Math.abs(to - from), height: thick } : { x: left + offset, y: 8 + along - Math.max(from, to), width: thick, height: Math.abs(to - from) };
  return (
    <div className="chart" style={{ height }}>
      <svg width={width} height={height} role="img" aria-label={label} style={{ display: "block" }} onMouseLeave={() => setOver(null)}>
        {ticksOf(low, high, along / (isLying ? 90 : 40)).map((tick) =>
          isLying ? (
            <g key={tick}>
              <line x1={left + place(tick)} x2={left + place(tick)} y1={4} y2={4 + across} stroke="var(--chart-grid)" />
              <text x={left + place(tick)} y={height - 4} fontSize={11} textAnchor="middle" fill="var(--chart-text)">{format(tick)}</text>
            </g>
          ) : (
            <g key={tick}>
              <line x1={left} x2={width - 6} y1={8 + along - place(tick)} y2={8 + along - place(tick)} stroke="var(--chart-grid)" />
              <text x={left - 6} y={12 + along - place(tick)} fontSize={11} textAnchor="end" fill="var(--chart-text)">{format(tick)}</text>
            </g>
          ),
        )}
        {columns.map(({ name, values }, index) => {
          let sum = 0;
          const thick = Math.max(1, (slot - gap) / most);
          return (
            // Names may repeat: the place is the identity.
            // oxlint-disable-next-line react/no-array-index-key
            <g key={index} onMouseEnter={() => setOver(index)}>
              <rect {...box(0, along, index * slot, slot)} fill="transparent" />
              {values.map(({ value, color }, series) => {
                const [from, to] = isStacked ? [sum, sum + Math.max(0, value ?? 0)] : [0, value ?? 0];
                sum = isStacked ? to : sum;
                // oxlint-disable-next-line react/no-array-index-key
                return value === null ? null : <rect key={series} {...box(place(from), place(to), index * slot + gap / 2 + (isStacked ? 0 : series * thick), thick)} fill={color} opacity={over === null || over === index ? 1 : 0.6} />;
              })}
              {index % every === 0 ? (
                <text x={isLying ? left - 6 : left + (index + 0.5) * slot} y={isLying ? 8 + (index + 0.5) * slot : height - 5} fontSize={11} textAnchor={isLying ? "end" : "middle"} fill="var(--chart-text)">
                  {cut(name)}
                </text>
              ) : null}
            </g>
          );
        })}
      </svg>
      {over !== null && columns[over] ? (
        <div className="chart-tip" style={{ left: Math.max(0, Math.min(isLying ? width - 180 : left + over * slot, width - 180)), top: 4 }}>
          <div className="soft">{columns[over].name}</div>
          {columns[over].values.slice(0, 14).map((value) => (
            <div key={value.name} className="row">
              <span className="legend-mark" style={{ background: value.color }} />
              <span className="ellipsis">{value.name}</span>
              <b>{value.text}</b>
            </div>
          ))}
        </div>
      ) : null}
    </div>
  );
}
