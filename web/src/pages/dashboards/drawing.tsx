// What each kind of panel draws of its frames.
import type { ReactNode } from "react";

import type { Mark } from "@/charts/marks";
import { Sparkline } from "@/charts/sparkline";
import { type Frame, lengthOf, toNumber } from "@/lib/dashboard/frame";
import type { Scope } from "@/lib/dashboard/interpolate";
import { object, type Panel, string } from "@/lib/dashboard/model";
import { useText } from "@/lib/text/text";
import { figuresOf } from "@/pages/dashboards/figures";
import { Lines } from "@/pages/dashboards/lines";
import { AlertList, DashboardList, Logs, Traces } from "@/pages/dashboards/listing";
import { BarChart, Heatmap, Histogram, Pie, StateTimeline } from "@/pages/dashboards/shapes";
import { Table } from "@/pages/dashboards/table";
import { TextPanel } from "@/pages/dashboards/text-panel";

export interface DrawingProps {
  panel: Panel;
  frames: readonly Frame[];
  scope: Scope;
  width: number;
  height: number;
  sync?: string | undefined;
  marks?: readonly Mark[] | undefined;
}

/** In how many columns figures of about two and a half times their height fit best. */
function columnsFor(count: number, width: number, height: number): number {
  let best = 1;
  let least = Number.POSITIVE_INFINITY;
  for (let columns = 1; columns <= count; columns += 1) {
    const distance = Math.abs(Math.log(width / columns / (height / Math.ceil(count / columns)) / 2.5));
    if (distance < least) [best, least] = [columns, distance];
  }
  return best;
}

function Stat({ panel, frames, width, height }: DrawingProps) {
  const { text } = useText();
  const figures = figuresOf(panel, frames);
  const { options, raw } = panel;
  const isOld = panel.type === "singlestat";
  const mode = isOld ? (raw.colorBackground === true ? "background" : raw.colorValue === true ? "value" : "none") : string(options.colorMode, "value");
  const isBackground = mode.startsWith("background");
  const isLine = isOld ? object(raw.sparkline).show === true : string(options.graphMode, "area") === "area";
  const names = string(options.textMode, "auto");
  if (figures.length === 0) return <div className="empty">{text.noData}</div>;
  const across = options.orientation === "horizontal" ? 1 : options.orientation === "vertical" ? figures.length : columnsFor(figures.length, width, height);
  const each = { width: width / across, height: height / Math.ceil(figures.length / across) };
  return (
    <div style={{ display: "grid", gridTemplateColumns: `repeat(${across}, minmax(0, 1fr))`, gridAutoRows: "minmax(0, 1fr)", gap: 4, height: "100%", minHeight: 0 }}>
      {figures.map((figure, index) => {
        const isNamed = names === "value_and_name" || names === "name" || (names === "auto" && figures.length > 1);
        const shown = names === "name" ? figure.name : figure.text;
        const size = Math.max(12, Math.min(44, each.height * (isNamed ? 0.4 : 0.62), ((each.width - 12) / Math.max(3, shown.length)) * 1.7));
        const line = isLine && figure.line.length > 3 ? figure.line.map(toNumber) : null;
        return (
          // Names may repeat: the place is the identity.
          // oxlint-disable-next-line react/no-array-index-key
          <div key={index} style={{ position: "relative", minWidth: 0, minHeight: 0, display: "flex", flexDirection: "column", alignItems: "center", justifyContent: "center", borderRadius: 4, overflow: "hidden", ...(isBackground ? { background: figure.color, color: "#fff", textShadow: "0 0 3px rgb(0 0 0 / 60%)" } : {}) }}>
            {line && each.height > 44 ? (
              <span style={{ position: "absolute", bottom: 0, left: 0, opacity: 0.45 }}>
                <Sparkline values={line} color={isBackground ? "#ffffff" : figure.color} width={Math.max(20, each.width - 4)} height={Math.round(each.height * 0.4)} />
              </span>
            ) : null}
            {isNamed && names !== "name" ? <div className={isBackground ? "ellipsis" : "soft ellipsis"} style={{ fontSize: 12, maxWidth: "100%", position: "relative" }}>{figure.name}</div> : null}
            {names === "none" ? null : (
              <div className="panel-value" style={{ position: "relative", fontSize: size, lineHeight: 1.1, fontWeight: 650, whiteSpace: "nowrap", ...(mode === "value" ? { color: figure.color } : {}) }}>
                {isOld ? `${string(raw.prefix)}${shown}${string(raw.postfix)}` : shown}
              </div>
            )}
          </div>
        );
      })}
    </div>
  );
}

