// What changed in the range: alerts that began, targets lost, processes restarted, traffic that moved.
import { Link, useSearchParams } from "react-router";

import { useInstant, useRules, useTargets } from "@/api/hooks";
import { formatValue, readNumber } from "@/lib/format";
import { serviceOf } from "@/lib/service-of";
import { useText } from "@/lib/text/text";
import { formatAge } from "@/lib/time";
import type { RedRow } from "@/pages/now/red";
import { rateOf } from "@/pages/now/red";
import { Empty } from "@/ui/notice";
import { address, useClock, useTimeRange } from "@/url/clock";

interface Change {
  key: string;
  atMs: number | null;
  subject: string;
  what: string;
  level: "bad" | "warn" | "good" | "";
  to: string;
}

const SHOWN_MAX = 12;

function useAlertChanges(startMs: number): Change[] {
  const { text } = useText();
  const { nowMs } = useClock();
  const { data } = useRules(nowMs);
  const changes: Change[] = [];
  for (const group of data?.data.groups ?? []) {
    for (const rule of group.rules) {
      for (const alert of rule.alerts ?? []) {
        const atMs = Date.parse(alert.activeAt);
        if (alert.state === "firing" && atMs >= startMs) changes.push({ key: `a ${JSON.stringify(alert.labels)}`, atMs, subject: `${rule.name} ${serviceOf(alert.labels)}`, what: text.started, level: "bad", to: `/alerts?filter=${encodeURIComponent(rule.name)}` });
      }
    }
  }
  return changes;
}

function useTargetChanges(): Change[] {
  const { text } = useText();
  const { nowMs } = useClock();
  const { data } = useTargets(nowMs);
  const down = (data?.data.activeTargets ?? []).filter((target) => target.health === "down");
  return down.map((target) => ({ key: `t ${target.scrapeUrl}`, atMs: null, subject: `${target.scrapePool} ${target.labels.instance ?? ""}`, what: text.wentDown, level: "bad" as const, to: `/sources?filter=${encodeURIComponent(target.scrapeUrl)}` }));
}

function useRestarts(span: { start: number; end: number }): Change[] {
  const { text } = useText();
  const seconds = Math.max(60, Math.round(span.end - span.start));
  const expression = `max by (job, instance) (process_start_time_seconds) > ${Math.floor(span.start)} and on (job, instance) changes(process_start_time_seconds[${seconds}s]) > 0`;
  const { data } = useInstant(expression, span.end);
  if (data?.data.resultType !== "vector") return [];
  return data.data.result.map((one) => ({ key: `r ${JSON.stringify(one.metric)}`, atMs: readNumber(one.value?.[1] ?? "0") * 1_000, subject: `${one.metric.job ?? ""} ${one.metric.instance ?? ""}`, what: text.restarted, level: "warn" as const, to: address("/explore/metrics", { expr: `process_start_time_seconds{instance=${JSON.stringify(one.metric.instance ?? "")}}` }) }));
}

function trafficChanges(rows: readonly RedRow[], text: { moreRequests: string; fewerRequests: string; stopped: string; appeared: string }): Change[] {
  const changes: Change[] = [];
  for (const row of rows) {
    const to = address("/explore/metrics", { expr: rateOf(row.source, `${row.source.label}=${JSON.stringify(row.service)}`) });
    const base = { key: `s ${row.service}`, atMs: null, subject: row.service, to };
    if (row.rateBefore === null || row.rateBefore === 0) continue;
    const ratio = row.rate / row.rateBefore;
    if (row.rate === 0) changes.push({ ...base, what: text.stopped, level: "bad" });
    else if (ratio > 1.5) changes.push({ ...base, what: `${formatValue(ratio - 1, "percentunit", 0)} ${text.moreRequests}`, level: "warn" });
    else if (ratio < 0.6) changes.push({ ...base, what: `${formatValue(1 - ratio, "percentunit", 0)} ${text.fewerRequests}`, level: "warn" });
  }
  return changes;
}

export function Changes({ rows }: { rows: readonly RedRow[] }) {
  const { text } = useText();
  const [search] = useSearchParams();
  const { nowMs } = useClock();
  const { span } = useTimeRange();
  const all = [...useAlertChanges(span.start * 1_000), ...useTargetChanges(), ...useRestarts(span), ...trafficChanges(rows, text)];
  all.sort((a, b) => (b.atMs ?? 0) - (a.atMs ?? 0));
  if (all.length === 0) return <Empty title={text.nothingChanged} />;
  return (
    <div>
      {all.slice(0, SHOWN_MAX).map((change) => (
        <Link key={change.key} to={address(change.to.split("?")[0] ?? "/", Object.fromEntries(new URLSearchParams(change.to.split("?")[1])), search)} className="list-row">
          <span className={`dot ${change.level}`} />
          <span className="ellipsis">
            <b>{change.subject}</b> <span className="soft">{change.what}</span>
          </span>
          <span className="soft" style={{ marginLeft: "auto", whiteSpace: "nowrap" }}>
            {change.atMs === null ? "" : formatAge(change.atMs, nowMs)}
          </span>
        </Link>
      ))}
    </div>
  );
}
