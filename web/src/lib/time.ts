// Times as people read them, in the browser's zone or another.

type Precision = "minute" | "second" | "millisecond";

const pad = (value: number, width = 2) => String(value).padStart(width, "0");

let zone: string | undefined;

/** The zone for all times of the page; undefined is the browser's. */
export function setTimeZone(name: string | undefined): void {
  zone = name;
}

export function timeZone(): string | undefined {
  return zone;
}

/** The moment moved so that its local fields are those of the zone. */
export function inZone(ms: number): Date {
  const date = new Date(ms);
  if (!zone) return date;
  try {
    const parts = new Intl.DateTimeFormat("en-CA", { timeZone: zone, hourCycle: "h23", year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric", second: "numeric" }).formatToParts(date);
    const field = (type: string) => Number(parts.find((part) => part.type === type)?.value ?? 0);
    return new Date(field("year"), field("month") - 1, field("day"), field("hour"), field("minute"), field("second"), ((ms % 1_000) + 1_000) % 1_000);
  } catch {
    return date;
  }
}

/** `2026-01-31 12:00:05.250`, as precise as asked. */
export function formatTime(ms: number, precision: Precision = "second"): string {
  if (!Number.isFinite(ms)) return "";
  const date = inZone(ms);
  return `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())} ${formatClock(ms, precision)}`;
}

/** `12:00:05.250`. */
export function formatClock(ms: number, precision: Precision = "second"): string {
  const date = inZone(ms);
  let text = `${pad(date.getHours())}:${pad(date.getMinutes())}`;
  if (precision !== "minute") text += `:${pad(date.getSeconds())}`;
  if (precision === "millisecond") text += `.${pad(date.getMilliseconds(), 3)}`;
  return text;
}

/** How long ago, in one unit: `5m`, `3h`. */
export function formatAge(ms: number, nowMs: number): string {
  const seconds = Math.max(0, Math.round((nowMs - ms) / 1_000));
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3_600)}h${pad(Math.floor((seconds % 3_600) / 60))}`;
  return `${Math.floor(seconds / 86_400)}d`;
}