function Gauge(props: DrawingProps) {
  const { text } = useText();
  const figures = figuresOf(props.panel, props.frames);
  if (figures.length === 0) return <div className="empty">{text.noData}</div>;
  const size = Math.max(60, Math.min(props.height * 1.3, props.width / Math.max(1, figures.length), 220));
  const arc = Math.PI * 40;
  return (
    <div style={{ display: "flex", height: "100%", alignItems: "center", justifyContent: "center" }}>
      {figures.map((figure, index) => (
        // oxlint-disable-next-line react/no-array-index-key
        <figure key={index} style={{ margin: 0, textAlign: "center", minWidth: 0 }}>
        <svg width={size} height={size * 0.72} viewBox="0 0 100 72" role="img" aria-label={`${figure.name} ${figure.text}`}>
          <path d="M10 55A40 40 0 0 1 90 55" fill="none" stroke="var(--line)" strokeWidth={11} />
          <path d="M10 55A40 40 0 0 1 90 55" fill="none" stroke={figure.color} strokeWidth={11} strokeDasharray={`${arc * figure.share} ${arc * 2}`} />
          <text className="panel-value" x={50} y={55} textAnchor="middle" fontSize={17} fontWeight={650} fill="var(--ink)">
            {figure.text}
          </text>
        </svg>
        {figures.length > 1 ? <figcaption className="soft ellipsis" style={{ fontSize: 12, maxWidth: size }}>{figure.name}</figcaption> : null}
        </figure>
      ))}
    </div>
  );
}

function BarGauge(props: DrawingProps) {
  return (
    <div style={{ display: "flex", flexDirection: "column", gap: 4, height: "100%", justifyContent: "center" }}>
      {figuresOf(props.panel, props.frames).map((figure, index) => (
        // oxlint-disable-next-line react/no-array-index-key
        <div key={index} style={{ display: "grid", gridTemplateColumns: "minmax(0, 7em) 1fr auto", gap: 8, fontSize: 12, alignItems: "center" }}>
          <span className="ellipsis">{figure.name}</span>
          <span style={{ background: "var(--line)", height: 12, borderRadius: 2 }}>
            <span style={{ display: "block", width: `${figure.share * 100}%`, height: 12, background: figure.color, borderRadius: 2 }} />
          </span>
          <b className="panel-value">{figure.text}</b>
        </div>
      ))}
    </div>
  );
}

const DRAWINGS: Record<string, (props: DrawingProps) => ReactNode> = {
  timeseries: Lines, graph: Lines, trend: Lines, stat: Stat, singlestat: Stat, gauge: Gauge, bargauge: BarGauge, table: Table, "table-old": Table, text: TextPanel, "grafana-piechart-panel": Pie, piechart: Pie,
  barchart: BarChart, histogram: Histogram, heatmap: Heatmap, "state-timeline": StateTimeline, "status-history": StateTimeline, logs: Logs, traces: Traces, alertlist: AlertList, dashlist: DashboardList,
};

export const DRAWN: ReadonlySet<string> = new Set(Object.keys(DRAWINGS));
/** Kinds that show something without having asked. */
const ASKS_ITSELF: ReadonlySet<string> = new Set(["text", "alertlist", "dashlist"]);

export function Drawing(props: DrawingProps) {
  const { text } = useText();
  const { panel, frames } = props;
  if (!ASKS_ITSELF.has(panel.type) && frames.every((frame) => lengthOf(frame) === 0)) {
    return <div className="empty">{string(panel.defaults.noValue) || text.noData}</div>;
  }
  const Kind = DRAWINGS[panel.type] ?? Stat;
  return <Kind {...props} />;
}
