// Panels that draw categories, buckets and states of their frames.
import { SCALES } from "@/charts/colors";
import { type Column, Columns } from "@/charts/columns";
import { Heatmap as HeatmapChart } from "@/charts/heatmap";
import { Pie as PieChart } from "@/charts/pie";
import { type StateRow, States } from "@/charts/states";
import { type Display, displayOf } from "@/lib/dashboard/field-config";
import { type Field, type Frame, joinTimes, lengthOf, numbersOf, timeOf, toNumber, toText } from "@/lib/dashboard/frame";
import { list, number, object, string } from "@/lib/dashboard/model";
import { histogram } from "@/lib/dashboard/shape";
import { formatTime } from "@/lib/time";
import { formatUnit } from "@/lib/units";
import type { DrawingProps } from "@/pages/dashboards/drawing";
import { figuresOf } from "@/pages/dashboards/figures";
import { useTimeRange } from "@/url/clock";

const COLUMNS_MAX = 500;
const writer = (display: Display | undefined) => (value: number) => formatUnit(value, display?.unit ?? "", display?.decimals);

export function Pie({ panel, frames, width, height }: DrawingProps) {
  const legend = object(panel.options.legend);
  const figures = figuresOf(panel, frames);
  const sum = figures.reduce((total, { value }) => total + Math.max(0, value ?? 0), 0);
  const slices = figures.map(({ name, text, value, color, seriesColor }) => ({ name, text, value: value ?? 0, color: seriesColor || color }));
  const isRight = legend.placement === "right" || width > height * 1.6;
  const isLegend = legend.showLegend !== false && legend.displayMode !== "hidden";
  const size = Math.max(40, Math.min(height - (isLegend && !isRight ? 50 : 4), width * (isLegend && isRight ? 0.5 : 1)));
  const withShare = list(legend.values).includes("percent") || list(panel.options.displayLabels).includes("percent");
  return (
    <div style={{ display: "flex", flexDirection: isRight ? "row" : "column", gap: 12, alignItems: "center", justifyContent: "center", height: "100%" }}>
      <PieChart slices={slices} size={size} label={panel.title} isDonut={panel.options.pieType === "donut"} />
      {isLegend ? (
        <div className="legend" style={{ flexDirection: isRight ? "column" : "row", flexWrap: isRight ? "nowrap" : "wrap", maxHeight: isRight ? height - 8 : 46, minWidth: 0 }}>
          {slices.map((slice, index) => (
            // Names may repeat: the place is the identity.
            // oxlint-disable-next-line react/no-array-index-key
            <span key={index} style={{ display: "inline-flex", gap: 6, alignItems: "center", minWidth: 0 }}>
              <span className="legend-mark" style={{ background: slice.color }} />
              <span className="ellipsis" title={slice.name}>{slice.name}</span>
              <b>{withShare && sum > 0 ? `${((slice.value / sum) * 100).toFixed(0)}%` : slice.text}</b>
            </span>
          ))}
        </div>
      ) : null}
    </div>
  );
}

function columnsOf(frame: Frame, names: Field | undefined): Column[] {
  const numbers = numbersOf(frame).filter((field) => field !== names && object(displayOf(field).custom.hideFrom).viz !== true);
  return Array.from({ length: Math.min(COLUMNS_MAX, lengthOf(frame)) }, (_, row) => ({
    name: names ? (names.type === "time" ? formatTime(toNumber(names.values[row]) ?? 0, "minute").slice(5) : displayOf(names).show(names.values[row]).text) : `${row + 1}`,
    values: numbers.map((field) => {
      const display = displayOf(field);
      const shown = display.show(field.values[row]);
      const isByValue = shown.isMapped || display.colorMode === "thresholds" || display.colorMode.startsWith("continuous");
      return { name: display.name, value: toNumber(field.values[row]), text: shown.text, color: isByValue && numbers.length === 1 ? shown.color : display.seriesColor };
    }),
  }));
}

/** Series of one moment, or of several, as one table: a column for each series. */
function asTable(frames: readonly Frame[]): Frame | undefined {
  if (frames.length < 2) return frames[0];
  const { times, columns } = joinTimes(frames);
  return { refId: "A", fields: [{ name: "Time", type: "time", values: times.map((at) => at * 1_000) }, ...columns.map(({ field, values }): Field => ({ ...field, values }))] };
}

export function BarChart({ panel, frames, width, height }: DrawingProps) {
  const { options } = panel;
  const frame = asTable(frames);
  if (!frame) return null;
  const wanted = string(options.xField);
  const names = frame.fields.find((field) => wanted !== "" && displayOf(field).name === wanted) ?? frame.fields.find((field) => field.type === "string") ?? timeOf(frame);
  const isLying = options.orientation === "horizontal";
  return <Columns columns={columnsOf(frame, names)} width={width} height={height} label={panel.title} isLying={isLying} isStacked={options.stacking === "normal" || options.stacking === "percent"} format={writer(numbersOf(frame)[0] ? displayOf(numbersOf(frame)[0] as Field) : undefined)} />;
}

