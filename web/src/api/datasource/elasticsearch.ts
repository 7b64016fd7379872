// Elasticsearch targets of dashboards: Lucene, bucket aggregations and metrics, or the lines themselves.
import { request } from "@/api/client";
import type { AskedTarget } from "@/api/datasource/target";
import type { Cell, Field, Frame } from "@/lib/dashboard/frame";
import { interpolate, quoteLucene } from "@/lib/dashboard/interpolate";
import { readInterval, stepsOf, writeInterval } from "@/lib/dashboard/interval";
import { type JsonObject, list, number, object, string } from "@/lib/dashboard/model";

interface Aggregation {
  id: string;
  type: string;
  field: string;
  settings: JsonObject;
  hide: boolean;
  meta: JsonObject;
}

interface Bucket {
  key: Cell;
  key_as_string?: string;
  doc_count: number;
  [name: string]: unknown;
}

interface Answer {
  hits?: { hits: { _id: string; _index: string; _source: Record<string, unknown>; sort?: Cell[] }[] };
  aggregations?: Record<string, unknown>;
}

const read = (value: unknown): Aggregation => {
  const one = object(value);
  return { id: string(one.id), type: string(one.type), field: string(one.field), settings: object(one.settings), hide: one.hide === true, meta: object(one.meta) };
};

function metricBody(metric: Aggregation): JsonObject | null {
  if (metric.type === "count") return null;
  const kinds: Record<string, string> = { extended_stats: "extended_stats", percentiles: "percentiles", cardinality: "cardinality" };
  const body: JsonObject = { field: metric.field };
  if (metric.type === "percentiles") body.percents = list(metric.settings.percents).map((one) => number(one));
  if (metric.type === "moving_avg" || metric.type === "derivative" || metric.type === "cumulative_sum") return { [metric.type === "moving_avg" ? "moving_fn" : metric.type]: { buckets_path: string(metric.field) } };
  return { [kinds[metric.type] ?? metric.type]: body };
}

function bucketBody(bucket: Aggregation, step: string, metrics: readonly Aggregation[]): JsonObject {
  if (bucket.type === "date_histogram") {
    const given = string(bucket.settings.interval, "auto");
    return { date_histogram: { field: bucket.field || "@timestamp", fixed_interval: given === "auto" ? step : given, min_doc_count: number(bucket.settings.min_doc_count) ?? 0 } };
  }
  if (bucket.type === "filters") {
    return { filters: { filters: Object.fromEntries(list(bucket.settings.filters).map((one) => [string(object(one).label) || string(object(one).query), { query_string: { query: string(object(one).query) || "*", analyze_wildcard: true } }])) } };
  }
  if (bucket.type === "histogram") return { histogram: { field: bucket.field, interval: number(bucket.settings.interval) ?? 1_000, min_doc_count: number(bucket.settings.min_doc_count) ?? 0 } };
  const orderBy = string(bucket.settings.orderBy, "_count");
  const isMetric = metrics.some((metric) => metric.id === orderBy && metric.type !== "count");
  const key = orderBy === "_term" ? "_key" : isMetric || orderBy.startsWith("_") ? orderBy : "_count";
  return { terms: { field: bucket.field, size: number(bucket.settings.size) || 500, order: { [key]: string(bucket.settings.order, "desc") }, ...(string(bucket.settings.missing) ? { missing: string(bucket.settings.missing) } : {}) } };
}

function bodyOf(buckets: readonly Aggregation[], metrics: readonly Aggregation[], step: string): JsonObject {
  const [bucket, ...rest] = buckets;
  if (!bucket) return Object.fromEntries(metrics.flatMap((metric) => { const body = metricBody(metric); return body ? [[metric.id, body]] : []; }));
  return { [bucket.id]: { ...bucketBody(bucket, step, metrics), aggs: bodyOf(rest, metrics, step) } };
}

function values(metric: Aggregation, bucket: Bucket): { name: string; value: Cell }[] {
  if (metric.type === "count") return [{ name: "Count", value: bucket.doc_count }];
  const found = object(bucket[metric.id]);
  const title = `${metric.type === "avg" ? "Average" : metric.type === "cardinality" ? "Unique Count" : metric.type.charAt(0).toUpperCase() + metric.type.slice(1)} ${metric.field}`;
  if (metric.type === "percentiles") return Object.entries(object(found.values)).map(([at, value]) => ({ name: `p${at} ${metric.field}`, value: number(value) }));
  if (metric.type === "extended_stats") return Object.entries(metric.meta).filter(([, isOn]) => isOn === true).map(([name]) => ({ name: `${name} ${metric.field}`, value: number(found[name]) }));
  return [{ name: title, value: number(found.value) }];
}

const bucketsOf = (value: unknown): Bucket[] => {
  const found = (value as { buckets?: Bucket[] | Record<string, Bucket> } | undefined)?.buckets ?? [];
  return Array.isArray(found) ? found : Object.entries(found).map(([key, bucket]) => ({ ...bucket, key }));
};

