// Shapes of Prometheus' HTTP API, as far as the page reads them.

export type Labels = Record<string, string>;
export type Sample = [time: number, value: string];

export interface HistogramValue {
  count: string;
  sum: string;
  buckets?: [boundary: number, low: string, high: string, count: string][];
}

export interface VectorSeries {
  metric: Labels;
  value?: Sample;
  histogram?: [time: number, histogram: HistogramValue];
}

export interface MatrixSeries {
  metric: Labels;
  values?: Sample[];
  histograms?: [time: number, histogram: HistogramValue][];
}

export type QueryResult =
  | { resultType: "vector"; result: VectorSeries[] }
  | { resultType: "matrix"; result: MatrixSeries[] }
  | { resultType: "scalar"; result: Sample }
  | { resultType: "string"; result: Sample };

export interface Answer<T> {
  data: T;
  warnings: string[];
  infos: string[];
}

export interface Target {
  labels: Labels;
  discoveredLabels: Labels;
  scrapePool: string;
  scrapeUrl: string;
  globalUrl: string;
  lastError: string;
  lastScrape: string;
  lastScrapeDuration: number;
  health: "up" | "down" | "unknown";
}

export interface Targets {
  activeTargets: Target[];
  droppedTargets: { discoveredLabels: Labels }[];
}

export interface RuleAlert {
  labels: Labels;
  annotations: Labels;
  state: "firing" | "pending" | "inactive";
  activeAt: string;
  value: string;
}

export interface Rule {
  type: "alerting" | "recording";
  name: string;
  query: string;
  duration?: number;
  labels?: Labels;
  annotations?: Labels;
  alerts?: RuleAlert[];
  state?: "firing" | "pending" | "inactive" | "unknown";
  health: string;
  lastError?: string;
  evaluationTime?: number;
  lastEvaluation?: string;
}

export interface RuleGroup {
  name: string;
  file: string;
  interval: number;
  rules: Rule[];
  evaluationTime?: number;
  lastEvaluation?: string;
}

export interface Metadata {
  type: string;
  help: string;
  unit: string;
}
