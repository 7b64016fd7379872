// Values of a dashboard's variables: each is asked once those that it names are known.
import { ask, queryText, request } from "@/api/client";
import type { QueryResult } from "@/api/types";
import { kindOf, SOURCES } from "@/api/datasource/target";
import { type Chosen, interpolate, quotePromql, type Scope } from "@/lib/dashboard/interpolate";
import { rangeScope } from "@/lib/dashboard/interval";
import { type Dashboard, isObject, list, object, string, type Variable } from "@/lib/dashboard/model";
import { ALL, choose, filterOptions, type Option, splitCustom } from "@/lib/dashboard/variables";
import { formatDuration, parseDuration, type Span } from "@/url/time-range";

const VALUES_MAX = 5_000;
const plain = (values: readonly string[]): Option[] => values.map((value) => ({ text: value, value }));

async function labelValues(metric: string, label: string, span: Span, signal: AbortSignal): Promise<string[]> {
  const bounds = { start: Math.floor(span.start), end: Math.ceil(span.end), limit: VALUES_MAX };
  const { data } = await ask<string[]>(`label/${encodeURIComponent(label)}/values`, { ...bounds, ...(metric ? { "match[]": [metric] } : {}) }, signal);
  return data;
}

function seriesText(labels: Record<string, string>, value: string, time: number): string {
  const pairs = Object.entries(labels).filter(([label]) => label !== "__name__").map(([label, text]) => `${label}="${text}"`);
  return `${labels.__name__ ?? ""}{${pairs.join(",")}} ${value} ${Math.round(time * 1_000)}`;
}

async function askPrometheus(query: string, span: Span, signal: AbortSignal): Promise<Option[]> {
  const values = /^label_values\(\s*(?:(.+)\s*,\s*)?([\w.]+)\s*\)\s*$/s.exec(query);
  if (values) return plain(await labelValues((values[1] ?? "").trim(), values[2] ?? "", span, signal));
  if (/^label_names\(\s*\)\s*$/.test(query)) return plain((await ask<string[]>("labels", { start: Math.floor(span.start), end: Math.ceil(span.end) }, signal)).data);
  const metrics = /^metrics\((.*)\)\s*$/.exec(query);
  if (metrics) {
    const names = await labelValues("", "__name__", span, signal);
    const pattern = new RegExp(metrics[1]?.trim() || ".*");
    return plain(names.filter((name) => pattern.test(name)));
  }
  const result = /^query_result\((.+)\)\s*$/s.exec(query);
  if (result) {
    const { data } = await ask<QueryResult>("query", { query: result[1], time: span.end }, signal);
    if (data.resultType === "vector") return plain(data.result.map(({ metric, value }) => seriesText(metric, value?.[1] ?? "", value?.[0] ?? 0)));
    return data.resultType === "scalar" ? plain([data.result[1]]) : [];
  }
  if (query.trim() === "") return [];
  const { data } = await ask<Record<string, string>[]>("series", { "match[]": [query], start: Math.floor(span.start), end: Math.ceil(span.end), limit: VALUES_MAX }, signal);
  return plain(data.map((labels) => seriesText(labels, "", 0).replace(/ +0$/, "")));
}

async function askLoki(query: string, span: Span, signal: AbortSignal): Promise<Option[]> {
  const at = { start: `${Math.floor(span.start * 1_000)}000000`, end: `${Math.ceil(span.end * 1_000)}000000` };
  const found = /^label_values\(\s*(?:(.+)\s*,\s*)?([\w.]+)\s*\)\s*$/s.exec(query);
  const path = found ? `label/${encodeURIComponent(found[2] ?? "")}/values` : "labels";
  const { data } = await request<{ data?: string[] }>(`/loki/api/v1/${path}${queryText({ ...at, query: found?.[1] })}`, { signal });
  return plain(data ?? []);
}

/** `{"find": "terms", "field": "x", "query": "..."}`. */
async function askElasticsearch(query: string, span: Span, signal: AbortSignal): Promise<Option[]> {
  const wanted = object(JSON.parse(query));
  if (wanted.find === "fields") {
    const { fields } = await request<{ fields: Record<string, unknown> }>("/elasticsearch/_field_caps?fields=*", { signal });
    return plain(Object.keys(fields));
  }
  const filter: unknown[] = [{ range: { "@timestamp": { gte: Math.floor(span.start * 1_000), lte: Math.ceil(span.end * 1_000), format: "epoch_millis" } } }];
  if (string(wanted.query)) filter.push({ query_string: { query: string(wanted.query) } });
  const body = { size: 0, query: { bool: { filter } }, aggs: { 1: { terms: { field: string(wanted.field), size: 500, order: { _key: "asc" } } } } };
  const answer = await request<{ aggregations?: Record<string, { buckets: { key: string | number }[] }> }>("/elasticsearch/_search?ignore_unavailable=true", { body, signal });
  return plain((answer.aggregations?.["1"]?.buckets ?? []).map((bucket) => String(bucket.key)));
}

