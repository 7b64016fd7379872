// Transformations that make one table of several.
import { type Cell, type Field, type Frame, lengthOf, plainName, timeOf, toText } from "@/lib/dashboard/frame";
import { type JsonObject, list, object, string } from "@/lib/dashboard/model";
import { reduceCells } from "@/lib/dashboard/reduce";

const ROWS_MAX = 100_000;
const nameIn = (field: Field, frame: Frame, all: readonly Frame[]) => plainName(field, frame, all);

/** Rows of all tables under common columns; rows that agree where both have values become one. */
export function merge(frames: readonly Frame[]): Frame[] {
  const tables = frames.filter((frame) => frame.fields.length > 0);
  if (tables.length < 2) return [...frames];
  const columns = new Map<string, Field>();
  for (const frame of tables) for (const field of frame.fields) {
    const name = field.sourceName ?? field.name;
    if (!columns.has(name)) columns.set(name, { ...field, name, sourceName: undefined, values: [] });
  }
  const isIn = (name: string) => tables.filter((frame) => frame.fields.some((field) => (field.sourceName ?? field.name) === name)).length;
  const shared = [...columns.keys()].filter((name) => isIn(name) === tables.length);
  const rows: Map<string, Cell>[] = [];
  const byKey = new Map<string, Map<string, Cell>[]>();
  for (const frame of tables) {
    for (let index = 0; index < lengthOf(frame) && rows.length < ROWS_MAX; index += 1) {
      const row = new Map(frame.fields.map((field) => [field.sourceName ?? field.name, field.values[index]]));
      const key = shared.map((name) => toText(row.get(name))).join("\u0001");
      const others = byKey.get(key) ?? [];
      const same = shared.length > 0 ? others.find((other) => [...row].every(([name, cell]) => !other.has(name) || other.get(name) === cell)) : undefined;
      if (same) for (const [name, cell] of row) same.set(name, cell);
      else {
        rows.push(row);
        others.push(row);
        byKey.set(key, others);
      }
    }
  }
  return [{ refId: tables[0]?.refId ?? "A", fields: [...columns.values()].map((field) => ({ ...field, values: rows.map((row) => row.get(field.name) ?? null) })) }];
}

/** Tables side by side where a field is equal; by time when none is named. */
export function joinByField(frames: readonly Frame[], options: JsonObject): Frame[] {
  const wanted = string(options.byField);
  const keyed = frames.flatMap((frame) => {
    const key = wanted ? frame.fields.find((field) => nameIn(field, frame, frames) === wanted || field.name === wanted) : timeOf(frame);
    return key ? [{ frame, key }] : [];
  });
  if (keyed.length < 2) return [...frames];
  const counts = new Map<Cell, number>();
  for (const { key } of keyed) for (const cell of new Set(key.values)) counts.set(cell, (counts.get(cell) ?? 0) + 1);
  let keys = [...counts.keys()];
  if (options.mode === "inner") keys = keys.filter((cell) => counts.get(cell) === keyed.length);
  if (keyed[0]?.key.type === "time") keys.sort((a, b) => Number(a) - Number(b));
  const first = keyed[0]?.key;
  const fields: Field[] = [{ name: first?.name ?? "Time", type: first?.type ?? "time", values: keys }];
  const taken = new Map<string, number>();
  for (const { frame, key } of keyed) {
    const place = new Map(key.values.map((cell, index) => [cell, index]));
    for (const field of frame.fields) {
      if (field === key) continue;
      const name = nameIn(field, frame, frames);
      const before = taken.get(name) ?? 0;
      taken.set(name, before + 1);
      fields.push({ ...field, name: before > 0 ? `${name} ${before + 1}` : name, sourceName: undefined, values: keys.map((cell) => { const at = place.get(cell); return at === undefined ? null : field.values[at]; }) });
    }
  }
  return [{ refId: keyed[0]?.frame.refId ?? "A", fields }];
}

/** Values of one label as columns, the rest as what joins them. */
export function joinByLabels(frames: readonly Frame[], options: JsonObject): Frame[] {
  const value = string(options.value);
  const by = list(options.join).map((one) => string(one));
  const rows = new Map<string, { labels: Record<string, string>; cells: Map<string, Cell> }>();
  const columns = new Set<string>();
  for (const frame of frames) for (const field of frame.fields) {
    const column = field.labels?.[value];
    if (field.type !== "number" || column === undefined) continue;
    const labels = Object.fromEntries(Object.entries(field.labels ?? {}).filter(([label]) => label !== value && (by.length === 0 ? label !== "__name__" : by.includes(label))));
    const key = JSON.stringify(Object.entries(labels).toSorted());
    const row = rows.get(key) ?? { labels, cells: new Map<string, Cell>() };
    row.cells.set(column, field.values.at(-1) ?? null);
    rows.set(key, row);
    columns.add(column);
  }
  const all = [...rows.values()];
  const names = [...new Set(all.flatMap((row) => Object.keys(row.labels)))];
  return [{ refId: frames[0]?.refId ?? "A", fields: [...names.map((name): Field => ({ name, type: "string", values: all.map((row) => row.labels[name] ?? "") })), ...[...columns].map((name): Field => ({ name, type: "number", values: all.map((row) => row.cells.get(name) ?? null) }))] }];
}

/** Time, name of the series and value, the newest first. */
export function seriesToRows(frames: readonly Frame[]): Frame[] {
  const rows: { time: Cell; metric: string; value: Cell }[] = [];
  for (const frame of frames) {
    const time = timeOf(frame);
    if (!time) continue;
    for (const field of frame.fields) {
      if (field === time) continue;
      const metric = nameIn(field, frame, frames);
      for (const [index, value] of field.values.entries()) if (rows.length < ROWS_MAX) rows.push({ time: time.values[index], metric, value });
    }
  }
  rows.sort((a, b) => Number(b.time) - Number(a.time));
  return [{ refId: frames[0]?.refId ?? "A", fields: [{ name: "Time", type: "time", values: rows.map((row) => row.time) }, { name: "Metric", type: "string", values: rows.map((row) => row.metric) }, { name: "Value", type: "number", values: rows.map((row) => row.value) }] }];
}

/** Rows of equal keys become one, with calculations of the other columns. */
export function groupBy(frames: readonly Frame[], options: JsonObject): Frame[] {
  const rules = object(options.fields);
  return frames.map((frame) => {
    const rule = (field: Field) => object(rules[nameIn(field, frame, frames)]);
    const keys = frame.fields.filter((field) => rule(field).operation === "groupby");
    if (keys.length === 0) return frame;
    const groups = new Map<string, number[]>();
    for (let index = 0; index < lengthOf(frame); index += 1) {
      const key = keys.map((field) => toText(field.values[index])).join("\u0001");
      const rows = groups.get(key);
      if (rows) rows.push(index);
      else groups.set(key, [index]);
    }
    const all = [...groups.values()];
    const fields: Field[] = keys.map((field) => ({ ...field, values: all.map((rows) => field.values[rows[0] ?? 0]) }));
    for (const field of frame.fields) {
      if (rule(field).operation !== "aggregate") continue;
      for (const how of list(rule(field).aggregations)) {
        const values = all.map((rows) => reduceCells(rows.map((row) => field.values[row]), string(how)));
        fields.push({ name: `${nameIn(field, frame, frames)} (${string(how)})`, type: values.every((cell) => cell === null || typeof cell === "number") ? (field.type === "time" ? "time" : "number") : "string", values });
      }
    }
    return { refId: frame.refId, fields };
  });
}
