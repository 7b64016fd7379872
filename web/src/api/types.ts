// Shapes of Prometheus' HTTP API, as far as the page reads them.

export type Labels = Record<string, string>;
export type Sample = [time: number, value: string];

export interface VectorSeries {
  metric: Labels;
  value?: Sample;
  histogram?: [time: number, histogram: { count: string; sum: string }];
}

export interface MatrixSeries {
  metric: Labels;
  values?: Sample[];
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
