// Who was told of what, who was not, and why; and how the deliveries do.
import { TextInput } from "@mantine/core";
import { useSearchParams } from "react-router";

import { type Delivery, type Timeline, useDeliveries, useTimelines } from "@/api/alertmanager";
import { formatLabels } from "@/lib/format";
import { useText } from "@/lib/text/text";
import { formatTime } from "@/lib/time";
import { type WhyEntry, whySentence } from "@/lib/why";
import { Icon } from "@/ui/icon";
import { Empty, Notice, Waiting } from "@/ui/notice";
import { Panel } from "@/ui/panel";
import { useClock } from "@/url/clock";

const ENTRIES_MAX = 20;
const COLOR: Record<string, string> = { told: "good", failed: "bad", retrying: "warn", silenced: "warn", inhibited: "warn", muted: "warn" };

function Entry({ entry }: { entry: WhyEntry }) {
  const { text } = useText();
  return (
    <div style={{ display: "flex", gap: 10, padding: "2px 0", fontSize: 13 }}>
      <span className="mono soft" style={{ whiteSpace: "nowrap" }}>
        {formatTime(Date.parse(entry.at))}
      </span>
      <span style={{ overflowWrap: "anywhere", minWidth: 0, color: COLOR[entry.what] ? `var(--${COLOR[entry.what]})` : undefined }}>{whySentence(entry, text)}</span>
    </div>
  );
}

function Group({ timeline }: { timeline: Timeline }) {
  const { text } = useText();
  const latest = timeline.entries.slice(-ENTRIES_MAX).toReversed();
  const hidden = timeline.entries.length - latest.length;
  return (
    <Panel title={`${timeline.receiver} · ${formatLabels(timeline.labels)}`} actions={<span className="soft" style={{ fontSize: 12 }}>{`${text.line} ${timeline.routeLine}`}</span>}>
      {latest.map((entry, position) => (
        <Entry key={`${timeline.entries.length - position}`} entry={entry} />
      ))}
      {hidden > 0 ? <div className="soft">{`+ ${hidden}`}</div> : null}
    </Panel>
  );
}

function Deliveries({ deliveries }: { deliveries: readonly Delivery[] }) {
  const { text } = useText();
  return (
    <Panel title={text.deliveries} flush className="scroll-x">
      <table className="plain-table">
        <thead>
          <tr>
            <th>{text.integration}</th>
            <th className="number">{text.sent}</th>
            <th className="number">{text.failures}</th>
            <th className="number">{text.meanLatency}</th>
            <th>{text.lastError}</th>
          </tr>
        </thead>
        <tbody>
          {deliveries.map((delivery) => {
            const failures = Object.values(delivery.failed).reduce((sum, count) => sum + count, 0);
            return (
              <tr key={`${delivery.receiver} ${delivery.integration}`}>
                <td>{`${delivery.receiver} · ${delivery.integration}`}</td>
                <td className="number">{delivery.notifications}</td>
                <td className={failures > 0 ? "number bad" : "number"}>{failures}</td>
                <td className="number">{`${(delivery.latencySeconds * 1_000).toFixed(1)} ms`}</td>
                <td style={{ overflowWrap: "anywhere" }}>{delivery.lastError ? `${formatTime(Date.parse(delivery.lastError.at))} ${delivery.lastError.error}` : ""}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </Panel>
  );
}

export default function History() {
  const { text } = useText();
  const { nowMs } = useClock();
  const [search, setSearch] = useSearchParams();
  const { data, error } = useTimelines(nowMs);
  const deliveries = useDeliveries(nowMs);
  const filter = search.get("filter") ?? "";
  const shown = (data ?? []).filter((timeline) => `${timeline.receiver} ${timeline.groupKey} ${formatLabels(timeline.labels)}`.toLowerCase().includes(filter.toLowerCase()));
  return (
    <div className="stack">
      <TextInput
        size="xs"
        maw={380}
        value={filter}
        placeholder={text.filter}
        aria-label={text.filter}
        leftSection={<Icon name="search" size={14} />}
        onChange={(event) => {
          const { value } = event.currentTarget;
          setSearch((before) => (value ? before.set("filter", value) : before.delete("filter"), before), { replace: true });
        }}
      />
      <Notice error={error ?? deliveries.error} />
      {!data && !error ? <Waiting label={text.loading} /> : null}
      {deliveries.data && deliveries.data.length > 0 ? <Deliveries deliveries={deliveries.data} /> : null}
      {data && shown.length === 0 ? <Empty title={data.length === 0 ? text.noHistory : text.nothingFound}>{data.length === 0 ? text.noHistoryHint : null}</Empty> : null}
      {shown.map((timeline) => (
        <Group key={`${timeline.receiver} ${timeline.groupKey}`} timeline={timeline} />
      ))}
    </div>
  );
}
