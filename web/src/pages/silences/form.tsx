// A silence to be made or changed, with what it would silence now.
import { Button, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";

import { type Silence, useSaveSilence, useSilencePreview } from "@/api/alertmanager";
import { formatLabels } from "@/lib/format";
import { formatMatchers, type Matcher, parseMatchers } from "@/lib/matchers";
import { useText } from "@/lib/text/text";
import { Notice } from "@/ui/notice";
import { Panel } from "@/ui/panel";
import { formatDuration, parseDuration } from "@/url/time-range";

const SHOWN_MAX = 20;

interface Draft {
  matchers: string;
  duration: string;
  author: string;
  comment: string;
}

interface Props {
  /** Matchers to begin with, as text. */
  matchers: string;
  /** The silence that is changed or made again. */
  before?: Silence | undefined;
  done: () => void;
}

/** What is left of a silence that runs; an expired one begins again with as long as it had. */
function durationOf(silence: Silence): string {
  const start = silence.status.state === "active" ? Date.now() : Date.parse(silence.startsAt);
  const seconds = (Date.parse(silence.endsAt) - start) / 1_000;
  return formatDuration(Math.max(60, Math.ceil(seconds / 60) * 60));
}

function begin(matchers: string, before: Silence | undefined): Draft {
  if (!before) return { matchers, duration: "2h", author: "", comment: "" };
  return { matchers: formatMatchers(before.matchers), duration: durationOf(before), author: before.createdBy, comment: before.comment };
}

function Preview({ matchers }: { matchers: readonly Matcher[] }) {
  const { text } = useText();
  const { data, error } = useSilencePreview(matchers);
  if (error) return <Notice error={error} />;
  if (!data || matchers.length === 0) return null;
  return (
    <div role="status" style={{ fontSize: 13 }}>
      <b>{data.length === 0 ? text.silencesNone : `${text.silencesNow} (${data.length})`}</b>
      {data.slice(0, SHOWN_MAX).map((alert) => (
        <div key={alert.fingerprint} className="series-name soft">
          {formatLabels(alert.labels)}
        </div>
      ))}
      {data.length > SHOWN_MAX ? <div className="soft">{`+ ${data.length - SHOWN_MAX}`}</div> : null}
    </div>
  );
}

export function SilenceForm({ matchers: given, before, done }: Props) {
  const { text } = useText();
  const save = useSaveSilence();
  const [draft, setDraft] = useState<Draft>(() => begin(given, before));
  const parsed = parseMatchers(draft.matchers);
  const matchers = Array.isArray(parsed) ? parsed : [];
  const seconds = parseDuration(draft.duration.trim());
  const isReady = matchers.length > 0 && seconds !== null && draft.author.trim() !== "" && draft.comment.trim() !== "";
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!isReady || seconds === null) return;
    // An expired silence stays as it was; the server would give the new one another id all the same.
    const id = before && before.status.state !== "expired" ? before.id : undefined;
    const startMs = before?.status.state === "pending" ? Date.parse(before.startsAt) : Date.now();
    const times = { startsAt: new Date(startMs).toISOString(), endsAt: new Date(startMs + seconds * 1_000).toISOString() };
    save.mutate({ ...(id ? { id } : {}), matchers, ...times, createdBy: draft.author.trim(), comment: draft.comment.trim() }, { onSuccess: done });
  };
  const field = (name: keyof Draft) => ({
    value: draft[name],
    onChange: (event: { currentTarget: { value: string } }) => {
      const { value } = event.currentTarget;
      setDraft((now) => ({ ...now, [name]: value }));
    },
  });
  return (
    <Panel title={before && before.status.state !== "expired" ? text.editSilence : text.newSilence}>
      <form className="stack" onSubmit={submit}>
        <TextInput
          label={text.matchers}
          placeholder={text.matchersHint}
          data-autofocus
          required
          styles={{ input: { fontFamily: "var(--mono)", fontSize: 13 } }}
          error={Array.isArray(parsed) ? null : `${text.matchersWrong} ${parsed.rest}`}
          {...field("matchers")}
        />
        <div className="toolbar" style={{ alignItems: "flex-start" }}>
          <TextInput label={text.silenceFor} placeholder={text.durationHint} required maw={120} error={seconds === null ? text.durationWrong : null} {...field("duration")} />
          <TextInput label={text.author} required maw={200} autoComplete="username" {...field("author")} />
          <TextInput className="grow" miw={200} label={text.comment} required {...field("comment")} />
        </div>
        <Preview matchers={matchers} />
        <Notice error={save.error} />
        <div className="toolbar">
          <Button type="submit" disabled={!isReady} loading={save.isPending}>
            {text.silence}
          </Button>
          <Button variant="default" onClick={done}>
            {text.cancel}
          </Button>
        </div>
      </form>
    </Panel>
  );
}
