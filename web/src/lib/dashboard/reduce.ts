// One number or text for a field's values.
import { type Cell, type Field, toNumber } from "@/lib/dashboard/frame";

function quantile(sorted: readonly number[], share: number): number | null {
  if (sorted.length === 0) return null;
  const place = share * (sorted.length - 1);
  const low = sorted[Math.floor(place)] ?? 0;
  return low + ((sorted[Math.ceil(place)] ?? low) - low) * (place - Math.floor(place));
}

/** As Grafana names its calculations; the last value that is there for one that is not known. */
export function reduceCells(cells: readonly Cell[], how: string): Cell {
  if (how === "last") return cells.at(-1) ?? null;
  if (how === "first") return cells[0] ?? null;
  if (how === "count") return cells.length;
  const present = cells.filter((cell) => cell !== null && cell !== undefined && !(typeof cell === "number" && Number.isNaN(cell)));
  if (how === "lastNotNull") return present.at(-1) ?? null;
  if (how === "firstNotNull") return present[0] ?? null;
  if (how === "distinctCount") return new Set(present).size;
  if (how === "changeCount") return cells.filter((cell, index) => index > 0 && cell !== cells[index - 1]).length;
  if (how === "allValues" || how === "uniqueValues") return [...(how === "allValues" ? present : new Set(present))].join(", ");
  if (how === "allIsNull") return present.length === 0;
  const known = cells.map(toNumber).filter((value): value is number => value !== null);
  if (how === "allIsZero") return known.length > 0 && known.every((value) => value === 0);
  if (known.length === 0) return null;
  const sum = known.reduce((total, value) => total + value, 0);
  const [first, last] = [known[0] ?? 0, known.at(-1) ?? 0];
  const least = () => known.reduce((low, value) => Math.min(low, value), Number.POSITIVE_INFINITY);
  const most = () => known.reduce((high, value) => Math.max(high, value), Number.NEGATIVE_INFINITY);
  const percentile = /^p(\d+)$/.exec(how);
  if (percentile) return quantile(known.toSorted((a, b) => a - b), Number(percentile[1]) / 100);
  switch (how) {
    case "mean":
    case "avg":
      return sum / known.length;
    case "sum":
    case "total":
      return sum;
    case "min":
      return least();
    case "max":
      return most();
    case "logmin":
      return known.filter((value) => value > 0).reduce((low, value) => Math.min(low, value), Number.POSITIVE_INFINITY);
    case "range":
      return most() - least();
    case "delta": {
      let total = 0;
      for (let index = 1; index < known.length; index += 1) total += Math.max(0, (known[index] ?? 0) - (known[index - 1] ?? 0));
      return total;
    }
    case "diff":
      return last - first;
    case "diffperc":
      return first === 0 ? null : (last - first) / first;
    case "step":
      return known.slice(1).reduce((low, value, index) => Math.min(low, value - (known[index] ?? 0)), Number.POSITIVE_INFINITY);
    case "median":
      return quantile(known.toSorted((a, b) => a - b), 0.5);
    case "variance":
    case "stdDev": {
      const mean = sum / known.length;
      const variance = known.reduce((total, value) => total + (value - mean) ** 2, 0) / known.length;
      return how === "variance" ? variance : Math.sqrt(variance);
    }
    default:
      return present.at(-1) ?? null;
  }
}

export function reduceField(field: Field, how: string): Cell {
  return reduceCells(field.values, how);
}

const LABELS: Record<string, string> = { lastNotNull: "Last *", last: "Last", firstNotNull: "First *", first: "First", min: "Min", max: "Max", mean: "Mean", sum: "Total", total: "Total", count: "Count", range: "Range", delta: "Delta", diff: "Difference", median: "Median", stdDev: "StdDev", variance: "Variance", distinctCount: "Distinct Count", changeCount: "Change Count", allValues: "All values", uniqueValues: "Unique values", diffperc: "Difference percent" };

export function reducerName(how: string): string {
  return LABELS[how] ?? how;
}
