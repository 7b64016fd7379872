import type { MatrixSeries } from "@/api/types";

/** Series as uPlot wants them: one column of times, then one of values for each series. */
export type Columns = [times: number[], ...values: (number | null)[][]];

/** Lines up series on a common grid of times; where a series has no value there is a gap. */
export function align(series: readonly MatrixSeries[], start: number, end: number, step: number): Columns {
  const times: number[] = [];
  for (let time = start; time <= end; time += step) times.push(time);
  const columns = series.map((one) => {
    const column: (number | null)[] = Array.from({ length: times.length }, () => null);
    for (const [time, value] of one.values ?? []) {
      const index = Math.round((time - start) / step);
      const number = Number(value);
      if (index >= 0 && index < column.length && Number.isFinite(number)) column[index] = number;
    }
    return column;
  });
  return [times, ...columns];
}
