import { keepPreviousData, useQuery } from "@tanstack/react-query";

import { ask } from "@/api/client";
import type { MatrixSeries, QueryResult, Targets } from "@/api/types";
import { bounds, type TimeRange } from "@/url/time-range";

const REFRESH_MS = 5_000;

/** A range query, asked again every few seconds while the range ends now. */
export function useRange(expression: string, range: TimeRange) {
  return useQuery({
    queryKey: ["range", expression, range],
    enabled: expression !== "",
    placeholderData: keepPreviousData,
    refetchInterval: range.end === null ? REFRESH_MS : false,
    queryFn: ({ signal }) => {
      const { start, end, step } = bounds(range, Date.now());
      const parameters = { query: expression, start: `${start}`, end: `${end}`, step: `${step}` };
      return ask<{ result: MatrixSeries[] }>("query_range", parameters, signal);
    },
  });
}

/** An instant query. */
export function useInstant(expression: string, range: TimeRange) {
  return useQuery({
    queryKey: ["instant", expression, range.end],
    enabled: expression !== "",
    placeholderData: keepPreviousData,
    refetchInterval: range.end === null ? REFRESH_MS : false,
    queryFn: ({ signal }) => {
      const time = range.end === null ? {} : { time: `${range.end}` };
      return ask<QueryResult>("query", { query: expression, ...time }, signal);
    },
  });
}

export function useTargets() {
  return useQuery({
    queryKey: ["targets"],
    refetchInterval: REFRESH_MS,
    queryFn: ({ signal }) => ask<Targets>("targets", {}, signal),
  });
}
