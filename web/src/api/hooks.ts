// Questions to Prometheus' API, kept and shared by TanStack Query.
import { keepPreviousData, useQuery } from "@tanstack/react-query";

import { ask } from "@/api/client";
import type { MatrixSeries, Metadata, QueryResult, RuleGroup, Targets } from "@/api/types";
import type { Bounds, Span } from "@/url/time-range";

/** A range query. */
export function useRange(expression: string, { start, end, step }: Bounds) {
  return useQuery({
    queryKey: ["range", expression, start, end, step],
    enabled: expression !== "",
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) => ask<{ result: MatrixSeries[] }>("query_range", { query: expression, start, end, step }, signal),
  });
}

/** An instant query at `time`, in Unix seconds. */
export function useInstant(expression: string, time: number) {
  return useQuery({
    queryKey: ["instant", expression, Math.floor(time)],
    enabled: expression !== "",
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) => ask<QueryResult>("query", { query: expression, time }, signal),
  });
}

export function useTargets(nowMs: number) {
  return useQuery({
    queryKey: ["targets", nowMs],
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) => ask<Targets>("targets", {}, signal),
  });
}

export function useRules(nowMs: number) {
  return useQuery({
    queryKey: ["rules", nowMs],
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) => ask<{ groups: RuleGroup[] }>("rules", {}, signal),
  });
}

/** Names of metrics in a span of time; a minute old at most. */
export function useMetricNames(span: Span) {
  const start = Math.floor(span.start / 60) * 60;
  const end = Math.ceil(span.end / 60) * 60;
  return useQuery({
    queryKey: ["metric-names", start, end],
    placeholderData: keepPreviousData,
    staleTime: 60_000,
    queryFn: ({ signal }) => ask<string[]>("label/__name__/values", { start, end }, signal),
  });
}

export function useMetadata() {
  return useQuery({
    queryKey: ["metadata"],
    staleTime: 300_000,
    queryFn: ({ signal }) => ask<Record<string, Metadata[]>>("metadata", {}, signal),
  });
}

/** Labels and values of one metric, by its series. */
export function useSeries(matcher: string, span: Span) {
  const start = Math.floor(span.start / 60) * 60;
  const end = Math.ceil(span.end / 60) * 60;
  return useQuery({
    queryKey: ["series", matcher, start, end],
    enabled: matcher !== "",
    queryFn: ({ signal }) => ask<Record<string, string>[]>("series", { "match[]": [matcher], start, end, limit: 5_000 }, signal),
  });
}
