import { colorOf } from "@/charts/colors";
import type { Line } from "@/charts/frame";
import { formatValue } from "@/lib/format";

export type Calculation = "last" | "lastNotNull" | "mean" | "max" | "min" | "sum" | "first" | "firstNotNull" | "range" | "count" | "delta" | "total";

/** One number for a line's values. */
export function calculate(values: readonly (number | null)[], how: string): number | null {
  const known = values.filter((value): value is number => value !== null && !Number.isNaN(value));
  if (how === "last") return values.at(-1) ?? known.at(-1) ?? null;
  if (how === "first") return values[0] ?? null;
  if (how === "count") return known.length;
  if (known.length === 0) return null;
  const sum = () => known.reduce((total, value) => total + value, 0);
  const min = () => known.reduce((least, value) => Math.min(least, value), Number.POSITIVE_INFINITY);
  const max = () => known.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
  const first = known[0] ?? 0;
  const last = known.at(-1) ?? 0;
  if (how === "mean" || how === "avg") return sum() / known.length;
  if (how === "max") return max();
  if (how === "min") return min();
  if (how === "sum" || how === "total") return sum();
  if (how === "firstNotNull") return first;
  if (how === "range") return max() - min();
  if (how === "delta" || how === "diff") return last - first;
  if (how === "diffperc") return first === 0 ? null : (last - first) / first;
  if (how === "median") return known.toSorted((a, b) => a - b)[Math.floor(known.length / 2)] ?? null;
  if (how === "stdDev" || how === "variance") {
    const mean = sum() / known.length;
    const variance = known.reduce((total, value) => total + (value - mean) ** 2, 0) / known.length;
    return how === "variance" ? variance : Math.sqrt(variance);
  }
  if (how === "allIsZero") return known.every((value) => value === 0) ? 1 : 0;
  if (how === "distinctCount") return new Set(known).size;
  return last;
}

interface Props {
  lines: readonly Line[];
  onToggle?: ((index: number, isAlone: boolean) => void) | undefined;
  unit?: string | undefined;
  decimals?: number | null | undefined;
  calculations?: readonly string[] | undefined;
  isTable?: boolean | undefined;
  maxHeight?: number | undefined;
}

/** Name and colour of each line, and numbers of it. A click shows one alone, with control it hides one. */
export function Legend({ lines, onToggle, unit, decimals, calculations = ["lastNotNull"], isTable = false, maxHeight }: Props) {
  const number = (line: Line, how: string) => {
    const value = calculate(line.values, how);
    return value === null ? "" : formatValue(value, line.unit ?? unit, line.decimals ?? decimals);
  };
  const button = (line: Line, index: number) => (
    <button type="button" className={line.isHidden ? "off" : ""} title={line.name} aria-pressed={!line.isHidden} onClick={(event) => onToggle?.(index, !(event.ctrlKey || event.metaKey || event.shiftKey))}>
      <span className="legend-mark" style={{ background: line.color ?? colorOf(index) }} />
      <span className="ellipsis">{line.name}</span>
    </button>
  );
  if (isTable) {
    return (
      <div className="legend-table" style={{ maxHeight, overflow: "auto" }}>
        <table className="plain-table">
          <thead>
            <tr>
              <th />
              {calculations.map((how) => (
                <th key={how} className="number">
                  {how === "lastNotNull" ? "last" : how}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {lines.map((line, index) => (
              // Names may repeat: the place is the identity.
              // oxlint-disable-next-line react/no-array-index-key
              <tr key={index}>
                <td className="legend" style={{ maxWidth: 260 }}>
                  {button(line, index)}
                </td>
                {calculations.map((how) => (
                  <td key={how} className="number">
                    {number(line, how)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    );
  }
  return (
    <div className="legend" style={{ maxHeight }}>
      {lines.map((line, index) => (
        // oxlint-disable-next-line react/no-array-index-key
        <span key={index} style={{ display: "inline-flex", gap: 6, maxWidth: "100%" }}>
          {button(line, index)}
          {calculations.map((how) => (
            <b key={how} style={{ fontWeight: 600 }}>
              {calculations.length > 1 ? <span className="soft">{how} </span> : null}
              {number(line, how)}
            </b>
          ))}
        </span>
      ))}
    </div>
  );
}
