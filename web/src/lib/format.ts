// Numbers and labels as people read them.
import { formatUnit } from "@/lib/units";

type Labels = Record<string, string>;

/** A number in a few characters with its unit: `1.25 GiB`, `12.3 K`, `87%`. */
export function formatValue(value: number, unit = "short", decimals?: number | null): string {
  return formatUnit(value, unit, decimals);
}

/** `up{job="node"}`, as PromQL writes it. */
export function formatLabels(labels: Labels, without: readonly string[] = []): string {
  const name = labels.__name__ ?? "";
  const pairs = Object.entries(labels)
    .filter(([label]) => label !== "__name__" && !without.includes(label))
    .map(([label, value]) => `${label}=${JSON.stringify(value)}`);
  return pairs.length > 0 || name === "" ? `${name}{${pairs.join(", ")}}` : name;
}

/** `{{label}}` of a legend replaced by the series' labels. */
export function formatLegend(format: string, labels: Labels): string {
  return format.replace(/\{\{\s*([^}]+?)\s*\}\}/g, (_, name: string) => labels[name] ?? "");
}

/** Names of series that tell them apart: labels that all share are left out. */
export function shortNames(all: readonly Labels[]): string[] {
  const first = all[0] ?? {};
  const shared = new Set(Object.keys(first).filter((label) => all.every((labels) => labels[label] === first[label])));
  return all.map((labels) => {
    if (all.length === 1) return formatLabels(labels);
    const pairs = Object.entries(labels).filter(([label]) => !shared.has(label));
    const name = shared.has("__name__") ? "" : (labels.__name__ ?? "");
    const rest = pairs.filter(([label]) => label !== "__name__");
    if (rest.length === 1 && name === "") return rest[0]?.[1] ?? "";
    return formatLabels(Object.fromEntries([...(name ? [["__name__", name]] : []), ...rest]) as Labels);
  });
}

/** Prometheus' number text as a number. */
export function readNumber(text: string): number {
  if (text === "+Inf" || text === "Inf") return Number.POSITIVE_INFINITY;
  if (text === "-Inf") return Number.NEGATIVE_INFINITY;
  return Number(text);
}
