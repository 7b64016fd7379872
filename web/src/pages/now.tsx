// What is happening now, by itself from the data that is there.
import { Link, useSearchParams } from "react-router";

import { useInstant, useTargets } from "@/api/hooks";
import { useLogCounts } from "@/api/logs";
import { formatValue, readNumber } from "@/lib/format";
import { useText } from "@/lib/text/text";
import { Changes } from "@/pages/now/changes";
import { Firing } from "@/pages/now/firing";
import { Hosts } from "@/pages/now/hosts";
import { useRed } from "@/pages/now/red";
import { Services } from "@/pages/now/services";
import { Empty, Notice, Waiting } from "@/ui/notice";
import { Panel } from "@/ui/panel";
import { address, useClock, useTimeRange } from "@/url/clock";

function Figure({ label, value, level = "", to }: { label: string; value: string; level?: string; to: string }) {
  return (
    <Link to={to} className="panel figure quiet-block">
      <div className="label">{label}</div>
      <div className={`number ${level}`}>{value}</div>
    </Link>
  );
}

/** The value of an expression that has one series; a dash while there is none. */
function useNumber(expression: string, time: number): string {
  const { data } = useInstant(expression, time);
  const value = data?.data.resultType === "vector" ? data.data.result[0]?.value?.[1] : undefined;
  return value === undefined ? "–" : formatValue(readNumber(value));
}

const SAMPLES = "sum(rate(vigie_store_samples_total[1m]))";
const SERIES = "sum(scrape_samples_post_metric_relabeling)";
const LOG_ERRORS = "level:(error OR ERROR OR fatal OR critical) OR severity_text:(ERROR OR FATAL)";

function Figures() {
  const { text } = useText();
  const [search] = useSearchParams();
  const { nowMs } = useClock();
  const { span } = useTimeRange();
  const targets = useTargets(nowMs);
  const active = targets.data?.data.activeTargets ?? [];
  const down = active.filter((target) => target.health === "down").length;
  const errors = useLogCounts(LOG_ERRORS, span, "_index");
  const lines = errors.data?.total;
  return (
    <>
      <Notice error={targets.error} />
      <div className="figures">
        <Figure label={text.targetsUp} value={targets.data ? `${active.filter((target) => target.health === "up").length}` : "–"} to="/sources" />
        <Figure label={text.targetsDown} value={targets.data ? `${down}` : "–"} level={down > 0 ? "bad" : ""} to="/sources" />
        <Figure label={text.linesPerMinute} value={lines === undefined ? "–" : formatValue(lines)} level={lines ? "warn" : ""} to={address("/explore/logs", { q: LOG_ERRORS }, search)} />
        <Figure label={text.seriesNow} value={useNumber(SERIES, span.end)} to={address("/explore/metrics", { expr: SERIES }, search)} />
        <Figure label={text.samplesPerSecond} value={useNumber(SAMPLES, span.end)} to={address("/explore/metrics", { expr: SAMPLES }, search)} />
      </div>
    </>
  );
}

export default function Now() {
  const { text } = useText();
  const { span } = useTimeRange();
  const red = useRed(span);
  return (
    <div className="stack">
      <Figures />
      <div className="halves">
        <Panel title={text.firingNow} flush>
          <Firing />
        </Panel>
        <Panel title={text.whatChanged} flush>
          <Changes rows={red.rows} />
        </Panel>
      </div>
      <Panel title={text.servicesNow} flush actions={<Link to="/explore/services">{text.services}</Link>}>
        <Notice error={red.error} />
        {red.source && red.rows.length > 0 ? <Services rows={red.rows} source={red.source} /> : red.isReady ? <Empty title={text.noServicesYet}>{text.noServicesYetHint}</Empty> : <Waiting label={text.loading} />}
      </Panel>
      <Panel title={text.hosts} flush>
        <Hosts time={span.end} />
      </Panel>
    </div>
  );
}
