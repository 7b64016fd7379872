// Grafana's transformations: frames become other frames, one step after the other.
import { matchesField } from "@/lib/dashboard/field-config";
import { type Field, type Frame, lengthOf, numbersOf, plainName, timeOf, toNumber, toText } from "@/lib/dashboard/frame";
import { groupBy, joinByField, joinByLabels, merge, seriesToRows } from "@/lib/dashboard/join";
import { isObject, type JsonObject, list, number, object, string } from "@/lib/dashboard/model";
import { reduceField, reducerName } from "@/lib/dashboard/reduce";
import { calculateField, convertFieldType, extractFields, filterByValue, histogram, rowsToFields } from "@/lib/dashboard/shape";

type Step = (frames: readonly Frame[], options: JsonObject) => Frame[];

const nameIn = (field: Field, frame: Frame, all: readonly Frame[]) => plainName(field, frame, all);

/** One row a series: its name or labels, and each calculation. */
const reduce: Step = (frames, options) => {
  const how = list(options.reducers).map((one) => string(one));
  const reducers = how.length > 0 ? how : ["max"];
  if (options.mode === "reduceFields") {
    return frames.map((frame) => ({ ...frame, isSeries: false, fields: frame.fields.filter((field) => field.type === "number" || options.includeTimeField === true).flatMap((field) => reducers.map((reducer) => ({ ...field, name: reducers.length > 1 ? `${nameIn(field, frame, frames)} ${reducerName(reducer)}` : nameIn(field, frame, frames), sourceName: undefined, values: [reduceField(field, reducer)] }))) }));
  }
  const rows = frames.flatMap((frame) => frame.fields.filter((field) => field.type !== "time" || options.includeTimeField === true).map((field) => ({ field, name: nameIn(field, frame, frames) })));
  const labels = options.labelsToFields === true ? [...new Set(rows.flatMap(({ field }) => Object.keys(field.labels ?? {})))] : [];
  const text = (name: string, values: string[]): Field => ({ name, type: "string", values });
  const fields: Field[] = labels.length > 0 ? labels.map((label) => text(label, rows.map(({ field }) => field.labels?.[label] ?? ""))) : [text("Field", rows.map(({ name }) => name))];
  for (const reducer of reducers) {
    const values = rows.map(({ field }) => reduceField(field, reducer));
    fields.push({ name: reducerName(reducer), type: values.every((value) => value === null || typeof value === "number") ? "number" : "string", values });
  }
  return [{ refId: frames[0]?.refId ?? "A", fields }];
};

const organize: Step = (frames, options) => {
  const [hidden, order, renamed, included] = [object(options.excludeByName), object(options.indexByName), object(options.renameByName), object(options.includeByName)];
  return frames.map((frame) => {
    const named = frame.fields.map((field) => ({ field, name: nameIn(field, frame, frames) }));
    const kept = named.filter(({ field, name }) => hidden[name] !== true && hidden[field.name] !== true && (Object.keys(included).length === 0 || included[name] === true));
    const place = (name: string, index: number) => number(order[name]) ?? 1_000 + index;
    const sorted = kept.map((one, index) => ({ ...one, at: place(one.name, index) })).toSorted((a, b) => a.at - b.at);
    return { ...frame, fields: sorted.map(({ field, name }) => { const next = string(renamed[name]); return next ? { ...field, name: next, sourceName: next } : field; }) };
  });
};

const filterFieldsByName: Step = (frames, options) => {
  const wanted = (rule: unknown, name: string): boolean | null => {
    const { names, pattern } = object(rule);
    if (list(names).length === 0 && !string(pattern)) return null;
    return list(names).some((one) => string(one) === name) || (string(pattern) !== "" && matchesField("byRegexp", pattern, { name, type: "string", values: [] }, { refId: "", fields: [] }, name));
  };
  return frames.map((frame) => ({
    ...frame,
    fields: frame.fields.filter((field) => {
      const name = nameIn(field, frame, frames);
      const [isIn, isOut] = [wanted(options.include, name), wanted(options.exclude, name)];
      return (isIn ?? true) && !(isOut ?? false);
    }),
  }));
};

