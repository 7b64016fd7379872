// How a field is shown: its settings with overrides, and the text and colour of its values.
import { colorOf, namedColor, scaleColor } from "@/charts/colors";
import { interpolate, type Scope } from "@/lib/dashboard/interpolate";
import { type Cell, type Field, type Frame, plainName, toNumber, toText } from "@/lib/dashboard/frame";
import { type Json, type JsonObject, list, number, object, type Override, string } from "@/lib/dashboard/model";
import { formatUnit } from "@/lib/units";

export interface Step {
  value: number | null;
  color: string;
}

/** A value as it is shown. */
export interface Shown {
  text: string;
  color: string;
  value: number | null;
  /** A mapping gave the colour or text. */
  isMapped: boolean;
}

export interface Display {
  name: string;
  unit: string;
  decimals: number | null;
  min: number | null;
  max: number | null;
  custom: JsonObject;
  thresholds: Step[];
  isPercentage: boolean;
  colorMode: string;
  seriesColor: string;
  links: { title: string; url: string; targetBlank: boolean }[];
  noValue: string;
  show: (cell: Cell) => Shown;
}

const CONTINUOUS: Record<string, readonly string[]> = {
  "continuous-GrYlRd": ["#3a9c4b", "#d9a400", "#d6403a"], "continuous-RdYlGr": ["#d6403a", "#d9a400", "#3a9c4b"], "continuous-BlYlRd": ["#3f7fd9", "#d9a400", "#d6403a"], "continuous-YlRd": ["#d9a400", "#d6403a"],
  "continuous-BlPu": ["#3f7fd9", "#a24bc4"], "continuous-YlBl": ["#d9a400", "#3f7fd9"], "continuous-blues": ["#bcd6f8", "#1f5fb8"], "continuous-reds": ["#f8bcb9", "#a8231e"], "continuous-greens": ["#b6e6be", "#2b7a38"], "continuous-purples": ["#e2c3ee", "#7a2f99"],
};

function put(into: JsonObject, path: string, value: Json): void {
  const parts = path.split(".");
  let at = into;
  for (const part of parts.slice(0, -1)) {
    if (part === "__proto__") return;
    const next = { ...object(at[part]) };
    at[part] = next;
    at = next;
  }
  const last = parts.at(-1) ?? "";
  if (last !== "__proto__") at[last] = value;
}

/** `/pattern/flags` or a bare pattern; one that cannot be read matches nothing. */
export function readPattern(text: string): RegExp {
  const found = /^\/(.*)\/([gimsuy]*)$/s.exec(text);
  try {
    return found ? new RegExp(found[1] ?? "", (found[2] ?? "").replace("g", "")) : new RegExp(text);
  } catch {
    return /(?!)/;
  }
}

const TYPES: Record<string, string> = { time: "time", number: "number", string: "string", boolean: "boolean" };

/** Whether a matcher of overrides or transformations means this field. */
export function matchesField(id: string, options: Json | undefined, field: Field, frame: Frame, name: string): boolean {
  switch (id) {
    case "byName":
      return string(options) === name || string(options) === field.name;
    case "byNames": {
      const names = list(object(options).names ?? options).map((one) => string(one));
      const isIn = names.includes(name) || names.includes(field.name);
      return object(options).mode === "exclude" ? !isIn && field.type !== "time" : isIn;
    }
    case "byRegexp":
    case "byRegex":
      return readPattern(string(options)).test(name);
    case "byType":
      return field.type === TYPES[string(options)];
    case "byTypes":
      return list(options).some((one) => field.type === string(one));
    case "byFrameRefID":
      return frame.refId === string(options);
    case "byValue":
    case "byReducer":
      return false;
    case "numeric":
      return field.type === "number";
    case "time":
      return field.type === "time";
    case "anyMatch":
      return list(options).some((one) => matchesField(string(object(one).id), object(one).options, field, frame, name));
    case "allMatch":
      return list(options).every((one) => matchesField(string(object(one).id), object(one).options, field, frame, name));
    case "invertMatch":
      return !matchesField(string(object(options).id), object(options).options, field, frame, name);
    default:
      return false;
  }
}

