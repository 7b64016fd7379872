// Jaeger's and Tempo's targets of dashboards: searches as tables, one trace as a list of spans.
import { findTraces, fetchTrace } from "@/api/traces";
import type { AskedTarget } from "@/api/datasource/target";
import type { Field, Frame } from "@/lib/dashboard/frame";
import { interpolate } from "@/lib/dashboard/interpolate";
import { list, number, object, string } from "@/lib/dashboard/model";
import type { Trace } from "@/lib/trace";

const text = (name: string, values: string[]): Field => ({ name, type: "string", values });

function table(traces: readonly Trace[], refId: string): Frame {
  return {
    refId,
    kind: "traces",
    fields: [
      text("Trace ID", traces.map((trace) => trace.id)),
      text("Trace name", traces.map((trace) => `${trace.rootService}: ${trace.rootName}`)),
      { name: "Start time", type: "time", values: traces.map((trace) => trace.startUs / 1_000) },
      { name: "Duration", type: "number", config: { unit: "µs" }, values: traces.map((trace) => trace.durationUs) },
    ],
  };
}

/** The service and other conditions of `{ resource.service.name = "x" && duration > 1s }`, as far as a search by form knows them. */
function ofTraceql(query: string): { service: string; minDuration: string; tags: string } {
  const service = /(?:resource\.)?service\.name\s*=\s*"([^"]*)"/.exec(query)?.[1] ?? "";
  const minDuration = /\bduration\s*>=?\s*([\d.]+(?:us|µs|ms|s|m))/.exec(query)?.[1] ?? "";
  return { service, minDuration, tags: /status\s*=\s*error/.test(query) ? "error=true" : "" };
}

export async function runTraces({ target, scope, span }: AskedTarget, signal: AbortSignal): Promise<{ frames: Frame[]; notes: string[] }> {
  const refId = string(target.refId, "A");
  const fill = (value: unknown) => interpolate(string(value), scope);
  const query = fill(target.query);
  if (/^[0-9a-f]{16,32}$/i.test(query.trim())) {
    const trace = await fetchTrace(query.trim(), signal);
    return { frames: trace ? [{ ...table([trace], refId) }] : [], notes: [] };
  }
  const filters = list(target.filters).map(object);
  const filter = (tag: string) => { const value = filters.find((one) => one.tag === tag)?.value; return fill(Array.isArray(value) ? value[0] : value); };
  const asked = target.queryType === "traceql" && query ? ofTraceql(query) : { service: fill(target.service) || filter("service.name"), minDuration: fill(target.minDuration), tags: fill(target.tags) };
  const traces = await findTraces({ ...asked, operation: fill(target.operation) || filter("name"), maxDuration: fill(target.maxDuration), limit: number(target.limit) ?? 20 }, span, signal);
  return { frames: [table(traces, refId)], notes: [] };
}
