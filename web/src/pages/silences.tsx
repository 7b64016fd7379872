// Silences: those that hold now first, then those to come, then the past.
import { Button } from "@mantine/core";
import { useSearchParams } from "react-router";

import { type Silence, useExpireSilence, useSilences } from "@/api/alertmanager";
import { formatMatchers } from "@/lib/matchers";
import { useText } from "@/lib/text/text";
import { formatTime } from "@/lib/time";
import { SilenceForm } from "@/pages/silences/form";
import { Icon } from "@/ui/icon";
import { Empty, Notice, Waiting } from "@/ui/notice";
import { Panel } from "@/ui/panel";
import { useClock } from "@/url/clock";

const ORDER = { active: 0, pending: 1, expired: 2 } as const;
const EXPIRED_MAX = 50;

interface RowProps {
  silence: Silence;
  edit: () => void;
  expire: () => void;
}

function Row({ silence, edit, expire }: RowProps) {
  const { text } = useText();
  const { state } = silence.status;
  const names = { active: text.silenceActive, pending: text.silencePending, expired: text.silenceExpired };
  const end = `${state === "expired" ? text.endedAt : text.until} ${formatTime(Date.parse(silence.endsAt), "minute")}`;
  const matchers = formatMatchers(silence.matchers);
  return (
    <div className="list-row" style={{ flexWrap: "wrap" }}>
      <span className={`pill ${state === "active" ? "good" : state === "pending" ? "warn" : ""}`}>{names[state]}</span>
      <div className="grow" style={{ flex: 1, minWidth: 220, overflowWrap: "anywhere" }}>
        <div className="mono">{matchers}</div>
        <div>{silence.comment}</div>
        <div className="soft">
          {silence.createdBy} · {state === "pending" ? `${text.fromMoment} ${formatTime(Date.parse(silence.startsAt), "minute")} ` : ""}
          {end}
        </div>
      </div>
      <Button size="compact-xs" variant="default" onClick={edit} aria-label={`${state === "expired" ? text.makeAgain : text.edit} ${matchers}`}>
        {state === "expired" ? text.makeAgain : text.edit}
      </Button>
      {state === "expired" ? null : (
        <Button size="compact-xs" variant="default" onClick={expire} aria-label={`${text.expire} ${matchers}`}>
          {text.expire}
        </Button>
      )}
    </div>
  );
}

export default function Silences() {
  const { text } = useText();
  const { nowMs } = useClock();
  const [search, setSearch] = useSearchParams();
  const { data, error } = useSilences(nowMs);
  const expire = useExpireSilence();
  const opened = search.get("edit");
  const open = (value: string | null) => setSearch((before) => (before.delete("matchers"), value === null ? before.delete("edit") : before.set("edit", value), before));
  const before = data?.find((silence) => silence.id === opened);
  const isKnown = opened === "new" || before !== undefined;
  const sorted = (data ?? []).toSorted((a, b) => ORDER[a.status.state] - ORDER[b.status.state] || Date.parse(b.endsAt) - Date.parse(a.endsAt));
  const current = sorted.filter((silence) => silence.status.state !== "expired");
  const shown = [...current, ...sorted.slice(current.length, current.length + EXPIRED_MAX)];
  const hidden = sorted.length - shown.length;
  return (
    <div className="stack">
      {opened !== null && isKnown ? (
        <SilenceForm key={opened} matchers={search.get("matchers") ?? ""} before={before} done={() => open(null)} />
      ) : (
        <div className="toolbar">
          <Button size="xs" leftSection={<Icon name="plus" size={14} />} onClick={() => open("new")}>
            {text.newSilence}
          </Button>
        </div>
      )}
      <Notice error={error ?? expire.error} />
      {!data && !error ? <Waiting label={text.loading} /> : null}
      {data && shown.length === 0 ? <Empty title={text.noSilences}>{text.noSilencesHint}</Empty> : null}
      {shown.length > 0 ? (
        <Panel flush>
          {shown.map((silence) => (
            <Row key={silence.id} silence={silence} edit={() => open(silence.id)} expire={() => expire.mutate(silence.id)} />
          ))}
          {hidden > 0 ? <div className="list-row soft">{`+ ${hidden}`}</div> : null}
        </Panel>
      ) : null}
    </div>
  );
}
