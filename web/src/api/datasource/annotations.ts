// Moments that a dashboard marks on its charts: kept ones by tag, samples of a query, lines of a log.
import { ask, queryText, request } from "@/api/client";
import { type AskedTarget, kindOf } from "@/api/datasource/target";
import { runElasticsearch } from "@/api/datasource/elasticsearch";
import { runLogql } from "@/api/datasource/loki";
import { promqlOf } from "@/api/datasource/prometheus";
import type { Annotation } from "@/api/grafana";
import type { MatrixSeries } from "@/api/types";
import { namedColor } from "@/charts/colors";
import type { Mark } from "@/charts/marks";
import { toNumber, toText } from "@/lib/dashboard/frame";
import { interpolate, type Scope } from "@/lib/dashboard/interpolate";
import { type AnnotationQuery, list, object, string } from "@/lib/dashboard/model";
import { formatLegend } from "@/lib/format";
import type { Span } from "@/url/time-range";

const MARKS_MAX = 500;
const POINTS = 200;

async function kept(query: AnnotationQuery, scope: Scope, span: Span, uid: string, signal: AbortSignal): Promise<Omit<Mark, "color">[]> {
  const settings = { ...query.raw, ...object(query.raw.target) };
  const tags = list(settings.tags).map((tag) => interpolate(string(tag), scope));
  const isByTag = settings.type === "tags" && tags.length > 0;
  const which = isByTag ? { tags, matchAny: settings.matchAny === true ? "true" : undefined } : { dashboardUID: uid };
  const found = await request<Annotation[]>(`/api/annotations${queryText({ from: Math.floor(span.start * 1_000), to: Math.ceil(span.end * 1_000), limit: MARKS_MAX, ...which })}`, { signal });
  return found.map(({ time, timeEnd, text, tags: own }) => ({ time: time / 1_000, ...(timeEnd && timeEnd > time ? { end: timeEnd / 1_000 } : {}), text: [text, ...(own ?? [])].join(" · ") }));
}

/** Samples above zero are marks; those that follow each other are one span of time. */
async function ofPromql(query: AnnotationQuery, asked: AskedTarget, signal: AbortSignal): Promise<Omit<Mark, "color">[]> {
  const { expression, bounds } = promqlOf(asked);
  if (!expression.trim()) return [];
  const { data } = await ask<{ result: MatrixSeries[] }>("query_range", { query: expression, start: bounds.start, end: bounds.end, step: bounds.step }, signal);
  return data.result.flatMap(({ metric, values }) => {
    const marks: Omit<Mark, "color">[] = [];
    const text = formatLegend(string(query.raw.titleFormat) || query.name, metric) + (query.raw.textFormat ? `: ${formatLegend(string(query.raw.textFormat), metric)}` : "");
    for (const [time, value] of values ?? []) {
      if (Number(value) === 0) continue;
      const last = marks.at(-1);
      if (last && time - (last.end ?? last.time) <= bounds.step * 1.5) last.end = time;
      else marks.push({ time, text });
    }
    return marks;
  });
}

export async function findMarks(queries: readonly AnnotationQuery[], scope: Scope, span: Span, uid: string, signal: AbortSignal): Promise<Mark[]> {
  const settled = await Promise.allSettled(
    queries.map(async (query) => {
      const target = { refId: "A", ...query.raw, ...object(query.raw.target) };
      const kind = query.isBuiltIn ? "grafana" : kindOf(query.source, target, (text) => interpolate(text, scope));
      const asked = { target, scope, span, points: POINTS, interval: string(query.raw.step), tables: 0 };
      const color = namedColor(query.color, "#3f7fd9");
      if (kind === "grafana") return (await kept(query, scope, span, uid, signal)).map((mark) => ({ ...mark, color }));
      if (kind === "prometheus") return (await ofPromql(query, asked, signal)).map((mark) => ({ ...mark, color }));
      if (kind !== "loki" && kind !== "elasticsearch") return [];
      const { frames } = kind === "loki" ? await runLogql(asked, signal) : await runElasticsearch({ ...asked, target: { ...target, metrics: [{ id: "1", type: "logs" }], bucketAggs: [] } }, signal);
      return frames.flatMap((frame) => {
        const [time, line] = frame.fields;
        return (time?.values ?? []).map((cell, row) => ({ time: (toNumber(cell) ?? 0) / 1_000, text: toText(line?.values[row]), color }));
      });
    }),
  );
  signal.throwIfAborted();
  return settled.flatMap((one) => (one.status === "fulfilled" ? one.value : [])).slice(0, MARKS_MAX);
}
