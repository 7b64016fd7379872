// Transformations of fields and rows within a table.
import { matchesField } from "@/lib/dashboard/field-config";
import { type Cell, type Field, type Frame, joinTimes, lengthOf, numbersOf, plainName, toNumber, toText } from "@/lib/dashboard/frame";
import { isObject, type JsonObject, list, number, object, string } from "@/lib/dashboard/model";
import { reduceCells } from "@/lib/dashboard/reduce";

const nameIn = (field: Field, frame: Frame, all: readonly Frame[]) => plainName(field, frame, all);

function binary(left: number | null, operator: string, right: number | null): number | null {
  if (left === null || right === null) return null;
  switch (operator) {
    case "-":
      return left - right;
    case "*":
      return left * right;
    case "/":
      return right === 0 ? null : left / right;
    case "**":
      return left ** right;
    case "%":
      return left % right;
    default:
      return left + right;
  }
}

const UNARY: Record<string, (value: number) => number> = { abs: Math.abs, exp: Math.exp, ln: Math.log, floor: Math.floor, ceil: Math.ceil, round: Math.round, sign: Math.sign, trunc: Math.trunc };

/** Series of one grid side by side, so that they can be calculated with. */
function wide(frames: readonly Frame[]): Frame[] {
  if (frames.length < 2 || !frames.every((frame) => frame.isSeries)) return [...frames];
  const { times, columns } = joinTimes(frames);
  return [{ refId: frames[0]?.refId ?? "A", fields: [{ name: "Time", type: "time", values: times.map((at) => at * 1_000) }, ...columns.map(({ field, frame, values }): Field => ({ ...field, name: nameIn(field, frame, frames), sourceName: undefined, values }))] }];
}

export function calculateField(given: readonly Frame[], options: JsonObject): Frame[] {
  const mode = string(options.mode, "reduceRow");
  const frames = wide(given);
  return frames.map((frame) => {
    const by = (name: string) => frame.fields.find((field) => nameIn(field, frame, frames) === name || field.name === name);
    const column = (side: unknown): ((row: number) => number | null) => {
      const name = isObject(side) ? string(object(side.matcher).options ?? side.fixed) : string(side);
      const field = by(name);
      const fixed = number(name);
      return field ? (row) => toNumber(field.values[row]) : () => fixed;
    };
    const rows = Array.from({ length: lengthOf(frame) }, (_, row) => row);
    let values: Cell[] = [];
    let name = string(options.alias);
    if (mode === "binary") {
      const rule = object(options.binary);
      const [left, right] = [column(rule.left), column(rule.right)];
      values = rows.map((row) => binary(left(row), string(rule.operator, "+"), right(row)));
      name ||= `${string(isObject(rule.left) ? object(rule.left.matcher).options : rule.left)} ${string(rule.operator, "+")} ${string(isObject(rule.right) ? (object(rule.right.matcher).options ?? rule.right.fixed) : rule.right)}`;
    } else if (mode === "unary") {
      const rule = object(options.unary);
      const source = column(rule.fieldName);
      values = rows.map((row) => { const value = source(row); return value === null ? null : (UNARY[string(rule.operator, "abs")] ?? Math.abs)(value); });
      name ||= `${string(rule.operator)}(${string(rule.fieldName)})`;
    } else if (mode === "index") {
      const isShare = object(options.index).asPercentile === true;
      values = rows.map((row) => (isShare ? (row + 1) / rows.length : row));
      name ||= "Row";
    } else {
      const rule = object(mode === "cumulativeFunctions" ? options.cumulative : mode === "windowFunctions" ? options.window : options.reduce);
      if (mode === "cumulativeFunctions") {
        const source = column(rule.field);
        let total = 0;
        values = rows.map((row) => { total += source(row) ?? 0; return rule.reducer === "mean" ? total / (row + 1) : total; });
      } else if (mode === "windowFunctions") {
        const source = column(rule.field);
        const size = Math.max(1, Math.round(rule.windowSizeMode === "fixed" ? (number(rule.windowSize) ?? 3) : (number(rule.windowSize) ?? 0.1) * rows.length));
        values = rows.map((row) => reduceCells(rows.slice(Math.max(0, row - size + 1), row + 1).map(source), string(rule.reducer, "mean")));
      } else {
        const include = list(rule.include).map((one) => string(one));
        const sources = numbersOf(frame).filter((field) => include.length === 0 || include.includes(nameIn(field, frame, frames)));
        values = rows.map((row) => reduceCells(sources.map((field) => field.values[row]), string(rule.reducer, "sum")));
      }
      name ||= string(rule.reducer, "sum") === "sum" ? "Total" : string(rule.reducer);
    }
    const made: Field = { name, sourceName: name, type: "number", values };
    const kept = options.replaceFields === true ? frame.fields.filter((field) => field.type === "time") : frame.fields;
    return { ...frame, fields: [...kept, made] };
  });
}

