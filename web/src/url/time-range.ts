// The time range is part of the address, as Grafana writes it: `?from=now-1h&to=now`, milliseconds or
// ISO times. The older `?range=1h&end=1764086400` is still read.

/** A range as it stands in the address: relative to now, or fixed. */
export interface TimeRange {
  from: string;
  to: string;
}

/** A range of a moment, in Unix seconds. */
export interface Span {
  start: number;
  end: number;
}

/** A span with the step of its points, all in seconds. */
export interface Bounds extends Span {
  step: number;
}

export const QUICK_RANGES = ["5m", "15m", "30m", "1h", "3h", "6h", "12h", "1d", "2d", "7d", "30d", "90d"] as const;
export const REFRESH_INTERVALS = ["off", "5s", "10s", "30s", "1m", "5m", "15m"] as const;

/** The range when the address names none: short, so that a server just started shows something. */
export const RANGE_DEFAULT: TimeRange = { from: "now-15m", to: "now" };

const UNITS: Record<string, number> = { ms: 0.001, s: 1, m: 60, h: 3_600, d: 86_400, w: 604_800, M: 2_592_000, y: 31_536_000 };
const STEPS = [1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1_200, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800];

/** Seconds of `1h30m`; null when it is no duration. */
export function parseDuration(text: string): number | null {
  if (!/^(\d+(ms|[smhdwMy]))+$/.test(text)) return null;
  let seconds = 0;
  for (const [, number, unit] of text.matchAll(/(\d+)(ms|[smhdwMy])/g)) {
    seconds += Number(number) * (UNITS[unit ?? ""] ?? 0);
  }
  return seconds > 0 ? seconds : null;
}

/** `5400` as `1h30m`. */
export function formatDuration(seconds: number): string {
  let rest = Math.round(seconds);
  let text = "";
  for (const unit of ["d", "h", "m", "s"]) {
    const size = UNITS[unit] ?? 1;
    const count = Math.floor(rest / size);
    if (count > 0) text += `${count}${unit}`;
    rest -= count * size;
  }
  return text || "0s";
}

export function readTimeRange(search: URLSearchParams, otherwise: TimeRange = RANGE_DEFAULT): TimeRange {
  const from = search.get("from");
  if (from) return { from, to: search.get("to") ?? "now" };
  const seconds = parseDuration(search.get("range") ?? search.get("g0.range_input") ?? "");
  if (seconds === null) return otherwise;
  const end = Number(search.get("end"));
  if (!Number.isFinite(end) || end <= 0) return { from: `now-${formatDuration(seconds)}`, to: "now" };
  return { from: `${(end - seconds) * 1_000}`, to: `${end * 1_000}` };
}

/** Unix seconds of one end of a range; null when it cannot be read. */
export function resolveTime(text: string, nowMs: number, isEnd = false): number | null {
  const relative = /^now(?:([-+])(\d+)(ms|[smhdwMy]))?(?:\/([smhdwMy]))?$/.exec(text.trim());
  if (relative) {
    const [, sign, count, unit, rounding] = relative;
    let seconds = nowMs / 1_000;
    if (sign) seconds += (sign === "-" ? -1 : 1) * Number(count) * (UNITS[unit ?? ""] ?? 0);
    return rounding ? roundTo(seconds, rounding, isEnd) : seconds;
  }
  if (/^\d{9,}$/.test(text)) return Number(text) > 1e11 ? Number(text) / 1_000 : Number(text);
  const parsed = Date.parse(text);
  return Number.isNaN(parsed) ? null : parsed / 1_000;
}

function roundTo(seconds: number, unit: string, isEnd: boolean): number {
  const date = new Date(seconds * 1_000);
  if (unit === "y") date.setMonth(0);
  if (unit === "y" || unit === "M") date.setDate(1);
  if (unit === "w") date.setDate(date.getDate() - ((date.getDay() + 6) % 7));
  if ("yMwd".includes(unit)) date.setHours(0);
  if ("yMwdh".includes(unit)) date.setMinutes(0);
  date.setSeconds(0, 0);
  const start = date.getTime() / 1_000;
  return isEnd ? start + (UNITS[unit] ?? 0) - 0.001 : start;
}

/** The range's ends at `nowMs`; a range that cannot be read is the last quarter of an hour. */
export function resolveRange(range: TimeRange, nowMs: number): Span {
  const end = resolveTime(range.to, nowMs, true) ?? nowMs / 1_000;
  const start = resolveTime(range.from, nowMs) ?? end - 900;
  return start < end ? { start, end } : { start: end - 60, end };
}

/** A step that people read easily, at least `least` seconds, for about `points` points. */
export function chooseStep(span: Span, points = 300, least = 1): number {
  const exact = Math.max((span.end - span.start) / points, least);
  return STEPS.find((step) => step >= exact) ?? Math.ceil(exact / 86_400) * 86_400;
}

/** Ends on the step's grid, so that points stay where they are. */
export function alignSpan(span: Span, step: number): Bounds {
  const end = Math.floor(span.end / step) * step;
  return { start: Math.min(Math.floor(span.start / step) * step, end), end, step };
}

export function isRelative(range: TimeRange): boolean {
  return range.to.startsWith("now");
}

/** The range as people say it: `1h`, or null when it has no short name. */
export function shortName(range: TimeRange): string | null {
  const match = /^now-(\d+(?:ms|[smhdwMy]))$/.exec(range.from);
  return match && range.to === "now" ? (match[1] ?? null) : null;
}