const filterByRefId: Step = (frames, options) => {
  const include = string(options.include);
  if (!include) return [...frames];
  return frames.filter((frame) => matchesField("byRegexp", include.startsWith("/") ? include : `^(${include})$`, { name: "", type: "string", values: [] }, frame, frame.refId));
};

const renameByRegex: Step = (frames, options) => {
  const pattern = string(options.regex);
  return frames.map((frame) => ({
    ...frame,
    fields: frame.fields.map((field) => {
      if (field.type === "time" && frame.isSeries) return field;
      const name = nameIn(field, frame, frames);
      try {
        const found = /^\/(.*)\/([gimsuy]*)$/s.exec(pattern);
        const next = name.replace(found ? new RegExp(found[1] ?? "", found[2]) : new RegExp(pattern), string(options.renamePattern));
        return next === name ? field : { ...field, name: next, sourceName: next };
      } catch {
        return field;
      }
    }),
  }));
};

/** Labels become columns of their own, or rows of names and values. */
const labelsToFields: Step = (frames, options) => {
  const keep = list(options.keepLabels).map((one) => string(one));
  const wide = frames.map((frame) => {
    const labels: Record<string, string> = Object.assign({}, ...frame.fields.map((field) => field.labels ?? {}));
    const names = Object.keys(labels).filter((label) => keep.length === 0 || keep.includes(label));
    if (options.mode === "rows") return { ...frame, isSeries: false, fields: [{ name: "label", type: "string" as const, values: names }, { name: "value", type: "string" as const, values: names.map((name) => labels[name] ?? "") }] };
    const valueLabel = string(options.valueLabel);
    const columns = names.filter((name) => name !== valueLabel && name !== "__name__").map((name): Field => ({ name, type: "string", values: Array.from({ length: lengthOf(frame) }, () => labels[name] ?? "") }));
    const fields = frame.fields.map((field) => ({ ...field, name: valueLabel && field.labels?.[valueLabel] ? field.labels[valueLabel] : field.type === "number" && labels.__name__ ? labels.__name__ : field.name, labels: undefined, sourceName: undefined }));
    const time = fields.filter((field) => field.type === "time");
    return { ...frame, isSeries: false, name: undefined, fields: [...time, ...columns, ...fields.filter((field) => field.type !== "time")] };
  });
  return options.mode === "rows" ? wide : merge(wide);
};

const sortBy: Step = (frames, options) => {
  const rule = object(list(options.sort)[0]);
  return frames.map((frame) => {
    const key = frame.fields.find((field) => nameIn(field, frame, frames) === string(rule.field));
    if (!key) return frame;
    const sign = rule.desc === true ? -1 : 1;
    const order = key.values.map((_, index) => index).toSorted((a, b) => {
      const [left, right] = [toNumber(key.values[a]), toNumber(key.values[b])];
      return sign * (left !== null && right !== null ? left - right : toText(key.values[a]).localeCompare(toText(key.values[b])));
    });
    return { ...frame, fields: frame.fields.map((field) => ({ ...field, values: order.map((index) => field.values[index]) })) };
  });
};

const limit: Step = (frames, options) => {
  const count = number(options.limitField) ?? 10;
  return frames.map((frame) => ({ ...frame, fields: frame.fields.map((field) => ({ ...field, values: count < 0 ? field.values.slice(count) : field.values.slice(0, count) })) }));
};

const concatenate: Step = (frames) => {
  const longest = Math.max(0, ...frames.map(lengthOf));
  return [{ refId: frames[0]?.refId ?? "A", fields: frames.flatMap((frame) => frame.fields.map((field) => ({ ...field, sourceName: field.type === "number" ? nameIn(field, frame, frames) : field.sourceName, values: [...field.values, ...Array.from({ length: longest - field.values.length }, () => null)] }))) }];
};

const groupingToMatrix: Step = (frames, options) => {
  const frame = frames[0];
  if (!frame || frames.length !== 1) return [...frames];
  const by = (name: string) => frame.fields.find((field) => nameIn(field, frame, frames) === name);
  const [column, row, value] = [by(string(options.columnField, "Time")), by(string(options.rowField, "Time")), by(string(options.valueField, "Value"))];
  if (!column || !row || !value) return [...frames];
  const rows = [...new Set(row.values)];
  const columns = [...new Set(column.values.map(toText))];
  const cells = new Map(value.values.map((cell, index) => [`${toText(row.values[index])} ${toText(column.values[index])}`, cell]));
  return [{ refId: frame.refId, fields: [{ ...row, name: `${row.name}\\${column.name}`, sourceName: undefined, values: rows }, ...columns.map((name): Field => ({ name, type: value.type, values: rows.map((key) => cells.get(`${toText(key)} ${name}`) ?? null) }))] }];
};

