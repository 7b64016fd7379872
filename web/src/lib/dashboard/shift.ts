// A panel's own range: `timeFrom` and `timeShift` of the dashboard's.
import { parseDuration, type Span } from "@/url/time-range";

export function shiftSpan(span: Span, from: string, shift: string): Span {
  const width = from ? parseDuration(from.replace(/^now-/, "").replace(/\/\w$/, "")) : null;
  const back = (shift ? parseDuration(shift) : null) ?? 0;
  const start = width === null ? span.start : span.end - width;
  return width === null && back === 0 ? span : { start: start - back, end: span.end - back };
}
