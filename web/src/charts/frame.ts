// What charts draw: lines on one grid of times.
import type { MatrixSeries } from "@/api/types";
import { readNumber } from "@/lib/format";
import type { Bounds } from "@/url/time-range";

export interface Line {
  name: string;
  /** One value for each time of the grid; null is a gap. */
  values: (number | null)[];
  color?: string | undefined;
  unit?: string | undefined;
  decimals?: number | null | undefined;
  /** Opacity of the area below, 0 to 1. */
  fill?: number | undefined;
  width?: number | undefined;
  dash?: number[] | undefined;
  points?: boolean | undefined;
  shape?: "linear" | "smooth" | "stepBefore" | "stepAfter" | "bars" | "points" | undefined;
  axis?: "left" | "right" | undefined;
  /** Lines of one group stand on each other. */
  stack?: string | undefined;
  spanGaps?: boolean | undefined;
  /** Drawn below zero, though its numbers are positive. */
  isNegative?: boolean | undefined;
  isHidden?: boolean | undefined;
  /** Index of the line down to which the area is filled. */
  fillTo?: number | undefined;
  labels?: Record<string, string> | undefined;
}

/** Unix seconds of the grid. */
export function gridOf({ start, end, step }: Bounds): number[] {
  const times: number[] = [];
  const count = Math.round((end - start) / step);
  for (let index = 0; index <= count; index += 1) times.push(start + index * step);
  return times;
}

/** The values of a series on the grid of `bounds`; where it has none there is a gap. */
export function onGrid(series: MatrixSeries, { start, end, step }: Bounds): (number | null)[] {
  const column = Array.from({ length: Math.round((end - start) / step) + 1 }, (): number | null => null);
  for (const [time, text] of series.values ?? []) {
    const index = Math.round((time - start) / step);
    const value = readNumber(text);
    if (index >= 0 && index < column.length && Number.isFinite(value)) column[index] = value;
  }
  return column;
}

/** Values as drawn: stacked on what is below, and turned where negative. */
export function stacked(lines: readonly Line[]): (number | null)[][] {
  const sums = new Map<string, number[]>();
  return lines.map((line) => {
    const signed = line.isNegative ? line.values.map((value) => (value === null ? null : -value)) : line.values;
    if (!line.stack || line.isHidden) return signed;
    const group = `${line.stack} ${line.axis ?? "left"} ${line.isNegative ? "-" : "+"}`;
    const sum = sums.get(group) ?? signed.map(() => 0);
    sums.set(group, sum);
    return signed.map((value, index) => {
      if (value === null) return null;
      sum[index] = (sum[index] ?? 0) + value;
      return sum[index] ?? null;
    });
  });
}
