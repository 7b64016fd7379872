// A line of a log as the page shows it, whatever sent it.

export interface LogLine {
  id: string;
  index: string;
  timeMs: number;
  level: string;
  service: string;
  message: string;
  traceId: string;
  spanId: string;
  /** Every field by its dotted path, as text. */
  fields: Record<string, string>;
}

const MESSAGE = ["message", "body", "Body", "log", "msg", "event.original", "line"] as const;
const LEVEL = ["level", "log.level", "severity_text", "severity", "SeverityText", "loglevel", "severityText", "detected_level"] as const;
const SERVICE = ["service.name", "service", "service_name", "resource.service.name", "resource.attributes.service.name", "Resource.service.name", "app", "application", "container.name", "program", "job"] as const;
const TRACE = ["trace_id", "trace.id", "traceId", "traceID", "TraceId", "traceid"] as const;
const SPAN = ["span_id", "span.id", "spanId", "spanID", "SpanId", "spanid"] as const;
const DEPTH_MAX = 20;

/** The names under which a trace's id is kept, for a search. */
export const TRACE_FIELDS = TRACE.slice(0, 4);
export const SPAN_FIELDS = SPAN.slice(0, 3);
export const SERVICE_FIELDS = SERVICE.slice(0, 4);

function flatten(value: unknown, path: string, into: Record<string, string>, depth: number): void {
  if (value === null || value === undefined) return;
  if (typeof value === "object" && !Array.isArray(value) && depth < DEPTH_MAX) {
    for (const [name, inner] of Object.entries(value)) flatten(inner, path ? `${path}.${name}` : name, into, depth + 1);
    return;
  }
  into[path] = typeof value === "string" ? value : JSON.stringify(value);
}

function first(fields: Record<string, string>, names: readonly string[]): string {
  for (const name of names) {
    const value = fields[name];
    if (value) return value;
  }
  return "";
}

/** One of a few levels, for colour; empty when it is none of them. */
export function normalLevel(text: string): "error" | "warn" | "info" | "debug" | "" {
  const level = text.toLowerCase();
  if (/^(e|err|error|fatal|crit|critical|panic|emerg|alert|severe)/.test(level)) return "error";
  if (/^(w|warn)/.test(level)) return "warn";
  if (/^(i|info|notice|n)/.test(level)) return "info";
  if (/^(d|debug|trace|verbose|t)/.test(level)) return "debug";
  return "";
}

export function makeLine(id: string, index: string, timeMs: number, source: unknown): LogLine {
  const fields: Record<string, string> = {};
  flatten(source, "", fields, 0);
  return {
    id,
    index,
    timeMs,
    level: first(fields, LEVEL),
    service: first(fields, SERVICE),
    message: first(fields, MESSAGE) || JSON.stringify(source),
    traceId: first(fields, TRACE),
    spanId: first(fields, SPAN),
    fields,
  };
}

const RESERVED = /[+\-=&|><!(){}[\]^"~*?:\\/\s]/;

/** `field:"value"` in Lucene's syntax. */
export function luceneTerm(field: string, value: string): string {
  const name = field.replace(/([+\-=&|><!(){}[\]^"~*?:\\/\s])/g, "\\$1");
  return `${name}:${RESERVED.test(value) || value === "" || /^(AND|OR|NOT)$/.test(value) ? `"${value.replace(/(["\\])/g, "\\$1")}"` : value}`;
}

/** Adds a condition to a search. */
export function withTerm(search: string, term: string, isNegative = false): string {
  const plain = search.trim();
  const added = isNegative ? `NOT ${term}` : term;
  if (plain === "" || plain === "*") return added;
  return `${/\bOR\b|\|\|/.test(plain) ? `(${plain})` : plain} AND ${added}`;
}

/** Any of several fields has the value. */
export function anyField(fields: readonly string[], value: string): string {
  return `(${fields.map((field) => luceneTerm(field, value)).join(" OR ")})`;
}

/** The plain words of a search, to mark them in the lines. */
export function searchWords(search: string): string[] {
  const words: string[] = [];
  for (const [, negative, field, quoted, bare] of search.matchAll(/(NOT\s+|-|!)?(?:([\w.@\\]+):)?(?:"([^"]+)"|([^\s()"]+))/g)) {
    const word = quoted ?? bare ?? "";
    if (negative || (field && !(MESSAGE as readonly string[]).includes(field)) || /^(AND|OR|NOT|&&|\|\||\*)$/.test(word)) continue;
    const plain = word.replace(/[*?~^].*$/, "");
    if (plain.length > 1) words.push(plain);
  }
  return words;
}

export interface Piece {
  text: string;
  kind: "plain" | "match" | "redacted";
}

const REDACTED = "\\[(?:REDACTED|redacted|MASKED|masked)[^\\]]{0,40}\\]|\\*{4,}|<redacted>";

/** Text cut where it matches a word or was redacted. */
export function cutText(text: string, words: readonly string[]): Piece[] {
  const escaped = words.map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  const pattern = new RegExp(`(${REDACTED})${escaped.length > 0 ? `|(${escaped.join("|")})` : ""}`, "gi");
  const pieces: Piece[] = [];
  let at = 0;
  for (const match of text.matchAll(pattern)) {
    if (match.index > at) pieces.push({ text: text.slice(at, match.index), kind: "plain" });
    pieces.push({ text: match[0], kind: match[1] ? "redacted" : "match" });
    at = match.index + match[0].length;
  }
  if (at < text.length) pieces.push({ text: text.slice(at), kind: "plain" });
  return pieces;
}
