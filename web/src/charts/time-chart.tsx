// Lines over time. The one place that knows uPlot.
import "uplot/dist/uPlot.min.css";

import { useComputedColorScheme } from "@mantine/core";
import { useElementSize } from "@mantine/hooks";
import { useEffect, useMemo, useRef } from "react";
import uPlot from "uplot";

import { colorOf } from "@/charts/colors";
import { type Line, stacked } from "@/charts/frame";
import { type Mark, marksPlugin, type Threshold, thresholdsPlugin } from "@/charts/marks";
import { tipPlugin } from "@/charts/tip";
import { formatValue } from "@/lib/format";
import { formatTime, inZone } from "@/lib/time";
import { isBinary } from "@/lib/units";

export interface ChartOptions {
  unit?: string | undefined;
  decimals?: number | null | undefined;
  min?: number | null | undefined;
  max?: number | null | undefined;
  isLog?: boolean | undefined;
  thresholds?: readonly Threshold[] | undefined;
  thresholdStyle?: "line" | "area" | undefined;
  axisLabel?: string | undefined;
  hideAxis?: boolean | undefined;
  tip?: "all" | "one" | "none" | undefined;
}

interface Props {
  times: readonly number[];
  lines: readonly Line[];
  height: number;
  label: string;
  options?: ChartOptions | undefined;
  marks?: readonly Mark[] | undefined;
  /** Charts with the same key share their crosshair. */
  sync?: string | undefined;
  onSelect?: ((span: { start: number; end: number }) => void) | undefined;
  onPoint?: ((time: number, line: number | null) => void) | undefined;
}

const NO_OPTIONS: ChartOptions = {};

function pathsOf(line: Line): uPlot.Series.PathBuilder | undefined {
  const paths = uPlot.paths;
  if (line.shape === "smooth") return paths.spline?.();
  if (line.shape === "stepBefore") return paths.stepped?.({ align: -1 });
  if (line.shape === "stepAfter") return paths.stepped?.({ align: 1 });
  if (line.shape === "bars") return paths.bars?.({ size: [0.8, 60] });
  if (line.shape === "points") return () => null;
  return paths.linear?.();
}

function withOpacity(color: string, opacity: number): string {
  const part = Math.round(Math.max(0, Math.min(1, opacity)) * 255).toString(16).padStart(2, "0");
  return /^#[0-9a-f]{6}$/i.test(color) ? color + part : color;
}

function seriesOf(line: Line, index: number): uPlot.Series {
  const color = line.color ?? colorOf(index);
  const fill = line.fill ?? (line.shape === "bars" ? 0.7 : 0);
  const made: uPlot.Series = {
    label: line.name,
    show: !line.isHidden,
    stroke: color,
    width: line.width ?? 1.5,
    scale: line.axis === "right" ? "right" : "y",
    spanGaps: line.spanGaps ?? false,
    points: { show: Boolean(line.points) || line.shape === "points", size: 5 },
  };
  const paths = pathsOf(line);
  if (paths) made.paths = paths;
  if (fill > 0 && line.fillTo === undefined) made.fill = withOpacity(color, fill);
  if (line.dash) made.dash = line.dash;
  return made;
}

/** A stacked line is filled down to the one below it, a band to its partner. */
function bandsOf(lines: readonly Line[]): uPlot.Band[] {
  const bands: uPlot.Band[] = [];
  const below = new Map<string, number>();
  for (const [index, line] of lines.entries()) {
    const color = withOpacity(line.color ?? colorOf(index), line.fill || 0.15);
    if (line.fillTo !== undefined) bands.push({ series: [index + 1, line.fillTo + 1], fill: color });
    if (!line.stack || line.isHidden) continue;
    const group = `${line.stack} ${line.axis ?? "left"} ${line.isNegative ? "-" : "+"}`;
    const under = below.get(group);
    if (under !== undefined && line.shape !== "bars") bands.push({ series: [index + 1, under + 1], fill: color, dir: line.isNegative ? 1 : -1 });
    below.set(group, index);
  }
  return bands;
}

function rangeOf({ min, max, isLog }: ChartOptions): uPlot.Range.Function {
  return (_, low, high) => {
    if (isLog) return uPlot.rangeLog(low > 0 ? low : 0.001, high > 0 ? high : 1, 10, true);
    const [from, to] = [min ?? low, max ?? high];
    if (from === null || to === null || !Number.isFinite(from) || !Number.isFinite(to)) return [0, 1];
    const soft = uPlot.rangeNum(Math.min(from, to), Math.max(from, to), {
      min: { pad: min === undefined || min === null ? 0.08 : 0, soft: 0, mode: low >= 0 ? 1 : 3 },
      max: { pad: max === undefined || max === null ? 0.08 : 0, soft: 0, mode: high <= 0 ? 1 : 3 },
    });
    const least = min ?? soft[0] ?? 0;
    const most = max ?? soft[1] ?? 1;
    return least === most ? [least - 1, most + 1] : [least, most];
  };
}

/** What of `props` a new chart is made for; new values alone are only set. */
function shapeOf(lines: readonly Line[], options: ChartOptions): string {
  return JSON.stringify([options, lines.map((line) => [line.name, line.color, line.unit, line.fill, line.width, line.dash, line.points, line.shape, line.axis, line.stack, line.isHidden, line.spanGaps, line.fillTo, line.isNegative])]);
}

