// An entry of a group's timeline as a sentence in the reader's language.
import type { Text } from "@/lib/text/text";
import { formatTime } from "@/lib/time";

/** What was decided or happened; `what` is the kind, the other fields depend on it. */
export type WhyEntry = { what: string; at: string } & Record<string, unknown>;

/** Fields that are moments. */
const MOMENTS = new Set(["until", "told", "next", "last"]);

function written(entry: WhyEntry, name: string): string {
  const value = entry[name];
  if (Array.isArray(value)) return value.map(String).join(", ");
  if (typeof value === "string") return MOMENTS.has(name) && !Number.isNaN(Date.parse(value)) ? formatTime(Date.parse(value)) : value;
  return typeof value === "number" || typeof value === "boolean" ? `${value}` : "";
}

/** `{name}` of the pattern replaced by the entry's field of that name. */
function fill(pattern: string, entry: WhyEntry): string {
  return pattern.replace(/\{(\w+)\}/g, (_, name: string) => written(entry, name)).trim();
}

export function whySentence(entry: WhyEntry, text: Text): string {
  // A newer server may know of kinds that this page does not: then the kind itself is better than nothing.
  const pattern = (text as Record<string, string>)[`why_${entry.what}`] ?? entry.what;
  const said = fill(pattern, entry);
  return typeof entry.count === "number" && entry.count > 1 ? `${said} (${fill(text.timesUntil, entry)})` : said;
}
