// Jaeger's query API, below /jaeger on this origin.
import { keepPreviousData, useQuery } from "@tanstack/react-query";

import { queryText, request } from "@/api/client";
import { type JaegerTrace, readTrace, type Trace } from "@/lib/trace";
import type { Span as TimeSpan } from "@/url/time-range";

const BASE = "/jaeger/api";

interface Envelope<T> {
  data: T | null;
  errors: { msg: string }[] | null;
}

async function get<T>(path: string, parameters: Record<string, string | number | undefined>, signal?: AbortSignal): Promise<T | null> {
  const body = await request<Envelope<T>>(`${BASE}/${path}${queryText(parameters)}`, { signal });
  return body.data;
}

export interface TraceSearch {
  service: string;
  operation: string;
  tags: string;
  minDuration: string;
  maxDuration: string;
  limit: number;
}

/** `a=1 b="two words"` as the object that Jaeger takes. */
export function readTags(text: string): Record<string, string> {
  const tags: Record<string, string> = {};
  for (const [, name, quoted, bare] of text.matchAll(/([^\s=]+)=(?:"([^"]*)"|(\S*))/g)) {
    if (name) tags[name] = quoted ?? bare ?? "";
  }
  return tags;
}

export function useServices() {
  return useQuery({
    queryKey: ["services"],
    staleTime: 30_000,
    queryFn: async ({ signal }) => ((await get<string[]>("services", {}, signal)) ?? []).toSorted(),
  });
}

export function useOperations(service: string) {
  return useQuery({
    queryKey: ["operations", service],
    enabled: service !== "",
    staleTime: 30_000,
    queryFn: async ({ signal }) => ((await get<string[]>(`services/${encodeURIComponent(service)}/operations`, {}, signal)) ?? []).toSorted(),
  });
}

/** Traces that match, the newest first. Without a service, those of every service there is. */
export async function findTraces(search: TraceSearch, span: TimeSpan, signal: AbortSignal): Promise<Trace[]> {
  const { service, operation, tags, minDuration, maxDuration, limit } = search;
  const wanted = readTags(tags);
  const services = service ? [service] : ((await get<string[]>("services", {}, signal)) ?? []).slice(0, 20);
  const find = (one: string) =>
    get<JaegerTrace[]>(
      "traces",
      {
        service: one,
        operation: operation || undefined,
        tags: Object.keys(wanted).length > 0 ? JSON.stringify(wanted) : undefined,
        minDuration: minDuration || undefined,
        maxDuration: maxDuration || undefined,
        start: Math.floor(span.start * 1e6),
        end: Math.ceil(span.end * 1e6),
        limit,
      },
      signal,
    );
  const found = new Map<string, Trace>();
  for (const answer of await Promise.all(services.map(find))) for (const one of answer ?? []) {
    const trace = readTrace(one);
    found.set(trace.id, trace);
  }
  return [...found.values()].toSorted((a, b) => b.startUs - a.startUs).slice(0, limit);
}

export function useTraceSearch(search: TraceSearch, span: TimeSpan) {
  return useQuery({
    queryKey: ["trace-search", search, span],
    enabled: search.service !== "",
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) => findTraces(search, span, signal),
  });
}

export async function fetchTrace(id: string, signal: AbortSignal): Promise<Trace | null> {
  const found = await get<JaegerTrace[]>(`traces/${encodeURIComponent(id)}`, {}, signal);
  return found?.[0] ? readTrace(found[0]) : null;
}

export function useTrace(id: string) {
  return useQuery({
    queryKey: ["trace", id],
    enabled: id !== "",
    staleTime: 30_000,
    queryFn: ({ signal }) => fetchTrace(id, signal),
  });
}

export interface Dependency {
  parent: string;
  child: string;
  callCount: number;
}

/** Who calls whom in a span of time. */
export function useDependencies(span: TimeSpan) {
  const end = Math.ceil(span.end / 15) * 15_000;
  const lookback = Math.ceil(span.end - span.start) * 1_000;
  return useQuery({
    queryKey: ["dependencies", end, lookback],
    placeholderData: keepPreviousData,
    queryFn: async ({ signal }) => (await get<Dependency[]>("dependencies", { endTs: end, lookback }, signal)) ?? [],
  });
}
