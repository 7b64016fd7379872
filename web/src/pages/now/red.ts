// Services with rate, errors and duration, from whatever metrics there are of requests: span metrics of
// OpenTelemetry and Tempo, HTTP metrics of OpenTelemetry, or the usual request counters.
import { useMemo } from "react";

import { useInstant, useMetricNames } from "@/api/hooks";
import type { Labels, VectorSeries } from "@/api/types";
import { readNumber } from "@/lib/format";
import type { Span } from "@/url/time-range";

export interface RedSource {
  counter: string;
  /** Label that names the service. */
  label: string;
  /** Matcher of failures. */
  failed: string;
  buckets: string | null;
  /** What the buckets count in, in seconds. */
  scale: number;
}

const CANDIDATES: RedSource[] = [
  { counter: "traces_spanmetrics_calls_total", label: "service", failed: 'status_code="STATUS_CODE_ERROR"', buckets: "traces_spanmetrics_latency_bucket", scale: 1 },
  { counter: "traces_span_metrics_calls_total", label: "service_name", failed: 'status_code="STATUS_CODE_ERROR"', buckets: "traces_span_metrics_duration_milliseconds_bucket", scale: 0.001 },
  { counter: "calls_total", label: "service_name", failed: 'status_code="STATUS_CODE_ERROR"', buckets: "duration_milliseconds_bucket", scale: 0.001 },
  { counter: "http_server_request_duration_seconds_count", label: "service_name", failed: 'http_response_status_code=~"5.."', buckets: "http_server_request_duration_seconds_bucket", scale: 1 },
  { counter: "http_requests_total", label: "service", failed: 'status=~"5..|error"', buckets: "http_request_duration_seconds_bucket", scale: 1 },
  { counter: "http_requests_total", label: "job", failed: 'status=~"5..|error"', buckets: "http_request_duration_seconds_bucket", scale: 1 },
  { counter: "http_request_duration_seconds_count", label: "job", failed: 'status=~"5.."', buckets: "http_request_duration_seconds_bucket", scale: 1 },
];

export interface RedRow {
  service: string;
  source: RedSource;
  rate: number;
  errorShare: number | null;
  p95: number | null;
  /** Rate a range earlier, to see what changed. */
  rateBefore: number | null;
}

const byLabel = (source: RedSource) => (source.label === "job" ? "job" : source.label);

export const rateOf = (source: RedSource, filter = "") => `sum by (${byLabel(source)}) (rate(${source.counter}{${filter}}[5m]))`;
export const errorsOf = (source: RedSource, filter = "") => `sum by (${byLabel(source)}) (rate(${source.counter}{${[filter, source.failed].filter(Boolean).join(",")}}[5m])) / ${rateOf(source, filter)}`;
export const p95Of = (source: RedSource, filter = "") => (source.buckets ? `${source.scale === 1 ? "" : `${source.scale} * `}histogram_quantile(0.95, sum by (le, ${byLabel(source)}) (rate(${source.buckets}{${filter}}[5m])))` : "");

function vector(data: { data: { resultType: string; result: unknown } } | undefined): VectorSeries[] {
  return data?.data.resultType === "vector" ? (data.data.result as VectorSeries[]) : [];
}

function values(series: readonly VectorSeries[], label: string): Map<string, number> {
  const found = new Map<string, number>();
  for (const one of series) {
    const name = (one.metric as Labels)[label];
    if (name && one.value) found.set(name, readNumber(one.value[1]));
  }
  return found;
}

/** The services there are, the worst first. */
export function useRed(span: Span) {
  const names = useMetricNames(span);
  const known = useMemo(() => new Set(names.data?.data ?? []), [names.data]);
  const found = CANDIDATES.find((candidate) => known.has(candidate.counter) && (candidate.counter !== "http_requests_total" || candidate.label === "service"));
  const labelled = useInstant(found ? rateOf(found) : "", span.end);
  // Counters without a label of the service are told apart by job.
  const isByJob = found?.counter === "http_requests_total" && labelled.data !== undefined && values(vector(labelled.data), "service").size === 0;
  const source = isByJob ? CANDIDATES.find((candidate) => candidate.counter === "http_requests_total" && candidate.label === "job") : found;
  const buckets = source?.buckets && known.has(source.buckets) ? source : undefined;
  const rates = useInstant(source ? rateOf(source) : "", span.end);
  const failures = useInstant(source ? errorsOf(source) : "", span.end);
  const durations = useInstant(buckets ? p95Of(buckets) : "", span.end);
  const before = useInstant(source ? rateOf(source) : "", span.end - Math.max(600, span.end - span.start));
  const rows = useMemo((): RedRow[] => {
    if (!source) return [];
    const [errors, slow, earlier] = [values(vector(failures.data), source.label), values(vector(durations.data), source.label), values(vector(before.data), source.label)];
    const made = [...values(vector(rates.data), source.label)].map(([service, rate]): RedRow => {
      const [share, p95] = [errors.get(service), slow.get(service)];
      return { service, source, rate, errorShare: share !== undefined && Number.isFinite(share) ? share : rate > 0 ? 0 : null, p95: p95 !== undefined && Number.isFinite(p95) ? p95 : null, rateBefore: earlier.get(service) ?? null };
    });
    return made.toSorted((a, b) => (b.errorShare ?? 0) - (a.errorShare ?? 0) || b.rate - a.rate);
  }, [source, rates.data, failures.data, durations.data, before.data]);
  return { rows, source, error: rates.error, isReady: names.data !== undefined && (!source || rates.data !== undefined) };
}
