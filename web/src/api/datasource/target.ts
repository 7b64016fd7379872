// What a panel asks of a data source.
import type { Scope } from "@/lib/dashboard/interpolate";
import type { SourceRef, Target } from "@/lib/dashboard/model";
import type { Span } from "@/url/time-range";

export interface AskedTarget {
  target: Target;
  scope: Scope;
  span: Span;
  /** Points that there is room for. */
  points: number;
  /** The panel's least interval, such as `30s`. */
  interval: string;
  /** How many of the panel's targets answer with a table. */
  tables: number;
}

export type SourceKind = "prometheus" | "loki" | "elasticsearch" | "traces" | "alerts" | "grafana";

/** The data sources that Vigie is. */
export const SOURCES: readonly { uid: string; name: string; type: string; kind: SourceKind }[] = [
  { uid: "vigie-prometheus", name: "Prometheus", type: "prometheus", kind: "prometheus" },
  { uid: "vigie-loki", name: "Loki", type: "loki", kind: "loki" },
  { uid: "vigie-elasticsearch", name: "Elasticsearch", type: "elasticsearch", kind: "elasticsearch" },
  { uid: "vigie-jaeger", name: "Jaeger", type: "jaeger", kind: "traces" },
  { uid: "vigie-tempo", name: "Tempo", type: "tempo", kind: "traces" },
  { uid: "vigie-alertmanager", name: "Alertmanager", type: "alertmanager", kind: "alerts" },
];

const KINDS: Record<string, SourceKind> = {
  prometheus: "prometheus", "grafana-amazonprometheus-datasource": "prometheus", "grafana-azureprometheus-datasource": "prometheus", "victoriametrics-metrics-datasource": "prometheus",
  loki: "loki", elasticsearch: "elasticsearch", "grafana-opensearch-datasource": "elasticsearch", jaeger: "traces", tempo: "traces", zipkin: "traces", alertmanager: "alerts", grafana: "grafana", datasource: "grafana",
};

/** A uid or name as it may stand in a dashboard, as one of ours. */
function named(uid: string): SourceKind | null {
  const plain = uid.toLowerCase();
  const exact = SOURCES.find((source) => source.uid === uid || source.name.toLowerCase() === plain || source.type === plain);
  if (exact) return exact.kind;
  if (plain === "-- grafana --" || plain === "-- dashboard --" || plain === "grafana") return "grafana";
  return (["prometheus", "loki", "elasticsearch", "jaeger", "tempo"] as const).map((word) => (plain.includes(word) ? (KINDS[word] ?? null) : null)).find((kind) => kind !== null) ?? null;
}

/** Which of our APIs a target means: by its source's type, else by its name, else by what it asks. */
export function kindOf(source: SourceRef | null, target: Target, resolve: (text: string) => string): SourceKind | string {
  if (source?.type && source.type !== "datasource") return KINDS[source.type] ?? source.type;
  const uid = resolve(source?.uid ?? "");
  const found = uid ? named(uid) : null;
  if (found) return found;
  if (typeof target.expr === "string") return /^\s*(sum|count|rate|topk|avg|max|min)?[\s\w()]*\(?\s*\{/.test(target.expr) && /\|[=~]|count_over_time|\{[^}]*\}\s*$/.test(target.expr) && !/[\w:]+\{/.test(target.expr.replace(/\b(sum|rate|by|avg|max|min|count|topk)\b/g, "")) ? "loki" : "prometheus";
  if (Array.isArray(target.metrics) || Array.isArray(target.bucketAggs)) return "elasticsearch";
  if (target.queryType === "search" || target.queryType === "traceql" || typeof target.service === "string") return "traces";
  return "prometheus";
}
