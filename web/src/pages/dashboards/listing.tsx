// Panels that list something: lines of logs, traces, alerts, dashboards.
import { useMemo, useState } from "react";
import { Link } from "react-router";

import { useDashboards } from "@/api/grafana";
import { useRules } from "@/api/hooks";
import { type Frame, lengthOf, toNumber, toText } from "@/lib/dashboard/frame";
import { interpolate } from "@/lib/dashboard/interpolate";
import { list, number, object, string } from "@/lib/dashboard/model";
import { formatLabels } from "@/lib/format";
import { type LogLine, makeLine } from "@/lib/log-line";
import { useText } from "@/lib/text/text";
import { formatAge, formatTime } from "@/lib/time";
import { formatMicroseconds } from "@/lib/trace";
import type { DrawingProps } from "@/pages/dashboards/drawing";
import { Lines } from "@/pages/logs/lines";
import { Empty, Notice, Waiting } from "@/ui/notice";
import { useClock } from "@/url/clock";

function linesOf(frames: readonly Frame[]): LogLine[] {
  return frames.flatMap((frame, table) => {
    const by = (type: string, ...names: string[]) => frame.fields.find((field) => names.includes(field.name.toLowerCase())) ?? frame.fields.find((field) => field.type === type);
    const [time, line, labels] = [by("time", "time", "timestamp"), by("string", "line", "body", "message"), by("other", "labels")];
    return Array.from({ length: lengthOf(frame) }, (_, row) => {
      const own = labels?.values[row];
      return makeLine(`${table}-${row}`, "", toNumber(time?.values[row]) ?? 0, { ...(typeof own === "object" && own !== null ? own : {}), message: toText(line?.values[row]) });
    });
  });
}

export function Logs({ panel, frames, height }: DrawingProps) {
  const { text } = useText();
  const [chosen, setChosen] = useState<LogLine | null>(null);
  const lines = useMemo(() => {
    const all = linesOf(frames);
    return all.toSorted((a, b) => (panel.options.sortOrder === "Ascending" ? a.timeMs - b.timeMs : b.timeMs - a.timeMs));
  }, [frames, panel]);
  if (lines.length === 0) return <div className="empty">{text.noData}</div>;
  const tall = chosen ? Math.max(80, height * 0.5) : height;
  return (
    <>
      <Lines lines={lines} columns={[]} words={[]} chosen={chosen?.id ?? ""} height={tall} onChoose={(line) => setChosen(chosen?.id === line.id ? null : line)} />
      {chosen ? (
        <div style={{ maxHeight: height - tall, overflow: "auto" }}>
          {chosen.traceId ? <Link to={`/trace/${encodeURIComponent(chosen.traceId)}`}>{text.openTrace}</Link> : null}
          <table className="plain-table">
            <tbody>
              {Object.entries(chosen.fields).map(([name, value]) => (
                <tr key={name}>
                  <td className="mono soft">{name}</td>
                  <td className="mono" style={{ overflowWrap: "anywhere" }}>{value}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      ) : null}
    </>
  );
}

export function Traces({ frames }: DrawingProps) {
  const { text } = useText();
  const rows = frames.flatMap((frame) => {
    const by = (name: string) => frame.fields.find((field) => field.name === name);
    return Array.from({ length: lengthOf(frame) }, (_, row) => ({ id: toText(by("Trace ID")?.values[row]), name: toText(by("Trace name")?.values[row]), start: toNumber(by("Start time")?.values[row]) ?? 0, duration: toNumber(by("Duration")?.values[row]) ?? 0 }));
  });
  const most = Math.max(1, ...rows.map((row) => row.duration));
  if (rows.length === 0) return <div className="empty">{text.noData}</div>;
  return rows.map((row) => (
    <Link key={row.id} className="list-row" to={`/trace/${encodeURIComponent(row.id)}`}>
      <span className="soft">{formatTime(row.start)}</span>
      <span className="ellipsis">{row.name}</span>
      <span style={{ flex: 1, minWidth: 40 }}>
        <span style={{ display: "block", height: 6, borderRadius: 3, width: `${(row.duration / most) * 100}%`, background: "var(--accent)" }} />
      </span>
      <b>{formatMicroseconds(row.duration)}</b>
    </Link>
  ));
}

export function AlertList({ panel, scope }: DrawingProps) {
  const { text } = useText();
  const { nowMs } = useClock();
  const { data, error } = useRules(nowMs);
  if (error) return <Notice error={error} />;
  if (!data) return <Waiting label={text.loading} />;
  const states = object(panel.options.stateFilter);
  const isWanted = (state: string) => (Object.keys(states).length === 0 ? state !== "inactive" : states[state === "inactive" ? "normal" : state] === true);
  const name = interpolate(string(panel.options.alertName), scope).toLowerCase();
  const rows = data.data.groups.flatMap((group) => group.rules).filter((rule) => rule.type === "alerting" && rule.name.toLowerCase().includes(name)).flatMap((rule) => (rule.alerts ?? []).filter((alert) => isWanted(alert.state)).map((alert) => ({ rule, alert })));
  if (rows.length === 0) return <Empty title={text.nothingFires} />;
  return rows.slice(0, number(panel.options.maxItems) ?? 20).map(({ rule, alert }) => (
    <Link key={JSON.stringify(alert.labels)} className="list-row" to={`/alerts?filter=${encodeURIComponent(rule.name)}`}>
      <span className={`pill ${alert.state}`}>{alert.state}</span>
      <span className="ellipsis" title={formatLabels(alert.labels)}>
        <b>{rule.name}</b> <span className="soft">{alert.annotations.summary ?? formatLabels(alert.labels, ["alertname"])}</span>
      </span>
      <span className="soft" style={{ marginLeft: "auto" }}>{formatAge(Date.parse(alert.activeAt), nowMs)}</span>
    </Link>
  ));
}

export function DashboardList({ panel }: DrawingProps) {
  const { text } = useText();
  const { options } = panel;
  const { data, error } = useDashboards(options.showSearch === true ? string(options.query) : "");
  if (error) return <Notice error={error} />;
  const tags = list(options.tags).map((tag) => string(tag));
  const folder = string(options.folderUID);
  const found = (data ?? []).filter((one) => tags.every((tag) => one.tags.includes(tag)) && (!folder || one.folderUid === folder)).slice(0, number(options.maxItems) ?? 30);
  if (data && found.length === 0) return <Empty title={text.noDashboards} />;
  return found.map((one) => (
    <Link key={one.uid} className="list-row" to={`/d/${encodeURIComponent(one.uid)}`}>
      <b>{one.title}</b>
      <span className="soft">{one.folderTitle}</span>
    </Link>
  ));
}
