// LogQL targets of dashboards.
import { queryText, request } from "@/api/client";
import type { AskedTarget } from "@/api/datasource/target";
import type { Field, Frame } from "@/lib/dashboard/frame";
import { interpolate, quotePromql } from "@/lib/dashboard/interpolate";
import { readInterval, stepsOf } from "@/lib/dashboard/interval";
import { number, string } from "@/lib/dashboard/model";
import { formatLabels, formatLegend, readNumber } from "@/lib/format";

const LINES_MAX = 1_000;

interface Answer {
  data: {
    resultType: string;
    result: { stream?: Record<string, string>; metric?: Record<string, string>; values?: [string | number, string][]; value?: [number, string] }[];
  };
}

export async function runLogql(asked: AskedTarget, signal: AbortSignal): Promise<{ frames: Frame[]; notes: string[] }> {
  const { target, span, scope } = asked;
  const refId = string(target.refId, "A");
  const steps = stepsOf(span, asked.points, readInterval(interpolate(asked.interval, scope)), 1, number(target.resolution) ?? 1);
  const expression = interpolate(string(target.expr), new Map([...scope, ...steps.scope]), quotePromql);
  if (expression.trim() === "") return { frames: [], notes: [] };
  const isInstant = target.queryType === "instant" || target.instant === true;
  const nanoseconds = (seconds: number) => `${Math.floor(seconds * 1_000)}000000`;
  const path = isInstant ? `query${queryText({ query: expression, time: nanoseconds(span.end) })}` : `query_range${queryText({ query: expression, start: nanoseconds(span.start), end: nanoseconds(span.end), step: steps.step, limit: number(target.maxLines) ?? LINES_MAX })}`;
  const { data } = await request<Answer>(`/loki/api/v1/${path}`, { signal });
  if (data.resultType === "streams") {
    const rows = data.result.flatMap(({ stream, values }) => (values ?? []).map(([at, line]) => ({ at: Number(String(at).slice(0, -6)), line, labels: stream ?? {} }))).toSorted((a, b) => b.at - a.at);
    return { frames: [{ refId, kind: "logs", fields: [{ name: "Time", type: "time", values: rows.map((row) => row.at) }, { name: "Line", type: "string", values: rows.map((row) => row.line) }, { name: "labels", type: "other", values: rows.map((row) => row.labels) }] }], notes: [] };
  }
  const legend = interpolate(string(target.legendFormat), scope);
  return {
    frames: data.result.map(({ metric = {}, values, value }): Frame => {
      const points = values ?? (value ? [value] : []);
      const sourceName = legend ? formatLegend(legend, metric) : formatLabels(metric);
      const field: Field = { name: "Value", type: "number", labels: metric, sourceName: sourceName === "{}" ? expression : sourceName, values: points.map(([, text]) => readNumber(text)) };
      return { refId, isSeries: true, fields: [{ name: "Time", type: "time", values: points.map(([at]) => Number(at) * 1_000) }, field] };
    }),
    notes: [],
  };
}