async function askTraces(variable: Variable, query: string, signal: AbortSignal): Promise<Option[]> {
  const wanted = object(variable.query);
  const service = string(wanted.service);
  const path = service ? `services/${encodeURIComponent(service)}/operations` : "services";
  const { data } = await request<{ data: string[] | null }>(`/jaeger/api/${path}`, { signal });
  return plain((data ?? []).filter((name) => !query || name !== ""));
}

async function queryOptions(variable: Variable, scope: Scope, span: Span, signal: AbortSignal): Promise<Option[]> {
  const given = isObject(variable.query) ? string(variable.query.query) || string(variable.query.expr) || variable.definition : string(variable.query) || variable.definition;
  const query = interpolate(given, new Map([...scope, ...rangeScope(span)]), quotePromql);
  const kind = kindOf(variable.source, { expr: query }, (text) => interpolate(text, scope));
  if (kind === "loki") return askLoki(isObject(variable.query) && !given ? `label_values(${string(variable.query.stream) ? `${string(variable.query.stream)}, ` : ""}${string(variable.query.label)})` : query, span, signal);
  if (kind === "elasticsearch") return askElasticsearch(query, span, signal);
  if (kind === "traces") return askTraces(variable, query, signal);
  if (kind !== "prometheus") throw new Error(`data sources of type ${kind} are not served by Vigie`);
  return askPrometheus(query.trim(), span, signal);
}

/** Intervals, with `auto` as the one that the range asks for. */
function intervalOptions(variable: Variable, span: Span): Option[] {
  const options = plain(splitCustom(string(variable.query)).map((one) => one.value));
  if (!variable.auto.isOn) return options;
  const exact = (span.end - span.start) / Math.max(1, variable.auto.count);
  const least = parseDuration(variable.auto.min) ?? 10;
  return [{ text: "auto", value: `$__auto_interval_${variable.name}`, stands: formatDuration(Math.max(least, Math.round(exact))) }, ...options];
}

async function optionsOf(variable: Variable, scope: Scope, span: Span, signal: AbortSignal): Promise<Option[]> {
  switch (variable.type) {
    case "query":
      return filterOptions(await queryOptions(variable, scope, span, signal), variable.regex, variable.sort);
    case "custom":
      return splitCustom(string(variable.query));
    case "interval":
      return intervalOptions(variable, span);
    case "datasource": {
      const wanted = string(variable.query);
      const found = SOURCES.filter((source) => source.type === wanted).map((source) => ({ text: source.name, value: source.uid }));
      return filterOptions(found, variable.regex, 0);
    }
    case "constant":
    case "textbox":
      return plain([string(variable.query)]);
    default:
      return variable.options;
  }
}

export interface Resolved {
  options: Record<string, Option[]>;
  values: Record<string, string[]>;
  scope: [string, Chosen][];
  errors: Record<string, string>;
}

/** Adds the conditions of ad hoc filters, which every query of the dashboard then has. */
function adhocText(variable: Variable, given: readonly string[]): string[] {
  const saved = list(variable.filters).map(object).map((one) => `${string(one.key)}|${string(one.operator, "=")}|${string(one.value)}`);
  return (given.length > 0 ? [...given] : saved).filter((one) => one.split("|").length >= 3);
}

/** Values of all variables in their order, with what the address asks for. */
export async function resolveVariables(dashboard: Dashboard, asked: Readonly<Record<string, string[]>>, span: Span, signal: AbortSignal): Promise<Resolved> {
  const scope = new Map<string, Chosen>([["__dashboard", { values: [dashboard.title], text: dashboard.title, isMulti: false }], ["__org", { values: ["1"], text: "1", isMulti: false }], ["timezone", { values: [dashboard.timezone], text: dashboard.timezone, isMulti: false }]]);
  const resolved: Resolved = { options: {}, values: {}, scope: [], errors: {} };
  for (const variable of dashboard.variables) {
    const given = asked[variable.name] ?? [];
    if (variable.type === "adhoc") {
      resolved.values[variable.name] = adhocText(variable, given);
      continue;
    }
    let options: Option[] = [];
    try {
      options = await optionsOf(variable, scope, span, signal);
    } catch (error) {
      if (signal.aborted) throw error;
      resolved.errors[variable.name] = (error as Error).message;
    }
    const values = choose(variable, options, given);
    resolved.options[variable.name] = options;
    resolved.values[variable.name] = values;
    scope.set(variable.name, chosenOf(variable, options, values));
  }
  resolved.scope = [...scope];
  return resolved;
}

function chosenOf(variable: Variable, options: readonly Option[], values: readonly string[]): Chosen {
  const isMulti = variable.isMulti || variable.includeAll;
  if (values.includes(ALL)) return { values: options.map((option) => option.value), text: "All", isMulti: true, ...(variable.allValue ? { allValue: variable.allValue } : {}) };
  const found = values.map((value) => options.find((option) => option.value === value) ?? { text: value, value });
  return { values: found.map((option) => option.stands ?? option.value), text: found.map((option) => option.text).join(" + "), isMulti };
}
