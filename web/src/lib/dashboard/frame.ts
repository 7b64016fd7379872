// Answers of any data source as tables: fields of equal length.
import type { Display } from "@/lib/dashboard/field-config";

export type FieldType = "time" | "number" | "string" | "boolean" | "other";
export type Cell = number | string | boolean | null | undefined | object;

export interface Field {
  name: string;
  type: FieldType;
  values: Cell[];
  labels?: Record<string, string> | undefined;
  /** The name that its query gave it. */
  sourceName?: string | undefined;
  /** How it is shown; set once overrides are applied. */
  display?: Display | undefined;
  /** Unit or other settings that a transformation took from data. */
  config?: Record<string, unknown> | undefined;
}

export interface Frame {
  refId: string;
  name?: string | undefined;
  fields: Field[];
  /** Values by legend alone: labels of a series are part of its name. */
  isSeries?: boolean | undefined;
  /** The rows are lines of a log or traces. */
  kind?: "logs" | "traces" | undefined;
}

export const lengthOf = (frame: Frame): number => frame.fields[0]?.values.length ?? 0;
export const timeOf = (frame: Frame): Field | undefined => frame.fields.find((field) => field.type === "time");
export const numbersOf = (frame: Frame): Field[] => frame.fields.filter((field) => field.type === "number");

/** A cell as a number; null when it is none. */
export function toNumber(cell: Cell): number | null {
  if (typeof cell === "number") return Number.isNaN(cell) ? null : cell;
  if (typeof cell === "boolean") return cell ? 1 : 0;
  if (typeof cell === "string" && cell.trim() !== "") {
    const read = Number(cell);
    return Number.isNaN(read) ? null : read;
  }
  return null;
}

export function toText(cell: Cell): string {
  if (cell === null || cell === undefined) return "";
  return typeof cell === "object" ? JSON.stringify(cell) : `${cell}`;
}

/** The name that a field has before overrides. */
export function plainName(field: Field, frame: Frame, all: readonly Frame[]): string {
  if (field.sourceName) return field.sourceName;
  if (frame.isSeries && field.type === "number") {
    if (frame.name) return frame.name;
    const pairs = Object.entries(field.labels ?? {}).filter(([label]) => label !== "__name__");
    if (pairs.length === 1 && all.length > 1) return pairs[0]?.[1] ?? field.name;
    if (pairs.length > 0) return `{${pairs.map(([label, value]) => `${label}="${value}"`).join(", ")}}`;
  }
  return field.name;
}

/** All frames with a time on one grid: the times, and each number's values at them. */
export function joinTimes(frames: readonly Frame[]): { times: number[]; columns: { field: Field; frame: Frame; values: (number | null)[] }[] } {
  const withTime = frames.flatMap((frame) => {
    const time = timeOf(frame);
    return time ? [{ frame, times: time.values as number[] }] : [];
  });
  const first = withTime[0]?.times;
  const isSame = withTime.every(({ times }) => times === first || (times.length === first?.length && times.every((at, index) => at === first[index])));
  if (first && isSame) {
    return { times: first.map((at) => at / 1_000), columns: withTime.flatMap(({ frame }) => numbersOf(frame).map((field) => ({ field, frame, values: field.values.map(toNumber) }))) };
  }
  const all = [...new Set(withTime.flatMap(({ times }) => times))].toSorted((a, b) => a - b);
  const place = new Map(all.map((at, index) => [at, index]));
  const columns = withTime.flatMap(({ frame, times }) =>
    numbersOf(frame).map((field) => {
      const values = Array.from({ length: all.length }, (): number | null => null);
      for (const [index, at] of times.entries()) {
        const into = place.get(at);
        if (into !== undefined) values[into] = toNumber(field.values[index]);
      }
      return { field, frame, values };
    }),
  );
  return { times: all.map((at) => at / 1_000), columns };
}