export function TimeChart({ times, lines, height, label, options = NO_OPTIONS, marks, sync, onSelect, onPoint }: Props) {
  const { ref, width } = useElementSize();
  const holder = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const scheme = useComputedColorScheme("light");
  const data = useMemo(() => [times, ...stacked(lines)] as unknown as uPlot.AlignedData, [times, lines]);
  const latest = useRef({ lines, marks, onSelect, onPoint, data });
  latest.current = { lines, marks, onSelect, onPoint, data };
  const shape = shapeOf(lines, options);

  // uPlot draws on a canvas outside of React: it is made anew when its shape changes, and only given
  // new data otherwise.
  useEffect(() => {
    if (!holder.current || width === 0) return;
    const started = performance.now();
    const style = getComputedStyle(holder.current);
    const dark = scheme === "dark";
    const ink = dark ? "#a3adbb" : "#556170";
    const grid = { stroke: dark ? "#252c37" : "#e6eaef", width: 1 };
    const font = `11px ${style.fontFamily}`;
    const axis: uPlot.Axis = { stroke: ink, grid, ticks: { ...grid, size: 4 }, font };
    const right = lines.some((line) => line.axis === "right");
    const unitOf = (side: "left" | "right") => lines.find((line) => (line.axis ?? "left") === side)?.unit ?? options.unit ?? "short";
    const y = (side: "left" | "right"): uPlot.Axis => ({
      ...axis,
      scale: side === "right" ? "right" : "y",
      side: side === "right" ? 1 : 3,
      grid: side === "right" ? { show: false } : grid,
      show: !options.hideAxis,
      space: 28,
      size: (_, ticks) => Math.min(110, 16 + 6.2 * Math.max(3, ...(ticks ?? []).map((tick) => tick.length))),
      incrs: isBinary(unitOf(side)) ? BINARY_STEPS : DECIMAL_STEPS,
      values: (_, ticks) => ticks.map((tick) => (tick === null ? "" : formatValue(tick, unitOf(side), options.decimals))),
      ...(options.axisLabel && side === "left" ? { label: options.axisLabel, labelSize: 16, labelFont: font } : {}),
    });
    const range = rangeOf(options);
    const distr = options.isLog ? { distr: 3 as const } : {};
    const made = new uPlot(
      {
        width,
        height,
        legend: { show: false },
        padding: [8, 8, 0, options.hideAxis ? 8 : 0],
        tzDate: (seconds) => inZone(seconds * 1_000),
        cursor: {
          y: false,
          points: { size: 6 },
          drag: { x: Boolean(onSelect), y: false, setScale: false },
          ...(sync ? { sync: { key: sync, setSeries: false } } : {}),
        },
        scales: { x: { time: true, range: (_, low, high) => [low, high > low ? high : low + 1] }, y: { range, ...distr }, ...(right ? { right: { range } } : {}) },
        axes: [{ ...axis, space: 70, size: 26, values: clockTicks }, y("left"), ...(right ? [y("right")] : [])],
        series: [{}, ...lines.map(seriesOf)],
        bands: bandsOf(lines),
        plugins: [
          ...(options.thresholds && options.thresholdStyle ? [thresholdsPlugin(options.thresholds, options.thresholdStyle)] : []),
          marksPlugin(() => latest.current.marks ?? []),
          ...(options.tip === "none" ? [] : [tipPlugin({ lines: () => latest.current.lines, marks: () => latest.current.marks ?? [], unit: options.unit, decimals: options.decimals, isSingle: options.tip === "one", onPoint: (time, line) => latest.current.onPoint?.(time, line) })]),
        ],
        hooks: {
          setSelect: [
            (self) => {
              if (self.select.width < 4) return;
              const start = self.posToVal(self.select.left, "x");
              const end = self.posToVal(self.select.left + self.select.width, "x");
              self.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
              latest.current.onSelect?.({ start, end });
            },
          ],
          draw: [
            () => {
              // Read by the tests that hold the drawing to its budget.
              if (holder.current) holder.current.dataset.drawMs = (performance.now() - started).toFixed(1);
            },
          ],
        },
      },
      latest.current.data,
      holder.current,
    );
    plot.current = made;
    return () => {
      made.destroy();
      plot.current = null;
    };
    // Data alone is set below; the callbacks are read when they are called.
    // oxlint-disable-next-line react-hooks/exhaustive-deps
  }, [width, height, scheme, shape, sync]);

  useEffect(() => plot.current?.setData(data), [data]);
  useEffect(() => plot.current?.redraw(false), [marks]);

  return (
    <div ref={ref} className="chart" role="img" aria-label={label} style={{ height }}>
      <div ref={holder} />
    </div>
  );
}

/** Moments on the 24-hour clock; where a day begins, the day. */
function clockTicks(_: uPlot, ticks: number[], __: number, ___: number, step: number): string[] {
  return ticks.map((tick) => {
    const at = formatTime(tick * 1_000, step < 60 ? "second" : "minute");
    return step >= 86_400 || at.endsWith(" 00:00") ? at.slice(5, 10) : at.slice(11);
  });
}

const DECIMAL_STEPS = Array.from({ length: 40 }, (_, index) => [1, 2, 5].map((digit) => digit * 10 ** (index - 18))).flat();
const BINARY_STEPS = [...DECIMAL_STEPS.filter((step) => step < 1), ...Array.from({ length: 64 }, (_, index) => 2 ** index)];
