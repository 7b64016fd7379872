// The log store through Elasticsearch's search API, below /elasticsearch on this origin.
import { keepPreviousData, useInfiniteQuery, useQuery } from "@tanstack/react-query";

import { ApiError, queryText, request } from "@/api/client";
import { type LogLine, makeLine } from "@/lib/log-line";
import { chooseStep, type Span } from "@/url/time-range";

const PAGE = 1_000;
/** Lines that are kept in the page at most. */
export const LINES_MAX = 100_000;

interface Hit {
  _id: string;
  _index: string;
  _source: Record<string, unknown>;
  sort?: (number | string)[];
}

interface Bucket {
  key: number | string;
  doc_count: number;
  levels?: { buckets: Bucket[] };
}

interface SearchAnswer {
  hits: { total?: { value: number; relation?: string }; hits: Hit[] };
  aggregations?: Record<string, { buckets?: Bucket[]; value?: number; sum_other_doc_count?: number }>;
}

function condition(search: string, { start, end }: Span) {
  const filter: unknown[] = [{ range: { "@timestamp": { gte: Math.floor(start * 1_000), lte: Math.ceil(end * 1_000), format: "epoch_millis" } } }];
  if (search.trim() && search.trim() !== "*") filter.push({ query_string: { query: search, default_operator: "AND", analyze_wildcard: true } });
  return { bool: { filter } };
}

function ask(body: unknown, signal: AbortSignal): Promise<SearchAnswer> {
  return request<SearchAnswer>("/elasticsearch/_search?ignore_unavailable=true", { body, signal });
}

function lineOf({ _id, _index, _source, sort }: Hit): LogLine {
  const sorted = Number(sort?.[0]);
  const written = Date.parse(String(_source["@timestamp"] ?? ""));
  return makeLine(_id, _index, Number.isFinite(sorted) ? sorted : written, _source);
}

interface Page {
  lines: LogLine[];
  after: (number | string)[] | null;
}

/** Lines that match, the newest first, page by page. */
export function useLogLines(search: string, span: Span) {
  return useInfiniteQuery({
    queryKey: ["log-lines", search, span],
    placeholderData: keepPreviousData,
    initialPageParam: null as (number | string)[] | null,
    queryFn: async ({ pageParam, signal }): Promise<Page> => {
      const answer = await ask(
        { query: condition(search, span), size: PAGE, track_total_hits: false, sort: [{ "@timestamp": { order: "desc" } }, { _doc: { order: "desc" } }], ...(pageParam ? { search_after: pageParam } : {}) },
        signal,
      );
      const hits = answer.hits.hits;
      return { lines: hits.map(lineOf), after: hits.length === PAGE ? (hits.at(-1)?.sort ?? null) : null };
    },
    getNextPageParam: (last: Page, all: Page[]) => (all.length * PAGE >= LINES_MAX ? null : last.after),
  });
}

export interface Histogram {
  step: number;
  total: number;
  bars: { time: number; counts: Record<string, number> }[];
}

/** How many lines match over time, by level. */
export function useHistogram(search: string, span: Span, levelField: string) {
  const step = chooseStep(span, 80);
  return useQuery({
    queryKey: ["log-histogram", search, span, levelField],
    placeholderData: keepPreviousData,
    queryFn: async ({ signal }): Promise<Histogram> => {
      const answer = await ask(
        {
          query: condition(search, span),
          size: 0,
          track_total_hits: true,
          aggs: { time: { date_histogram: { field: "@timestamp", fixed_interval: `${step}s`, min_doc_count: 1 }, aggs: { levels: { terms: { field: levelField, size: 8 } } } } },
        },
        signal,
      );
      const bars = (answer.aggregations?.time?.buckets ?? []).map((bucket) => {
        const counts: Record<string, number> = {};
        let known = 0;
        for (const level of bucket.levels?.buckets ?? []) {
          counts[String(level.key)] = level.doc_count;
          known += level.doc_count;
        }
        if (bucket.doc_count > known) counts[""] = bucket.doc_count - known;
        return { time: Number(bucket.key) / 1_000, counts };
      });
      return { step, total: answer.hits.total?.value ?? 0, bars };
    },
  });
}

export interface TopValues {
  values: { value: string; count: number }[];
  distinct: number;
  total: number;
}

/** The most frequent values of a field among the lines that match. */
export function useTopValues(search: string, span: Span, field: string) {
  return useQuery({
    queryKey: ["top-values", search, span, field],
    enabled: field !== "",
    placeholderData: keepPreviousData,
    queryFn: async ({ signal }): Promise<TopValues> => {
      const answer = await ask({ query: condition(search, span), size: 0, track_total_hits: true, aggs: { top: { terms: { field, size: 10 } }, distinct: { cardinality: { field } } } }, signal);
      const values = (answer.aggregations?.top?.buckets ?? []).map((bucket) => ({ value: String(bucket.key), count: bucket.doc_count }));
      return { values, distinct: answer.aggregations?.distinct?.value ?? values.length, total: answer.hits.total?.value ?? 0 };
    },
  });
}

/** Number of lines by value of a field, for overviews. */
export function useLogCounts(search: string, span: Span, field: string) {
  return useTopValues(search, span, field);
}

interface LokiAnswer {
  status: string;
  data?: { resultType: string; result: { stream?: Record<string, string>; metric?: Record<string, string>; values: [string | number, string][] }[] };
}

/** Lines by LogQL; null when this server does not serve it. */
export function useLogQl(expression: string, span: Span) {
  return useQuery({
    queryKey: ["logql", expression, span],
    enabled: expression.trim() !== "",
    placeholderData: keepPreviousData,
    retry: false,
    queryFn: async ({ signal }) => {
      try {
        const answer = await request<LokiAnswer>(`/loki/api/v1/query_range${queryText({ query: expression, start: Math.floor(span.start * 1e3) * 1e6, end: Math.ceil(span.end * 1e3) * 1e6, limit: 5_000, step: chooseStep(span) })}`, { signal });
        return answer.data ?? null;
      } catch (error) {
        if (error instanceof ApiError && error.status === 404) return null;
        throw error;
      }
    },
  });
}