function readSteps(settings: JsonObject): { steps: Step[]; isPercentage: boolean } {
  const thresholds = object(settings.thresholds);
  const steps = list(thresholds.steps).map((one) => ({ value: number(object(one).value), color: namedColor(string(object(one).color), "#3a9c4b") }));
  return { steps: steps.toSorted((a, b) => (a.value ?? Number.NEGATIVE_INFINITY) - (b.value ?? Number.NEGATIVE_INFINITY)), isPercentage: thresholds.mode === "percentage" };
}

interface Mapped {
  text?: string | undefined;
  color?: string | undefined;
}

function readResult(result: JsonObject): Mapped {
  return { text: typeof result.text === "string" && result.text !== "" ? result.text : undefined, color: string(result.color) ? namedColor(string(result.color), "") : undefined };
}

function special(match: string, cell: Cell): boolean {
  const isNan = typeof cell === "number" && Number.isNaN(cell);
  if (match === "null") return cell === null || cell === undefined;
  if (match === "nan") return isNan;
  if (match === "null+nan") return cell === null || cell === undefined || isNan;
  if (match === "true") return cell === true || cell === "true";
  if (match === "false") return cell === false || cell === "false";
  return match === "empty" && cell === "";
}

/** What a mapping makes of a value; null when none is meant. */
export function mapValue(mappings: readonly Json[], cell: Cell): Mapped | null {
  for (const one of mappings) {
    const mapping = object(one);
    const options = object(mapping.options);
    const value = toNumber(cell);
    if (mapping.type === "value") {
      const result = options[toText(cell)];
      if (result !== undefined) return readResult(object(result));
    } else if (mapping.type === "range" && value !== null) {
      if (value >= (number(options.from) ?? Number.NEGATIVE_INFINITY) && value <= (number(options.to) ?? Number.POSITIVE_INFINITY)) return readResult(object(options.result));
    } else if (mapping.type === "regex") {
      const pattern = readPattern(string(options.pattern));
      const text = toText(cell);
      if (pattern.test(text)) {
        const result = readResult(object(options.result));
        return result.text ? { ...result, text: text.replace(pattern, result.text) } : result;
      }
    } else if (mapping.type === "special") {
      if (special(string(options.match), cell)) return readResult(object(options.result));
    } else if (mapping.type === 1 && (string(mapping.value) === toText(cell) || (mapping.value === "null" && (cell === null || cell === undefined)))) {
      return { text: string(mapping.text) };
    } else if (mapping.type === 2 && value !== null && value >= (number(mapping.from) ?? Number.POSITIVE_INFINITY) && value <= (number(mapping.to) ?? Number.NEGATIVE_INFINITY)) {
      return { text: string(mapping.text) };
    }
  }
  return null;
}

/** The colour of the last threshold at or under the value. */
export function thresholdColor(steps: readonly Step[], value: number | null, otherwise = "#3a9c4b"): string {
  let color = steps[0]?.color ?? otherwise;
  for (const step of steps) if (value !== null && (step.value === null || value >= step.value)) color = step.color;
  return color;
}

function rangeOf(field: Field, min: number | null, max: number | null): [number, number] {
  if (min !== null && max !== null) return [min, max];
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const cell of field.values) {
    const value = toNumber(cell);
    if (value === null || !Number.isFinite(value)) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return [min ?? (Number.isFinite(low) ? low : 0), max ?? (Number.isFinite(high) ? high : 100)];
}

