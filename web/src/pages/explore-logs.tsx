// Search logs; the search, the range, the columns and the language are the address.
import { Button, SegmentedControl, TextInput } from "@mantine/core";
import { useState } from "react";
import { useSearchParams } from "react-router";

import { useText } from "@/lib/text/text";
import { LogQlLogs } from "@/pages/logs/logql";
import { LuceneLogs } from "@/pages/logs/lucene";
import { Icon } from "@/ui/icon";
import { refreshInterval } from "@/url/clock";

export default function ExploreLogs() {
  const { text } = useText();
  const [search, setSearch] = useSearchParams();
  const isLogQl = search.has("logql");
  const name = isLogQl ? "logql" : "q";
  const asked = search.get(name) ?? "";
  const [draft, setDraft] = useState({ from: asked, value: asked });
  const value = draft.from === asked ? draft.value : asked;
  const isLive = refreshInterval("/explore/logs", search) === "5s";
  const run = () => setSearch((before) => (before.set(name, value.trim()), before.delete("line"), before));
  const live = () =>
    setSearch((before) => {
      before.set("refresh", isLive ? "off" : "5s");
      if (!isLive) {
        before.set("from", "now-15m");
        before.set("to", "now");
      }
      return before;
    });
  return (
    <div className="stack">
      <form
        className="toolbar"
        role="search"
        onSubmit={(event) => {
          event.preventDefault();
          run();
        }}
      >
        <SegmentedControl
          size="xs"
          value={name}
          data={[
            { value: "q", label: text.lucene },
            { value: "logql", label: text.logql },
          ]}
          onChange={(next) =>
            setSearch((before) => {
              before.delete("q");
              before.delete("logql");
              before.set(next, "");
              return before;
            })
          }
        />
        <TextInput
          className="grow"
          miw={200}
          value={value}
          placeholder={isLogQl ? text.logqlHint : text.logsHint}
          aria-label={text.searchLogs}
          leftSection={<Icon name="search" size={16} />}
          styles={{ input: { fontFamily: "var(--mono)", fontSize: 13 } }}
          onChange={(event) => setDraft({ from: asked, value: event.currentTarget.value })}
        />
        <Button type="submit">{text.run}</Button>
        <Button variant={isLive ? "filled" : "default"} aria-pressed={isLive} onClick={live} leftSection={<Icon name={isLive ? "pause" : "play"} size={14} />}>
          {text.tail}
        </Button>
      </form>
      {isLogQl ? <LogQlLogs expression={asked} /> : <LuceneLogs search={asked} />}
    </div>
  );
}
