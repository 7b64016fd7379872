// Series over time, with the settings that Grafana's panel of that name has.
import { useMemo, useState } from "react";

import type { Line } from "@/charts/frame";
import { Legend } from "@/charts/legend";
import { type ChartOptions, TimeChart } from "@/charts/time-chart";
import { type Display, displayOf } from "@/lib/dashboard/field-config";
import { joinTimes } from "@/lib/dashboard/frame";
import { list, number, object, string } from "@/lib/dashboard/model";
import type { DrawingProps } from "@/pages/dashboards/drawing";
import { useTimeRange } from "@/url/clock";

const SHAPES: Record<string, Line["shape"]> = { linear: "linear", smooth: "smooth", stepBefore: "stepBefore", stepAfter: "stepAfter" };

function lineOf(display: Display, values: (number | null)[], labels: Record<string, string> | undefined, isOldStack: boolean): Line {
  const { custom } = display;
  const stacking = object(custom.stacking);
  const mode = string(stacking.mode, isOldStack ? "normal" : "none");
  const dash = object(custom.lineStyle).fill === "dash" ? list(object(custom.lineStyle).dash).map((one) => number(one) ?? 10) : undefined;
  const style = string(custom.drawStyle, "line");
  return {
    name: display.name,
    values: values.map((value) => (value !== null && Number.isFinite(value) ? value : null)),
    color: display.seriesColor.startsWith("#") || display.seriesColor.startsWith("rgb") ? display.seriesColor : undefined,
    unit: display.unit || undefined,
    decimals: display.decimals,
    fill: (number(custom.fillOpacity) ?? 0) / 100,
    width: number(custom.lineWidth) ?? 1,
    dash,
    points: custom.showPoints === "always",
    shape: style === "bars" ? "bars" : style === "points" ? "points" : SHAPES[string(custom.lineInterpolation, "linear")],
    axis: custom.axisPlacement === "right" ? "right" : "left",
    // A group of `false` takes a line out of the stack.
    stack: mode === "none" || stacking.group === false ? undefined : `${string(stacking.group, "A")} ${mode}`,
    spanGaps: custom.spanNulls === true,
    isNegative: custom.transform === "negative-Y",
    labels,
  };
}

/** Stacks of per cent: each value as its share of the sum at its time. */
function asShares(lines: Line[]): Line[] {
  const isShare = (line: Line) => line.stack?.endsWith(" percent") ?? false;
  const shares = lines.filter(isShare);
  if (shares.length === 0) return lines;
  const sums = shares[0]?.values.map((_, index) => shares.reduce((sum, line) => sum + (line.values[index] ?? 0), 0)) ?? [];
  return lines.map((line) => (isShare(line) ? { ...line, unit: "percentunit", values: line.values.map((value, index) => (value === null || !sums[index] ? null : value / sums[index])) } : line));
}

/** How high the legend is: it wraps, and scrolls past a third of the panel. */
function legendHeight(names: readonly string[], width: number, isTable: boolean, numbers: number, height: number): number {
  const each = names.map((name) => Math.min(width, 26 + name.length * 6.4 + numbers * 70));
  let [rows, used] = [1, 0];
  for (const wide of each) {
    if (used > 0 && used + wide > width) {
      rows += 1;
      used = 0;
    }
    used += wide + 14;
  }
  const tall = isTable ? 32 + names.length * 31 : rows * 21 + 2;
  return Math.min(tall, Math.max(24, Math.min(height * 0.36, 160)));
}

export function Lines({ panel, frames, width, height, sync, marks }: DrawingProps) {
  const { setSpan } = useTimeRange();
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
  const { times, lines, first, inLegend } = useMemo(() => {
    const joined = joinTimes(frames);
    const shown = joined.columns.filter(({ field }) => object(displayOf(field).custom.hideFrom).viz !== true);
    const made = shown.map(({ field, values }) => lineOf(displayOf(field), values, field.labels, panel.raw.stack === true));
    return { times: joined.times, lines: asShares(made), first: shown[0] ? displayOf(shown[0].field) : undefined, inLegend: shown.map(({ field }) => object(displayOf(field).custom.hideFrom).legend !== true) };
  }, [frames, panel]);
  const drawn = lines.map((line) => (hidden.has(line.name) ? { ...line, isHidden: true } : line));
  const legend = object(panel.options.legend);
  const isLegend = legend.showLegend !== false && legend.displayMode !== "hidden";
  const style = string(object(object(panel.defaults.custom).thresholdsStyle).mode, "off");
  const options: ChartOptions = {
    unit: first?.unit || "none",
    decimals: first?.decimals,
    min: number(panel.defaults.min),
    max: number(panel.defaults.max),
    isLog: object(object(panel.defaults.custom).scaleDistribution).type === "log",
    axisLabel: string(object(panel.defaults.custom).axisLabel) || undefined,
    thresholds: style === "off" ? undefined : first?.thresholds,
    thresholdStyle: style === "off" ? undefined : style.includes("area") ? "area" : "line",
    tip: object(panel.options.tooltip).mode === "single" ? "one" : object(panel.options.tooltip).mode === "none" ? "none" : "all",
  };
  const listed = drawn.filter((_, index) => inLegend[index]);
  const tall = isLegend ? legendHeight(listed.map((line) => line.name), width, legend.displayMode === "table", list(legend.calcs).length, height) : 0;
  const toggle = (index: number, isAlone: boolean) => {
    const name = listed[index]?.name ?? "";
    const others = lines.map((line) => line.name).filter((one) => one !== name);
    setHidden((before) => {
      if (isAlone) return others.length > 0 && others.every((one) => before.has(one)) ? new Set() : new Set(others);
      const next = new Set(before);
      if (!next.delete(name)) next.add(name);
      return next;
    });
  };
  return (
    <>
      <TimeChart times={times} lines={drawn} height={Math.max(60, height - tall)} label={panel.title} options={options} sync={sync} marks={marks} onSelect={setSpan} />
      {isLegend ? <Legend lines={listed} onToggle={toggle} unit={first?.unit || "none"} decimals={first?.decimals} calculations={list(legend.calcs).map((one) => string(one))} isTable={legend.displayMode === "table"} maxHeight={tall} /> : null}
    </>
  );
}