/** Series when the last bucket is time, else one table. */
function framesOf(answer: Answer, buckets: readonly Aggregation[], metrics: readonly Aggregation[], refId: string, alias: string): Frame[] {
  const shown = metrics.filter((metric) => !metric.hide);
  if (buckets.at(-1)?.type === "date_histogram") {
    const frames: Frame[] = [];
    const visit = (level: Record<string, unknown>, at: number, path: Record<string, string>) => {
      const bucket = buckets[at];
      if (!bucket) return;
      const found = bucketsOf(level[bucket.id]);
      if (at < buckets.length - 1) {
        for (const one of found) visit(one, at + 1, { ...path, [bucket.field || bucket.type]: String(one.key_as_string ?? one.key) });
        return;
      }
      const columns = new Map<string, Cell[]>();
      for (const [index, one] of found.entries()) for (const metric of shown) for (const { name, value } of values(metric, one)) {
        const column = columns.get(name) ?? Array.from({ length: found.length }, (): Cell => null);
        column[index] = value;
        columns.set(name, column);
      }
      const times = found.map((one) => Number(one.key));
      for (const [name, column] of columns) {
        const group = Object.values(path).join(" ");
        const sourceName = alias ? alias.replace(/\{\{\s*term (\S+?)\s*\}\}/g, (_, field: string) => path[field] ?? "").replace(/\{\{\s*metric\s*\}\}/g, name).replace(/\{\{\s*([^}\s]+)\s*\}\}/g, (_, field: string) => path[field] ?? "") : group ? (columns.size > 1 ? `${group} ${name}` : group) : name;
        frames.push({ refId, isSeries: true, fields: [{ name: "Time", type: "time", values: times }, { name: "Value", type: "number", values: column, labels: path, sourceName }] });
      }
    };
    visit(answer.aggregations ?? {}, 0, {});
    return frames;
  }
  const rows: Record<string, Cell>[] = [];
  const visit = (level: Record<string, unknown>, at: number, path: Record<string, Cell>) => {
    const bucket = buckets[at];
    for (const one of bucket ? bucketsOf(level[bucket.id]) : []) {
      const inner = { ...path, [bucket?.field || (bucket?.type ?? "")]: (one.key_as_string ?? one.key) as Cell };
      if (at < buckets.length - 1) visit(one, at + 1, inner);
      else rows.push(Object.assign(inner, ...shown.flatMap((metric) => values(metric, one).map(({ name, value }) => ({ [name]: value })))));
    }
  };
  visit(answer.aggregations ?? {}, 0, {});
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  return [{ refId, fields: names.map((name): Field => ({ name, type: rows.every((row) => row[name] === null || typeof row[name] === "number") ? "number" : "string", values: rows.map((row) => row[name] ?? null) })) }];
}

export async function runElasticsearch(asked: AskedTarget, signal: AbortSignal): Promise<{ frames: Frame[]; notes: string[] }> {
  const { target, span, scope, points } = asked;
  const refId = string(target.refId, "A");
  const metrics = list(target.metrics).map(read);
  if (metrics.length === 0) metrics.push(read({ id: "1", type: "count" }));
  const given = list(target.bucketAggs).map(read);
  const first = metrics[0]?.type ?? "count";
  const buckets = given.length > 0 || first.startsWith("raw") || first === "logs" ? given : [read({ id: "2", type: "date_histogram", field: "@timestamp" })];
  const steps = stepsOf(span, points, readInterval(interpolate(asked.interval, scope)), 1);
  const search = interpolate(string(target.query), new Map([...scope, ...steps.scope]), quoteLucene).trim();
  const timeField = string(target.timeField, "@timestamp");
  const filter: JsonObject[] = [{ range: { [timeField]: { gte: Math.floor(span.start * 1_000), lte: Math.ceil(span.end * 1_000), format: "epoch_millis" } } }];
  if (search && search !== "*") filter.push({ query_string: { query: search, analyze_wildcard: true } });
  const isLines = first === "logs" || first === "raw_data" || first === "raw_document";
  const size = number(metrics[0]?.settings.size) ?? number(metrics[0]?.settings.limit) ?? 500;
  const body: JsonObject = { query: { bool: { filter } }, size: isLines ? size : 0, ...(isLines ? { sort: [{ [timeField]: { order: "desc" } }] } : { aggs: bodyOf(buckets, metrics, writeInterval(steps.step * 1_000)) }) };
  const answer = await request<Answer>("/elasticsearch/_search?ignore_unavailable=true", { body, signal });
  if (!isLines) return { frames: framesOf(answer, buckets, metrics, refId, interpolate(string(target.alias), scope)), notes: [] };
  const hits = (answer.hits?.hits ?? []).map(({ _source: source, sort }) => ({ source, sort }));
  const times = hits.map((hit) => Number(hit.sort?.[0]) || Date.parse(String(hit.source[timeField])));
  if (first === "logs") {
    return { frames: [{ refId, kind: "logs", fields: [{ name: "Time", type: "time", values: times }, { name: "Line", type: "string", values: hits.map((hit) => String(hit.source.message ?? JSON.stringify(hit.source))) }, { name: "labels", type: "other", values: hits.map((hit) => hit.source) }] }], notes: [] };
  }
  const names = [...new Set(hits.flatMap((hit) => Object.keys(hit.source)))].filter((name) => name !== timeField).slice(0, 100);
  return { frames: [{ refId, fields: [{ name: timeField, type: "time", values: times }, ...names.map((name): Field => { const column = hits.map((hit) => (hit.source[name] ?? null) as Cell); return { name, type: column.every((cell) => cell === null || typeof cell === "number") ? "number" : "string", values: column }; })] }], notes: [] };
}
