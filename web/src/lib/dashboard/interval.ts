// How far apart the points of a panel are, as Grafana decides it.
import { one, type Chosen } from "@/lib/dashboard/interpolate";
import { formatDuration, parseDuration, type Span } from "@/url/time-range";

/** Upper ends of each step, in milliseconds, and the step. */
const ROUNDED: readonly [below: number, step: number][] = [
  [10, 1], [15, 10], [35, 20], [75, 50], [150, 100], [350, 200], [750, 500], [1_500, 1_000], [3_500, 2_000], [7_500, 5_000], [12_500, 10_000], [17_500, 15_000], [25_000, 20_000],
  [45_000, 30_000], [90_000, 60_000], [210_000, 120_000], [450_000, 300_000], [750_000, 600_000], [1_050_000, 900_000], [1_500_000, 1_200_000], [2_700_000, 1_800_000],
  [5_400_000, 3_600_000], [9_000_000, 7_200_000], [16_200_000, 10_800_000], [32_400_000, 21_600_000], [86_400_000, 43_200_000], [604_800_000, 86_400_000], [1_814_400_000, 604_800_000], [3_628_800_000, 2_592_000_000],
];

export function roundInterval(ms: number): number {
  return ROUNDED.find(([below]) => ms < below)?.[1] ?? 31_536_000_000;
}

/** `500ms` and `1m` as a query takes them. */
export function writeInterval(ms: number): string {
  return ms < 1_000 ? `${ms}ms` : formatDuration(ms / 1_000);
}

/** Seconds of `15s` or of `>15s`; null when it is none. */
export function readInterval(text: string): number | null {
  return parseDuration(text.replace(/^>=?\s*/, "").trim());
}

export interface Steps {
  /** Seconds between points. */
  step: number;
  scope: Map<string, Chosen>;
}

/** The step of a query over `span` in `points` points, and the variables that tell of it. */
export function stepsOf(span: Span, points: number, least: number | null, scrape: number, factor = 1): Steps {
  const range = span.end - span.start;
  const smallest = least ?? scrape;
  const interval = Math.max(roundInterval((range * 1_000) / Math.max(points, 1)), smallest * 1_000);
  // No server answers more than 11,000 points a series.
  const step = Math.max((interval * factor) / 1_000, Math.ceil(range / 11_000));
  const rate = Math.max(step + smallest, smallest * 4);
  const scope = new Map<string, Chosen>([
    ["__interval", one(writeInterval(step * 1_000))],
    ["__interval_ms", one(`${step * 1_000}`)],
    ["__rate_interval", one(writeInterval(rate * 1_000))],
    ["__rate_interval_ms", one(`${rate * 1_000}`)],
    ["__auto", one(writeInterval(step * 1_000))],
    ...rangeScope(span),
  ]);
  return { step, scope };
}

export function rangeScope(span: Span): [string, Chosen][] {
  const range = Math.round(span.end - span.start);
  return [
    ["__range", one(`${range}s`)],
    ["__range_s", one(`${range}`)],
    ["__range_ms", one(`${range * 1_000}`)],
    ["__from", one(`${Math.round(span.start * 1_000)}`)],
    ["__to", one(`${Math.round(span.end * 1_000)}`)],
  ];
}
