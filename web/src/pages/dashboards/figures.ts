// The single numbers that stat, gauge, bar gauge and pie show.
import { displayOf, readPattern } from "@/lib/dashboard/field-config";
import { type Cell, type Field, type Frame, lengthOf, toText } from "@/lib/dashboard/frame";
import { list, number, object, type Panel, string } from "@/lib/dashboard/model";
import { reduceField } from "@/lib/dashboard/reduce";

export interface Figure {
  name: string;
  text: string;
  color: string;
  seriesColor: string;
  value: number | null;
  /** Place between the field's least and most, 0 to 1. */
  share: number;
  /** The values it was made of, for a line behind it. */
  line: readonly Cell[];
}

const FIGURES_MAX = 200;

/** Calculations as panels of before version 7 name them. */
const OLD_NAMES: Record<string, string> = { current: "lastNotNull", avg: "mean", total: "sum" };

function isMeant(field: Field, fields: string): boolean {
  if (!fields) return field.type === "number" || field.type === "boolean";
  return readPattern(fields).test(displayOf(field).name);
}

function figure(field: Field, cell: Cell, name: string): Figure {
  const display = displayOf(field);
  const { text, color, value } = display.show(cell);
  const high = display.max ?? (display.unit === "percentunit" ? 1 : display.unit === "percent" ? 100 : Math.max(...field.values.map((one) => (typeof one === "number" ? one : 0)), 1));
  const low = display.min ?? 0;
  return { name, text, color, seriesColor: display.seriesColor, value, share: value === null || high <= low ? 0 : Math.max(0, Math.min(1, (value - low) / (high - low))), line: field.values };
}

export function figuresOf(panel: Panel, frames: readonly Frame[]): Figure[] {
  const reduce = object(panel.options.reduceOptions);
  const old = string(panel.raw.valueName);
  const calculations = list(reduce.calcs).map((one) => string(one));
  const how = old ? (OLD_NAMES[old] ?? old) : (calculations[0] ?? "lastNotNull");
  const fields = string(reduce.fields);
  const all = frames.flatMap((frame) => {
    if (reduce.values === true) {
      const label = frame.fields.find((field) => field.type === "string");
      const rows = Math.min(lengthOf(frame), number(reduce.limit) ?? 25);
      const shown = frame.fields.filter((field) => isMeant(field, fields));
      return Array.from({ length: rows }, (_, row) => row).flatMap((row) => shown.map((field) => figure(field, field.values[row], label && label !== field ? `${toText(label.values[row])}${shown.length > 1 ? ` ${displayOf(field).name}` : ""}` : displayOf(field).name)));
    }
    return frame.fields.filter((field) => isMeant(field, fields)).map((field) => figure(field, reduceField(field, how), displayOf(field).name));
  });
  return all.slice(0, FIGURES_MAX);
}
