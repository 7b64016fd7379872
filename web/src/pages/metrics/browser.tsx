// What metrics there are: type, help, and how many series and label values each has.
import { TextInput } from "@mantine/core";
import { useMemo, useState } from "react";

import { useMetadata, useMetricNames, useSeries } from "@/api/hooks";
import { useText } from "@/lib/text/text";
import { Icon } from "@/ui/icon";
import { Empty, Notice } from "@/ui/notice";
import { VirtualList } from "@/ui/virtual-list";
import type { Span } from "@/url/time-range";

const VALUES_MAX = 8;

function useLabels(metric: string, span: Span) {
  const { data } = useSeries(metric, span);
  return useMemo(() => {
    const values = new Map<string, Map<string, number>>();
    for (const series of data?.data ?? []) {
      for (const [label, value] of Object.entries(series)) {
        if (label === "__name__") continue;
        const counts = values.get(label) ?? new Map<string, number>();
        values.set(label, counts.set(value, (counts.get(value) ?? 0) + 1));
      }
    }
    const labels = [...values].map(([label, counts]) => ({ label, values: [...counts].toSorted((a, b) => b[1] - a[1]) }));
    return { labels, series: data?.data.length };
  }, [data]);
}

interface DetailProps {
  metric: string;
  span: Span;
  onPick: (expression: string) => void;
}

/** One metric: what it is, and its labels with their values. */
function MetricDetail({ metric, span, onPick }: DetailProps) {
  const { text } = useText();
  const { data } = useMetadata();
  const { labels, series } = useLabels(metric, span);
  const about = data?.data[metric]?.[0] ?? data?.data[metric.replace(/_(bucket|count|sum|total)$/, "")]?.[0];
  return (
    <div className="stack" style={{ gap: 6, padding: "8px 10px", borderTop: "1px solid var(--line)", maxHeight: 280, overflow: "auto" }}>
      <div className="mono" style={{ fontWeight: 600, overflowWrap: "anywhere" }}>
        {metric}
      </div>
      <div style={{ fontSize: 12 }} className="soft">
        {about?.help}
      </div>
      <div>
        <span className="pill">{about?.type ?? "unknown"}</span> <span className="pill">{`${series ?? "…"} ${text.series.toLowerCase()}`}</span>
      </div>
      {labels.map(({ label, values }) => (
        <div key={label} style={{ fontSize: 12 }}>
          <span className="mono">{label}</span> <span className="soft">{values.length}</span>
          <div style={{ display: "flex", flexWrap: "wrap", gap: 3 }}>
            {values.slice(0, VALUES_MAX).map(([value, found]) => (
              <button key={value} type="button" className="pill ellipsis" style={{ border: 0, cursor: "pointer" }} title={`${value} (${found})`} onClick={() => onPick(`${metric}{${label}=${JSON.stringify(value)}}`)}>
                {value}
              </button>
            ))}
            {values.length > VALUES_MAX ? <span className="soft">+ {values.length - VALUES_MAX}</span> : null}
          </div>
        </div>
      ))}
    </div>
  );
}

/** The usual first question about a metric of a type. */
function questionFor(metric: string, type: string | undefined): string {
  if (metric.endsWith("_bucket")) return `histogram_quantile(0.95, sum by (le) (rate(${metric}[1m])))`;
  if (type === "counter" || /_(total|count|sum)$/.test(metric)) return `rate(${metric}[1m])`;
  return metric;
}

interface Props {
  span: Span;
  chosen: string;
  onPick: (expression: string) => void;
}

export function MetricBrowser({ span, chosen, onPick }: Props) {
  const { text } = useText();
  const names = useMetricNames(span);
  const metadata = useMetadata();
  const [asked, setAsked] = useState("");
  const [shown, setShown] = useState("");
  const words = asked.toLowerCase().split(/\s+/).filter(Boolean);
  const all = names.data?.data ?? [];
  const about = (name: string) => (metadata.data?.data[name] ?? metadata.data?.data[name.replace(/_(bucket|count|sum|total)$/, "")])?.[0];
  const found = words.length === 0 ? all : all.filter((name) => words.every((word) => `${name} ${about(name)?.help ?? ""}`.toLowerCase().includes(word)));
  const detail = shown || (all.includes(chosen) ? chosen : "");
  return (
    <aside className="panel" aria-label={text.browseMetrics} style={{ display: "flex", flexDirection: "column", alignSelf: "start" }}>
      <div style={{ padding: 8 }}>
        <TextInput size="xs" value={asked} placeholder={text.findMetric} aria-label={text.findMetric} leftSection={<Icon name="search" size={14} />} onChange={(event) => setAsked(event.currentTarget.value)} />
        <div className="soft" style={{ fontSize: 12, paddingTop: 4 }}>{`${found.length} ${text.metricsShown}`}</div>
      </div>
      <Notice error={names.error} />
      {names.data && found.length === 0 ? <Empty title={text.nothingFound} /> : null}
      <VirtualList
        count={found.length}
        rowHeight={26}
        height="min(42vh, 440px)"
        label={text.browseMetrics}
        row={(index) => {
          const name = found[index] ?? "";
          const { type, help } = about(name) ?? {};
          return (
            <button
              key={name}
              type="button"
              className={`metric-row ${name === detail ? "active" : ""}`}
              title={help ? `${name}\n${help}` : name}
              onClick={() => {
                setShown(name);
                onPick(questionFor(name, type));
              }}
            >
              <span className="ellipsis">{name}</span>
              <span className="soft">{type && type !== "unknown" ? type[0] : ""}</span>
            </button>
          );
        }}
      />
      {detail ? <MetricDetail metric={detail} span={span} onPick={onPick} /> : null}
    </aside>
  );
}
