// The time range is part of the address: `?range=1h&end=1764086400`; no `end` means now.

export interface TimeRange {
  /** Length in seconds. */
  seconds: number;
  /** End as Unix seconds, or null for now. */
  end: number | null;
}

export const RANGES = ["5m", "15m", "1h", "6h", "1d", "7d"] as const;

const UNITS: Record<string, number> = { s: 1, m: 60, h: 3_600, d: 86_400, w: 604_800 };
const POINTS = 250;

/** Seconds of `1h30m`; null when it is no duration. */
export function parseDuration(text: string): number | null {
  if (!/^(\d+[smhdw])+$/.test(text)) return null;
  let seconds = 0;
  for (const [, number, unit] of text.matchAll(/(\d+)([smhdw])/g)) {
    seconds += Number(number) * (UNITS[unit ?? ""] ?? 0);
  }
  return seconds > 0 ? seconds : null;
}

/** The range when the address names none: short, so that a server just started shows something. */
export const RANGE_DEFAULT = "15m";

export function readTimeRange(search: URLSearchParams): TimeRange {
  const end = Number(search.get("end"));
  return {
    seconds: parseDuration(search.get("range") ?? RANGE_DEFAULT) ?? 900,
    end: Number.isFinite(end) && end > 0 ? end : null,
  };
}

/** Start, end and step in seconds; the step divides them, so that points stay where they are. */
export function bounds(range: TimeRange, nowMs: number) {
  const step = Math.max(1, Math.ceil(range.seconds / POINTS));
  const last = range.end ?? nowMs / 1_000;
  const end = Math.floor(last / step) * step;
  return { start: end - Math.floor(range.seconds / step) * step, end, step };
}