export function convertFieldType(frames: readonly Frame[], options: JsonObject): Frame[] {
  const rules = new Map(list(options.conversions).map((one) => [string(object(one).targetField), string(object(one).destinationType)]));
  const convert = (cell: Cell, type: string): Cell => {
    if (cell === null || cell === undefined) return null;
    if (type === "number") return toNumber(cell);
    if (type === "boolean") return cell === true || cell === "true" || (toNumber(cell) ?? 0) !== 0;
    if (type === "time") {
      const read = toNumber(cell) ?? Date.parse(toText(cell));
      return Number.isNaN(read) ? null : read;
    }
    return toText(cell);
  };
  return frames.map((frame) => ({
    ...frame,
    fields: frame.fields.map((field) => {
      const type = rules.get(nameIn(field, frame, frames));
      if (type !== "number" && type !== "string" && type !== "time" && type !== "boolean") return field;
      return { ...field, type, values: field.values.map((cell) => convert(cell, type)) };
    }),
  }));
}

/** Fields out of texts: JSON, or pairs of keys and values. */
export function extractFields(frames: readonly Frame[], options: JsonObject): Frame[] {
  const source = string(options.source);
  const paths = list(options.jsonPaths).map((one) => string(object(one).path)).filter(Boolean);
  return frames.map((frame) => {
    const field = frame.fields.find((one) => nameIn(one, frame, frames) === source);
    if (!field) return frame;
    const rows = field.values.map((cell): Record<string, unknown> => {
      if (isObject(cell)) return cell;
      const text = toText(cell);
      if (options.format === "kvp") return Object.fromEntries([...text.matchAll(/([\w.]+)[=:]("[^"]*"|[^\s,&]+)/g)].map((match) => [match[1] ?? "", (match[2] ?? "").replace(/^"|"$/g, "")]));
      try {
        return object(JSON.parse(text));
      } catch {
        return {};
      }
    });
    const at = (row: Record<string, unknown>, path: string) => path.split(".").reduce<unknown>((value, part) => (isObject(value) ? value[part] : undefined), row);
    const names = paths.length > 0 ? paths : [...new Set(rows.flatMap((row) => Object.keys(row)))].slice(0, 200);
    const made = names.map((name): Field => {
      const values = rows.map((row) => (at(row, name) ?? null) as Cell);
      return { name, type: values.every((cell) => cell === null || typeof cell === "number") ? "number" : "string", values };
    });
    const kept = options.replace === true ? frame.fields.filter((one) => options.keepTime === true && one.type === "time") : frame.fields;
    return { ...frame, isSeries: false, fields: [...kept, ...made] };
  });
}

function holds(cell: Cell, id: string, options: JsonObject): boolean {
  const value = toNumber(cell);
  const wanted = number(options.value);
  switch (id) {
    case "isNull":
      return cell === null || cell === undefined;
    case "isNotNull":
      return cell !== null && cell !== undefined;
    case "equal":
      return toText(cell) === string(options.value);
    case "notEqual":
      return toText(cell) !== string(options.value);
    case "regex":
      return matchesField("byRegexp", options.value, { name: "", type: "string", values: [] }, { refId: "", fields: [] }, toText(cell));
    case "substring":
      return toText(cell).toLowerCase().includes(string(options.value).toLowerCase());
    case "notSubstring":
      return !toText(cell).toLowerCase().includes(string(options.value).toLowerCase());
    case "between":
      return value !== null && value >= (number(options.from) ?? Number.NEGATIVE_INFINITY) && value <= (number(options.to) ?? Number.POSITIVE_INFINITY);
    case "greater":
      return value !== null && wanted !== null && value > wanted;
    case "greaterOrEqual":
      return value !== null && wanted !== null && value >= wanted;
    case "lower":
      return value !== null && wanted !== null && value < wanted;
    case "lowerOrEqual":
      return value !== null && wanted !== null && value <= wanted;
    default:
      return false;
  }
}

export function filterByValue(frames: readonly Frame[], options: JsonObject): Frame[] {
  const filters = list(options.filters).map(object);
  if (filters.length === 0) return [...frames];
  return frames.map((frame) => {
    const rows: number[] = [];
    for (let row = 0; row < lengthOf(frame); row += 1) {
      const results = filters.flatMap((filter) => {
        const field = frame.fields.find((one) => nameIn(one, frame, frames) === string(filter.fieldName) || one.name === string(filter.fieldName));
        return field ? [holds(field.values[row], string(object(filter.config).id), object(object(filter.config).options))] : [];
      });
      const isMatch = results.length > 0 && (options.match === "all" ? results.every(Boolean) : results.some(Boolean));
      if (results.length === 0 || (options.type === "exclude" ? !isMatch : isMatch)) rows.push(row);
    }
    return { ...frame, fields: frame.fields.map((field) => ({ ...field, values: rows.map((row) => field.values[row]) })) };
  });
}

/** A first column of names and a second of values as one row of fields. */
export function rowsToFields(frames: readonly Frame[], options: JsonObject): Frame[] {
  const mappings = list(options.mappings).map(object);
  return frames.map((frame) => {
    const meant = (key: string) => mappings.find((mapping) => mapping.handlerKey === key)?.fieldName;
    const names = frame.fields.find((field) => field.name === meant("field.name")) ?? frame.fields.find((field) => field.type === "string");
    const values = frame.fields.find((field) => field.name === meant("field.value")) ?? frame.fields.find((field) => field.type === "number");
    if (!names || !values) return frame;
    return { refId: frame.refId, fields: names.values.map((name, row): Field => ({ name: toText(name), type: values.type, values: [values.values[row]] })) };
  });
}

/** How many values fall between bounds of equal distance. */
export function histogram(frames: readonly Frame[], options: JsonObject): Frame[] {
  const fields = frames.flatMap((frame) => numbersOf(frame).map((field) => ({ name: nameIn(field, frame, frames), known: field.values.map(toNumber).filter((value): value is number => value !== null && Number.isFinite(value)) })));
  const all = fields.flatMap(({ known }) => known);
  if (all.length === 0) return [];
  const [low, high] = [all.reduce((a, b) => Math.min(a, b)), all.reduce((a, b) => Math.max(a, b))];
  const count = number(options.bucketCount) ?? 30;
  const exact = (high - low) / Math.max(1, count) || 1;
  const power = 10 ** Math.floor(Math.log10(exact));
  const size = number(options.bucketSize) || [1, 2, 2.5, 5, 10].map((digit) => digit * power).find((step) => step >= exact) || exact;
  const start = Math.floor(low / size) * size;
  const buckets = Math.min(1_000, Math.floor((high - start) / size) + 1);
  const bounds = Array.from({ length: buckets }, (_, index) => start + index * size);
  const counts = (known: readonly number[]) => {
    const made = bounds.map(() => 0);
    for (const value of known) {
      const at = Math.min(buckets - 1, Math.floor((value - start) / size));
      made[at] = (made[at] ?? 0) + 1;
    }
    return made;
  };
  const columns = options.combine === true ? [{ name: "count", values: counts(all) }] : fields.map(({ name, known }) => ({ name, values: counts(known) }));
  return [{ refId: frames[0]?.refId ?? "A", fields: [{ name: "xMin", type: "number", values: bounds }, { name: "xMax", type: "number", values: bounds.map((bound) => bound + size) }, ...columns.map(({ name, values }): Field => ({ name, type: "number", values }))] }];
}