const partitionByValues: Step = (frames, options) => {
  const names = list(options.fields).map((one) => string(one));
  return frames.flatMap((frame) => {
    const keys = frame.fields.filter((field) => names.includes(nameIn(field, frame, frames)));
    if (keys.length === 0) return [frame];
    const groups = new Map<string, number[]>();
    for (let index = 0; index < lengthOf(frame); index += 1) {
      const key = keys.map((field) => toText(field.values[index])).join(" ");
      groups.set(key, [...(groups.get(key) ?? []), index]);
    }
    const kept = options.keepFields === true ? frame.fields : frame.fields.filter((field) => !keys.includes(field));
    return [...groups].map(([name, rows]) => ({ refId: frame.refId, name, isSeries: true, fields: kept.map((field) => ({ ...field, values: rows.map((row) => field.values[row]) })) }));
  });
};

/** A row a series with its line as a cell. */
const timeSeriesTable: Step = (frames) => {
  const series = frames.filter((frame) => timeOf(frame));
  const labels = [...new Set(series.flatMap((frame) => Object.keys(numbersOf(frame)[0]?.labels ?? {})))].filter((label) => label !== "__name__");
  return [{ refId: frames[0]?.refId ?? "A", fields: [...labels.map((label): Field => ({ name: label, type: "string", values: series.map((frame) => numbersOf(frame)[0]?.labels?.[label] ?? "") })), { name: `Trend #${frames[0]?.refId ?? "A"}`, type: "other", values: series.map((frame) => ({ line: (numbersOf(frame)[0]?.values ?? []).map(toNumber) })) }] }];
};

const transpose: Step = (frames, options) =>
  frames.map((frame) => {
    const [head, ...rest] = frame.fields;
    if (!head) return frame;
    const columns = head.values.map((cell, at): Field => ({ name: toText(cell), type: rest.every((field) => field.type === "number") ? "number" : "string", values: rest.map((field) => field.values[at]) }));
    return { refId: frame.refId, fields: [{ name: string(options.firstFieldName, "Field"), type: "string", values: rest.map((field) => nameIn(field, frame, frames)) }, ...columns] };
  });

const STEPS: Record<string, Step> = {
  reduce, organize, filterFieldsByName, filterByRefId, renameByRegex, labelsToFields, sortBy, limit, concatenate, groupingToMatrix, partitionByValues, timeSeriesTable, transpose,
  merge: (frames) => merge(frames), joinByField, seriesToColumns: joinByField, joinByLabels, seriesToRows: (frames) => seriesToRows(frames), groupBy,
  calculateField, convertFieldType, extractFields, filterByValue, histogram, rowsToFields,
  // Frames here are long already.
  prepareTimeSeries: (frames) => [...frames],
};

export const TRANSFORMATIONS = Object.keys(STEPS);

/** Applies what is known; gives the names of what is not. */
export function transform(frames: readonly Frame[], steps: readonly { id: string; options: JsonObject; disabled?: boolean; filter?: JsonObject | undefined }[]): { frames: Frame[]; unknown: string[] } {
  let now = [...frames];
  const unknown: string[] = [];
  for (const { id, options, disabled, filter } of steps) {
    if (disabled) continue;
    const step = STEPS[id];
    if (!step) {
      unknown.push(id);
      continue;
    }
    if (isObject(filter) && string(filter.options)) {
      const isMeant = (frame: Frame) => matchesField("byRegexp", `^(${string(filter.options).replace(/^\/|\/$/g, "")})$`, { name: "", type: "string", values: [] }, frame, frame.refId);
      now = [...step(now.filter(isMeant), options), ...now.filter((frame) => !isMeant(frame))];
    } else {
      now = step(now, options);
    }
  }
  return { frames: now, unknown };
}
