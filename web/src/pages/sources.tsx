// What is being watched, and whether it answers. What is wrong comes first.
import { SegmentedControl, TextInput } from "@mantine/core";
import { useSearchParams } from "react-router";

import { useTargets } from "@/api/hooks";
import type { Target } from "@/api/types";
import { formatLabels } from "@/lib/format";
import { useText } from "@/lib/text/text";
import { formatAge } from "@/lib/time";
import { Icon } from "@/ui/icon";
import { Empty, Notice, Waiting } from "@/ui/notice";
import { Panel } from "@/ui/panel";
import { useClock } from "@/url/clock";

const ORDER = { down: 0, unknown: 1, up: 2 } as const;

function matches(target: Target, filter: string): boolean {
  const words = `${target.scrapePool} ${target.scrapeUrl} ${formatLabels(target.labels)} ${target.lastError} ${target.health}`;
  return words.toLowerCase().includes(filter.toLowerCase());
}

function Row({ target, nowMs }: { target: Target; nowMs: number }) {
  const { text } = useText();
  const scrapedMs = Date.parse(target.lastScrape);
  const isScraped = Number.isFinite(scrapedMs) && scrapedMs > 0;
  return (
    <tr>
      <td>
        <span className={`pill ${target.health === "unknown" ? "" : target.health}`}>{text[target.health]}</span>
      </td>
      <td>{target.scrapePool}</td>
      <td>
        <a className="mono" href={target.globalUrl.startsWith("http") ? target.globalUrl : undefined} rel="noreferrer">
          {target.scrapeUrl}
        </a>
        {target.lastError ? <div className="bad" style={{ fontSize: 12 }}>{target.lastError}</div> : null}
      </td>
      <td className="series-name">{formatLabels(target.labels, ["job"])}</td>
      <td className="number">{isScraped ? `${formatAge(scrapedMs, nowMs)} · ${(target.lastScrapeDuration * 1_000).toFixed(1)} ms` : text.never}</td>
    </tr>
  );
}

export default function Sources() {
  const { text } = useText();
  const [search, setSearch] = useSearchParams();
  const { nowMs } = useClock();
  const { data, error } = useTargets(nowMs);
  const filter = search.get("filter") ?? "";
  const health = search.get("health") ?? "";
  const all = data?.data.activeTargets ?? [];
  const active = all.filter((target) => matches(target, filter) && (health === "" || target.health === health));
  active.sort((a, b) => ORDER[a.health] - ORDER[b.health] || a.scrapePool.localeCompare(b.scrapePool) || a.scrapeUrl.localeCompare(b.scrapeUrl));
  const count = (wanted: Target["health"]) => all.filter((target) => target.health === wanted).length;
  const set = (name: string, value: string) => setSearch((before) => (value ? before.set(name, value) : before.delete(name), before), { replace: true });
  return (
    <div className="stack">
      <div className="toolbar">
        <SegmentedControl
          size="xs"
          value={health}
          onChange={(next) => set("health", next)}
          data={[
            { value: "", label: `${text.all} ${all.length}` },
            { value: "down", label: `${text.down} ${count("down")}` },
            { value: "up", label: `${text.up} ${count("up")}` },
          ]}
        />
        <TextInput size="xs" className="grow" maw={380} value={filter} placeholder={text.filterTargets} aria-label={text.filterTargets} leftSection={<Icon name="search" size={14} />} onChange={(event) => set("filter", event.currentTarget.value)} />
        <span className="soft" style={{ fontSize: 13 }}>{`${data?.data.droppedTargets.length ?? 0} ${text.dropped}`}</span>
      </div>
      <Notice error={error} />
      {!data && !error ? <Waiting label={text.loading} /> : null}
      {data && active.length === 0 ? <Empty title={text.noTargets}>{text.noTargetsHint}</Empty> : null}
      {active.length > 0 ? (
        <Panel flush className="scroll-x">
          <table className="plain-table">
            <thead>
              <tr>
                <th>{text.state}</th>
                <th>{text.pool}</th>
                <th>{text.target}</th>
                <th>{text.labels}</th>
                <th className="number">{text.lastScrape}</th>
              </tr>
            </thead>
            <tbody>
              {active.map((target) => (
                <Row key={`${target.scrapePool} ${target.scrapeUrl} ${formatLabels(target.labels)}`} target={target} nowMs={nowMs} />
              ))}
            </tbody>
          </table>
        </Panel>
      ) : null}
    </div>
  );
}
