// The answer to PromQL: a chart of it over time, or its values now.
import { Button, Menu } from "@mantine/core";
import { useMemo, useState } from "react";
import { useNavigate } from "react-router";

import { useInstant, useRange } from "@/api/hooks";
import type { Labels, QueryResult } from "@/api/types";
import { colorOf } from "@/charts/colors";
import { gridOf, type Line, onGrid } from "@/charts/frame";
import { Legend } from "@/charts/legend";
import { TimeChart } from "@/charts/time-chart";
import { formatLabels, formatValue, readNumber, shortNames } from "@/lib/format";
import { serviceOf } from "@/lib/service-of";
import { useText } from "@/lib/text/text";
import { formatTime } from "@/lib/time";
import { toggleShown } from "@/lib/toggle";
import { Empty, Notice, Waiting } from "@/ui/notice";
import { VirtualList } from "@/ui/virtual-list";
import { address } from "@/url/clock";
import type { Bounds, Span } from "@/url/time-range";

const CHART_SERIES_MAX = 200;

interface Point {
  time: number;
  labels: Labels;
}

/** From a point of a chart to what happened then, in the same service. */
function PointMenu({ point, onClose }: { point: Point; onClose: () => void }) {
  const { text } = useText();
  const navigate = useNavigate();
  const service = serviceOf(point.labels);
  const around = { from: `${Math.round((point.time - 300) * 1_000)}`, to: `${Math.round((point.time + 300) * 1_000)}` };
  return (
    <Menu opened onClose={onClose} position="bottom" withinPortal>
      <Menu.Target>
        <Button size="compact-xs" variant="default">{`${formatTime(point.time * 1_000)}${service ? ` · ${service}` : ""}`}</Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item onClick={() => navigate(address("/explore/logs", { ...around, q: service ? `"${service}"` : "" }))}>{text.toLogs}</Menu.Item>
        <Menu.Item onClick={() => navigate(address("/explore/traces", { ...around, service }))}>{text.toTraces}</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

interface ChartProps {
  expression: string;
  bounds: Bounds;
  onSelect: (span: Span) => void;
}

export function RangeResult({ expression, bounds, onSelect }: ChartProps) {
  const { text } = useText();
  const { data, error, isFetching } = useRange(expression, bounds);
  const [hidden, setHidden] = useState<ReadonlySet<number>>(new Set());
  const [point, setPoint] = useState<Point | null>(null);
  const all = data?.data.result;
  const lines = useMemo(() => {
    const series = (all ?? []).slice(0, CHART_SERIES_MAX);
    const names = shortNames(series.map((one) => one.metric));
    return series.map((one, index): Line => ({ name: names[index] ?? "", values: onGrid(one, bounds), color: colorOf(index), isHidden: hidden.has(index), labels: one.metric, fill: series.length === 1 ? 0.12 : 0 }));
  }, [all, bounds, hidden]);
  const times = useMemo(() => gridOf(bounds), [bounds]);
  return (
    <div className="stack" style={{ gap: 8 }}>
      <Notice error={error} notes={[...(data?.warnings ?? []), ...(data?.infos ?? [])]} />
      {lines.length > 0 ? (
        <>
          <TimeChart times={times} lines={lines} height={340} label={expression} onSelect={onSelect} onPoint={(time, line) => setPoint({ time, labels: (line === null ? undefined : lines[line]?.labels) ?? {} })} />
          {point ? (
            <div>
              <PointMenu point={point} onClose={() => setPoint(null)} />
            </div>
          ) : null}
          <Legend lines={lines} onToggle={(index, isAlone) => setHidden((before) => toggleShown(before, lines.length, index, isAlone))} />
          {(all?.length ?? 0) > lines.length ? <div className="soft">{`+ ${(all?.length ?? 0) - lines.length} ${text.moreSeries}`}</div> : null}
        </>
      ) : isFetching && !data ? (
        <Waiting label={text.loading} height={340} />
      ) : error ? null : (
        <Empty title={text.noData} />
      )}
    </div>
  );
}

/** Rows of the table: the series' name, and its value. */
function rows(result: QueryResult): [name: string, value: string][] {
  if (result.resultType === "scalar" || result.resultType === "string") return [["", result.result[1]]];
  if (result.resultType === "matrix") {
    return result.result.map((one) => [formatLabels(one.metric), (one.values ?? []).map(([time, value]) => `${value} @${time}`).join(" ")]);
  }
  return result.result.map((one) => {
    const histogram = one.histogram?.[1];
    return [formatLabels(one.metric), one.value?.[1] ?? (histogram ? `count ${histogram.count}, sum ${histogram.sum}` : "")];
  });
}

export function InstantResult({ expression, time }: { expression: string; time: number }) {
  const { text } = useText();
  const { data, error, isFetching } = useInstant(expression, time);
  const all = useMemo(() => (data ? rows(data.data).toSorted((a, b) => readNumber(b[1]) - readNumber(a[1])) : []), [data]);
  return (
    <div className="stack" style={{ gap: 8 }}>
      <Notice error={error} notes={[...(data?.warnings ?? []), ...(data?.infos ?? [])]} />
      {all.length > 0 ? (
        <VirtualList
          count={all.length}
          rowHeight={28}
          height={Math.min(520, all.length * 28 + 30)}
          label={text.table}
          header={
            <div className="grid-row head">
              <span>{`${text.series} (${all.length})`}</span>
              <span>{text.value}</span>
            </div>
          }
          row={(index) => {
            const [name, value] = all[index] ?? ["", ""];
            return (
              <div key={index} className="grid-row" title={`${name} ${value}`}>
                <span className="mono ellipsis">{name}</span>
                <span className="number value-cell" title={formatValue(readNumber(value))}>
                  {value}
                </span>
              </div>
            );
          }}
        />
      ) : isFetching && !data ? (
        <Waiting label={text.loading} />
      ) : error ? null : (
        <Empty title={text.noData} />
      )}
    </div>
  );
}