export function Histogram({ panel, frames, width, height }: DrawingProps) {
  const isMade = frames.some((frame) => frame.fields.some((field) => field.name === "xMin" || field.name === "BucketMin"));
  const [made] = isMade ? frames : histogram(frames, panel.options);
  if (!made) return null;
  const [low, high, ...counts] = made.fields;
  const source = numbersOf(frames[0] ?? made)[0];
  const write = writer(source ? displayOf(source) : undefined);
  const original = frames.flatMap(numbersOf);
  const columns = (low?.values ?? []).slice(0, COLUMNS_MAX).map((cell, row) => ({
    name: write(toNumber(cell) ?? 0),
    values: counts.map((field, index) => ({ name: `${write(toNumber(cell) ?? 0)} – ${write(toNumber(high?.values[row]) ?? 0)}`, value: toNumber(field.values[row]), text: toText(field.values[row]), color: original[index] ? displayOf(original[index]).seriesColor : displayOf(field).seriesColor })),
  }));
  return <Columns columns={columns} width={width} height={height} label={panel.title} isDense isStacked={counts.length > 1} format={(value) => formatUnit(value, "short")} />;
}

/** Values of series by bucket, where the panel itself makes buckets. */
function bucketed(times: readonly number[], columns: readonly { values: (number | null)[] }[], count: number): { name: number; values: number[] }[] {
  const all = columns.flatMap(({ values }) => values.filter((value) => value !== null));
  const [low, high] = [all.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY), all.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY)];
  if (!Number.isFinite(low)) return [];
  const size = (high - low) / count || 1;
  const rows = Array.from({ length: count }, (_, index) => ({ name: low + (index + 1) * size, values: times.map(() => 0) }));
  for (const { values } of columns) {
    for (const [at, value] of values.entries()) {
      const row = value === null ? undefined : rows[Math.min(count - 1, Math.floor((value - low) / size))];
      if (row) row.values[at] = (row.values[at] ?? 0) + 1;
    }
  }
  return rows;
}

export function Heatmap({ panel, frames, width, height }: DrawingProps) {
  const { times, columns } = joinTimes(frames);
  const isCalculated = panel.options.calculate === true || (panel.raw.dataFormat === "timeseries" && panel.options.calculate === undefined);
  const axis = object(panel.options.yAxis);
  const old = object(panel.raw.yAxis);
  const write = (value: number) => formatUnit(value, string(axis.unit) || string(old.format) || "short", number(axis.decimals));
  const bound = (name: string) => (name !== "" && Number.isFinite(Number(name)) ? write(Number(name)) : name);
  const rows = isCalculated ? bucketed(times, columns, 20).map(({ name, values }) => ({ name: write(name), values })) : columns.map(({ field, values }) => ({ name: bound(displayOf(field).name), values }));
  const color = object(panel.options.color ?? panel.raw.color);
  const scheme = string(color.scheme) || string(color.colorScheme).replace("interpolate", "");
  const exponent = color.scale === "exponential" || color.colorScale === "sqrt" || color.colorScale === undefined ? (number(color.exponent) ?? 0.5) : 1;
  return <HeatmapChart times={times.map((at) => at * 1_000)} rows={rows} stops={SCALES[scheme] ?? SCALES.Oranges ?? []} exponent={exponent} width={width} height={height} label={panel.title} format={(value) => formatUnit(value, "short")} />;
}

/** Values that follow each other and look the same are one state. */
function stateRows(frames: readonly Frame[], endMs: number, isMerged: boolean): StateRow[] {
  return frames.flatMap((frame) => {
    const times = (timeOf(frame)?.values ?? []).map((cell) => toNumber(cell) ?? 0);
    const step = times.length > 1 ? (times.at(-1) ?? 0) - (times.at(-2) ?? 0) : 0;
    return frame.fields
      .filter((field) => field.type !== "time" && object(displayOf(field).custom.hideFrom).viz !== true)
      .map((field) => {
        const display = displayOf(field);
        const parts: StateRow["parts"] = [];
        let isOpen = false;
        for (const [index, start] of times.entries()) {
          const cell = field.values[index];
          if (cell === null || cell === undefined) {
            isOpen = false;
            continue;
          }
          const shown = display.show(cell);
          const color = shown.isMapped || display.colorMode !== "" ? shown.color : display.seriesColor;
          const end = times[index + 1] ?? (step > 0 ? Math.min(endMs, start + step) : endMs);
          const last = parts.at(-1);
          if (isMerged && isOpen && last && last.text === shown.text && last.color === color) last.end = end;
          else parts.push({ start, end, text: shown.text, color });
          isOpen = true;
        }
        return { name: display.name, parts };
      });
  });
}

export function StateTimeline({ panel, frames, width, height }: DrawingProps) {
  const { span } = useTimeRange();
  const rows = stateRows(frames, span.end * 1_000, panel.type === "state-timeline" && panel.options.mergeValues !== false);
  return <States rows={rows} startMs={span.start * 1_000} endMs={span.end * 1_000} width={width} height={height} label={panel.title} showText={panel.options.showValue !== "never"} />;
}
