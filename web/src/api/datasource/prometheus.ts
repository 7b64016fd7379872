// PromQL targets of dashboards: ranges as series, moments as tables.
import { ask } from "@/api/client";
import type { Labels, MatrixSeries, QueryResult, Sample } from "@/api/types";
import type { AskedTarget } from "@/api/datasource/target";
import type { Field, Frame } from "@/lib/dashboard/frame";
import { interpolate, quotePromql } from "@/lib/dashboard/interpolate";
import { readInterval, stepsOf } from "@/lib/dashboard/interval";
import { number, string } from "@/lib/dashboard/model";
import { formatLabels, formatLegend, readNumber } from "@/lib/format";
import { alignSpan, type Bounds } from "@/url/time-range";

/** Seconds between scrapes where nothing says so: Grafana's default too. */
const SCRAPE_DEFAULT = 15;
const SERIES_MAX = 2_000;

function nameOf(labels: Labels, format: string, expression: string): string | undefined {
  if (format === "__auto") return undefined;
  if (format) return formatLegend(format, labels);
  const name = formatLabels(labels);
  return name === "{}" ? expression : name;
}

function seriesFrame(labels: Labels, times: number[], values: number[] | (number | null)[], refId: string, format: string, expression: string): Frame {
  const sourceName = nameOf(labels, format, expression);
  const value: Field = { name: labels.__name__ && format === "__auto" ? labels.__name__ : "Value", type: "number", labels, values, ...(sourceName === undefined ? {} : { sourceName }) };
  return { refId, isSeries: true, ...(sourceName === undefined && Object.keys(labels).filter((label) => label !== "__name__").length === 0 ? { name: labels.__name__ ?? expression } : {}), fields: [{ name: "Time", type: "time", values: times }, value] };
}

/** Values on the grid; where there are none, null: lines show gaps. */
function gridFrames(result: readonly MatrixSeries[], bounds: Bounds, refId: string, format: string, expression: string): Frame[] {
  const count = Math.round((bounds.end - bounds.start) / bounds.step) + 1;
  const times = Array.from({ length: count }, (_, index) => (bounds.start + index * bounds.step) * 1_000);
  return result.slice(0, SERIES_MAX).map((series) => {
    const values = Array.from({ length: count }, (): number | null => null);
    for (const [time, text] of series.values ?? []) {
      const at = Math.round((time - bounds.start) / bounds.step);
      if (at >= 0 && at < count) values[at] = readNumber(text);
    }
    return seriesFrame(series.metric, times, values, refId, format, expression);
  });
}

function tableFrame(rows: readonly { labels: Labels; time: number; value: number }[], refId: string, valueName: string): Frame {
  const labels = [...new Set(rows.flatMap((row) => Object.keys(row.labels)))].toSorted();
  return {
    refId,
    fields: [
      { name: "Time", type: "time", values: rows.map((row) => row.time * 1_000) },
      ...labels.map((label): Field => ({ name: label, type: "string", values: rows.map((row) => row.labels[label] ?? "") })),
      { name: valueName, type: "number", values: rows.map((row) => row.value) },
    ],
  };
}

/** Cumulative buckets by `le` as counts of each bucket, the lowest first. */
export function bucketFrames(frames: readonly Frame[]): Frame[] {
  const bound = (frame: Frame) => readNumber(frame.fields[1]?.labels?.le ?? "");
  const sorted = frames.filter((frame) => frame.fields[1]?.labels?.le !== undefined).toSorted((a, b) => bound(a) - bound(b));
  if (sorted.length === 0) return [...frames];
  return sorted.map((frame, index) => {
    const [time, value] = frame.fields as [Field, Field];
    const below = sorted[index - 1]?.fields[1]?.values;
    const name = value.labels?.le ?? "";
    return { ...frame, name, fields: [time, { ...value, name, sourceName: name, values: value.values.map((cell, at) => (typeof cell === "number" ? Math.max(0, cell - (typeof below?.[at] === "number" ? below[at] : 0)) : null)) }] };
  });
}

/** What a target asks: the expression and the grid of its points. */
export function promqlOf({ target, scope, span, points, interval }: AskedTarget): { expression: string; bounds: Bounds } {
  const least = readInterval(interpolate(string(target.interval), scope)) ?? readInterval(interpolate(interval, scope));
  const steps = stepsOf(span, points, least, SCRAPE_DEFAULT, number(target.intervalFactor) ?? 1);
  const expression = interpolate(string(target.expr), new Map([...scope, ...steps.scope]), quotePromql);
  return { expression, bounds: alignSpan(span, steps.step) };
}

function instantRows(data: QueryResult): { labels: Labels; time: number; value: number }[] {
  if (data.resultType === "vector") return data.result.flatMap(({ metric, value }) => (value ? [{ labels: metric, time: value[0], value: readNumber(value[1]) }] : []));
  if (data.resultType === "scalar") return [{ labels: {}, time: data.result[0], value: readNumber(data.result[1]) }];
  if (data.resultType === "matrix") return data.result.flatMap(({ metric, values }) => (values ?? []).map(([time, value]: Sample) => ({ labels: metric, time, value: readNumber(value) })));
  return [];
}

export async function runPromql(asked: AskedTarget, signal: AbortSignal): Promise<{ frames: Frame[]; notes: string[] }> {
  const { target, span, scope } = asked;
  const refId = string(target.refId, "A");
  const { expression, bounds } = promqlOf(asked);
  if (expression.trim() === "") return { frames: [], notes: [] };
  const legend = interpolate(string(target.legendFormat), scope);
  const format = string(target.format, "time_series");
  const valueName = asked.tables > 1 ? `Value #${refId}` : "Value";
  const frames: Frame[] = [];
  const notes: string[] = [];
  const isInstant = target.instant === true;
  if (isInstant) {
    const { data, warnings } = await ask<QueryResult>("query", { query: expression, time: span.end }, signal);
    notes.push(...warnings);
    const rows = instantRows(data);
    if (format === "table") frames.push(tableFrame(rows, refId, valueName));
    else frames.push(...rows.slice(0, SERIES_MAX).map((row) => seriesFrame(row.labels, [row.time * 1_000], [row.value], refId, legend, expression)));
  }
  if (!isInstant || target.range === true) {
    const { data, warnings } = await ask<{ result: MatrixSeries[] }>("query_range", { query: expression, start: bounds.start, end: bounds.end, step: bounds.step }, signal);
    notes.push(...warnings);
    if (data.result.length > SERIES_MAX) notes.push(`${data.result.length} series, of which ${SERIES_MAX} are drawn`);
    if (format === "table") frames.push(tableFrame(data.result.slice(0, SERIES_MAX).flatMap(({ metric, values }) => (values ?? []).map(([time, value]) => ({ labels: metric, time, value: readNumber(value) }))), refId, valueName));
    else frames.push(...gridFrames(data.result, bounds, refId, legend, expression));
  }
  return { frames: format === "heatmap" ? bucketFrames(frames) : frames, notes };
}
