import { useComputedColorScheme } from "@mantine/core";
import { useElementSize } from "@mantine/hooks";
import { useEffect, useMemo, useRef } from "react";
import uPlot from "uplot";

import type { MatrixSeries } from "@/api/types";
import { align } from "@/charts/align";
import { COLORS } from "@/charts/colors";
import { formatValue, type Unit } from "@/lib/format";

interface Props {
  series: readonly MatrixSeries[];
  bounds: { start: number; end: number; step: number };
  unit?: Unit;
  height?: number;
  /** Lowest and highest value shown; by default what the data has. */
  limits?: [number, number];
  label: string;
}

/** Lines over time. The one place that knows uPlot. */
export function LineChart({ series, bounds, unit = "none", height = 220, limits, label }: Props) {
  const { ref, width } = useElementSize();
  const holder = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const scheme = useComputedColorScheme("light");
  const data = useMemo(() => align(series, bounds.start, bounds.end, bounds.step), [series, bounds]);
  const [low, high] = limits ?? [undefined, undefined];

  // uPlot draws on a canvas outside of React: it is made anew when its shape changes, and only
  // given new data otherwise.
  useEffect(() => {
    if (!holder.current || width === 0) return;
    const text = scheme === "dark" ? "#c1c2c5" : "#495057";
    const grid = { stroke: scheme === "dark" ? "#373a40" : "#dee2e6", width: 1 };
    const axis = { stroke: text, grid, ticks: grid };
    const made = new uPlot(
      {
        width,
        height,
        legend: { show: false },
        cursor: { y: false },
        scales: { x: { time: true }, ...(low === undefined || high === undefined ? {} : { y: { range: [low, high] } }) },
        axes: [axis, { ...axis, size: 88, values: (_, ticks) => ticks.map((tick) => formatValue(tick, unit)) }],
        series: [
          {},
          ...Array.from({ length: data.length - 1 }, (_, index) => ({
            stroke: COLORS[index % COLORS.length] ?? text,
            width: 1.5,
            points: { show: false },
          })),
        ],
      },
      data as uPlot.AlignedData,
      holder.current,
    );
    plot.current = made;
    return () => {
      made.destroy();
      plot.current = null;
    };
    // Data alone is set below.
    // oxlint-disable-next-line react-hooks/exhaustive-deps
  }, [width, height, scheme, unit, low, high, data.length]);

  useEffect(() => plot.current?.setData(data as uPlot.AlignedData), [data]);

  return (
    <div ref={ref} role="img" aria-label={label} style={{ minHeight: height }}>
      <div ref={holder} />
    </div>
  );
}
