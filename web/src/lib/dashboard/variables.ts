// What can be chosen for a variable, and what is.
import { readPattern } from "@/lib/dashboard/field-config";
import type { Variable } from "@/lib/dashboard/model";

export const ALL = "$__all";

export interface Option {
  text: string;
  value: string;
  /** What it means for queries, when that is not the value. */
  stands?: string;
}

/** `a, b : 2, c\,d` as options. */
export function splitCustom(query: string): Option[] {
  return (query.match(/(?:\\,|[^,])+/g) ?? []).map((part) => {
    const plain = part.replaceAll("\\,", ",").trim();
    const pair = /^\s*(.+)\s:\s(.+)$/.exec(plain);
    return pair ? { text: (pair[1] ?? "").trim(), value: (pair[2] ?? "").trim() } : { text: plain, value: plain };
  });
}

const numberIn = (text: string) => Number(/-?\d+(?:\.\d+)?/.exec(text)?.[0] ?? Number.NEGATIVE_INFINITY);

const ORDERS: Record<number, (a: Option, b: Option) => number> = {
  1: (a, b) => (a.text < b.text ? -1 : Number(a.text > b.text)),
  3: (a, b) => numberIn(a.text) - numberIn(b.text),
  5: (a, b) => a.text.toLowerCase().localeCompare(b.text.toLowerCase()),
  7: (a, b) => a.text.localeCompare(b.text, undefined, { numeric: true }),
};

/** Options by the variable's pattern, whose groups `text` and `value` name the parts, each once, in order. */
export function filterOptions(options: readonly Option[], regex: string, sort: number): Option[] {
  let found = [...options];
  if (regex) {
    const pattern = readPattern(regex);
    found = found.flatMap((option) => {
      const match = pattern.exec(option.value) ?? (option.text === option.value ? null : pattern.exec(option.text));
      if (!match) return [];
      const { text, value } = match.groups ?? {};
      if (text !== undefined || value !== undefined) return [{ text: text ?? value ?? "", value: value ?? text ?? "" }];
      const group = match[1];
      return group === undefined ? [option] : [{ text: group, value: group }];
    });
  }
  const once = new Map(found.map((option) => [option.value, option]));
  const unique = [...once.values()];
  const order = ORDERS[sort % 2 === 0 ? sort - 1 : sort];
  if (order) unique.sort(order);
  return sort > 0 && sort % 2 === 0 ? unique.toReversed() : unique;
}

/** The values that hold: what the address asks, what was saved, or the first that there is. */
export function choose(variable: Variable, options: readonly Option[], asked: readonly string[]): string[] {
  const all = (value: string) => value === "All" || value === ALL;
  const known = (value: string) => options.some((option) => option.value === value);
  const given = asked.length > 0 ? asked : variable.type === "datasource" ? [] : variable.current;
  if (variable.type === "constant") return [options[0]?.value ?? ""];
  if (variable.type === "textbox") return [given[0] ?? options[0]?.value ?? ""];
  if (variable.includeAll && given.some(all)) return [ALL];
  const byText = given.map((value) => options.find((option) => option.value === value || option.text === value)?.value ?? value);
  const held = variable.type === "query" || variable.type === "datasource" ? byText.filter((value) => known(value) || asked.length > 0) : byText;
  if (held.length > 0) return variable.isMulti ? held : held.slice(0, 1);
  const first = options[0]?.value;
  if (first === undefined) return variable.includeAll ? [ALL] : [];
  return variable.includeAll && variable.current.length === 0 && asked.length === 0 ? [ALL] : [first];
}