function makeDisplay(field: Field, settings: JsonObject, name: string, index: number): Display {
  const { steps, isPercentage } = readSteps(settings);
  const [min, max] = [number(settings.min), number(settings.max)];
  const color = object(settings.color);
  const colorMode = string(color.mode, field.type === "number" ? "thresholds" : "");
  const unit = string(settings.unit, field.type === "time" ? "dateTimeAsIso" : "");
  const decimals = number(settings.decimals);
  const mappings = list(settings.mappings);
  const fixed = namedColor(string(color.fixedColor), colorOf(index));
  let known: [number, number] | null = null;
  const bounds = () => (known ??= rangeOf(field, min, max));
  const share = (value: number) => {
    const [low, high] = bounds();
    return high > low ? (value - low) / (high - low) : 0;
  };
  const scale = CONTINUOUS[colorMode];
  const colorFor = (value: number | null): string => {
    if (colorMode === "fixed" || colorMode === "shades") return fixed;
    if (value !== null && scale) return scaleColor(scale, share(value));
    if (colorMode.startsWith("palette")) return colorOf(index);
    return thresholdColor(steps, isPercentage && value !== null ? share(value) * 100 : value);
  };
  const last = () => {
    for (let at = field.values.length - 1; at >= 0; at -= 1) {
      const value = toNumber(field.values[at]);
      if (value !== null) return value;
    }
    return null;
  };
  const seriesColor = colorMode === "fixed" || colorMode === "shades" ? fixed : colorMode.startsWith("palette") || (colorMode === "" && !scale) ? colorOf(index) : colorFor(last());
  const noValue = string(settings.noValue);
  const show = (cell: Cell): Shown => {
    const value = toNumber(cell);
    const mapped = mappings.length > 0 ? mapValue(mappings, cell) : null;
    const isText = field.type === "string" || (value === null && typeof cell === "string");
    const plain = cell === null || cell === undefined ? noValue : isText || typeof cell === "boolean" || typeof cell === "object" ? toText(cell) : formatUnit(Number(cell), unit, decimals);
    return { text: mapped?.text ?? plain, color: mapped?.color || colorFor(value), value, isMapped: mapped !== null };
  };
  const links = list(settings.links).map((one) => ({ title: string(object(one).title), url: string(object(one).url), targetBlank: object(one).targetBlank === true }));
  return { name, unit, decimals, min, max, custom: object(settings.custom), thresholds: steps, isPercentage, colorMode, seriesColor, links, noValue, show };
}

function fieldScope(field: Field, frame: Frame, scope: Scope): Scope {
  const own = new Map(scope);
  for (const [label, value] of Object.entries(field.labels ?? {})) own.set(`__field_labels_${label}`, { values: [value], text: value, isMulti: false });
  own.set("__field_name", { values: [field.name], text: field.name, isMulti: false });
  own.set("__series_name", { values: [frame.name ?? ""], text: frame.name ?? "", isMulti: false });
  return own;
}

/** `${__field.labels.x}` as a name that can be looked up. */
export function flatNames(text: string): string {
  return text.replace(/\$\{__(field|series|value|data)\.([\w.]+)(:[^}]+)?\}/g, (_, root: string, path: string, how: string | undefined) => `\${__${root}_${path.replaceAll(".", "_")}${how ?? ""}}`).replace(/\$__cell(?!_)/g, "${__value_text}");
}

/** Gives every field its display: defaults, then each override that means it. */
export function applyConfig(frames: readonly Frame[], defaults: JsonObject, overrides: readonly Override[], scope: Scope): Frame[] {
  let index = 0;
  return frames.map((frame) => ({
    ...frame,
    fields: frame.fields.map((field) => {
      const plain = plainName(field, frame, frames);
      const settings: JsonObject = { ...defaults, ...(field.config as JsonObject | undefined) };
      if (field.type === "time" && defaults.unit !== undefined) delete settings.unit;
      for (const { matcher, properties } of overrides) {
        if (!matchesField(matcher.id, matcher.options, field, frame, plain)) continue;
        for (const { id, value } of properties) put(settings, id, value ?? null);
      }
      const given = string(settings.displayName);
      const name = given ? interpolate(flatNames(given), fieldScope(field, frame, scope)) : plain;
      const at = field.type === "number" ? index++ : index;
      return { ...field, display: makeDisplay(field, settings, name, at) };
    }),
  }));
}

/** The display of a field that has been given one. */
export function displayOf(field: Field): Display {
  return field.display ?? makeDisplay(field, {}, field.name, 0);
}
