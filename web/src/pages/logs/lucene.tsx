// Logs by Lucene's syntax: histogram, fields, lines, and one line whole.
import { useMemo, useRef, useState } from "react";
import { useSearchParams } from "react-router";

import { LINES_MAX, useHistogram, useLogLines } from "@/api/logs";
import { type Bar, BarChart } from "@/charts/bars";
import { type LogLine, normalLevel, searchWords, withTerm } from "@/lib/log-line";
import { useText } from "@/lib/text/text";
import { LineDetail } from "@/pages/logs/detail";
import { Fields } from "@/pages/logs/fields";
import { LEVEL_COLORS, Lines } from "@/pages/logs/lines";
import { Empty, Notice, Waiting } from "@/ui/notice";
import { Panel } from "@/ui/panel";
import { type VirtualHandle } from "@/ui/virtual-list";
import { useTimeRange } from "@/url/clock";

const FIRST = ["level", "log.level", "severity_text", "service", "service.name", "host", "message"];

const rank = (name: string) => (FIRST.includes(name) ? FIRST.indexOf(name) : FIRST.length);

function fieldsOf(lines: readonly LogLine[]) {
  const counts = new Map<string, number>();
  const sample = lines.slice(0, 500);
  for (const line of sample) for (const field of Object.keys(line.fields)) counts.set(field, (counts.get(field) ?? 0) + 1);
  return [...counts].map(([name, count]) => ({ name, share: count / Math.max(1, sample.length) })).toSorted((a, b) => rank(a.name) - rank(b.name) || a.name.localeCompare(b.name));
}

function levelFieldOf(lines: readonly LogLine[]): string {
  for (const line of lines.slice(0, 50)) {
    for (const field of ["level", "log.level", "severity_text", "severity"]) if (line.fields[field]) return field;
  }
  return "level";
}

const ORDER = ["error", "warn", "info", "debug", ""];

export function LuceneLogs({ search }: { search: string }) {
  const { text } = useText();
  const [params, setParams] = useSearchParams();
  const { span, setSpan } = useTimeRange();
  const [picked, setPicked] = useState<LogLine | null>(null);
  const list = useRef<VirtualHandle>(null);
  const { data, error, isFetching, hasNextPage, fetchNextPage, isPlaceholderData } = useLogLines(search, span);
  const lines = useMemo(() => data?.pages.flatMap((page) => page.lines) ?? [], [data]);
  const histogram = useHistogram(search, span, levelFieldOf(lines));
  const columns = params.getAll("column");
  const words = useMemo(() => searchWords(search), [search]);
  const fields = useMemo(() => fieldsOf(lines), [lines]);
  const marked = params.get("line");
  const chosen = picked ?? lines.find((line) => line.id === marked) ?? null;
  const bars = useMemo(
    () =>
      (histogram.data?.bars ?? []).map(({ time, counts }): Bar => {
        const byLevel = new Map<string, number>();
        for (const [level, count] of Object.entries(counts)) byLevel.set(normalLevel(level), (byLevel.get(normalLevel(level)) ?? 0) + count);
        return { time, parts: ORDER.filter((level) => byLevel.has(level)).map((level) => ({ name: level || "–", count: byLevel.get(level) ?? 0, color: LEVEL_COLORS[level] ?? "" })) };
      }),
    [histogram.data],
  );
  const onTerm = (term: string, isNegative: boolean) => setParams((before) => (before.set("q", withTerm(search, term, isNegative)), before.delete("line"), before));
  const onColumn = (field: string) =>
    setParams((before) => {
      const now = before.getAll("column");
      before.delete("column");
      for (const one of now.includes(field) ? now.filter((name) => name !== field) : [...now, field]) before.append("column", one);
      return before;
    });
  const total = histogram.data?.total ?? 0;
  return (
    <div className="split" style={{ gridTemplateColumns: undefined }}>
      <Fields search={search} span={span} fields={fields} columns={columns} onTerm={onTerm} onColumn={onColumn} />
      <div className="stack">
        <Notice error={error ?? histogram.error} />
        <Panel
          title={`${total.toLocaleString()} ${text.linesFound}`}
          actions={<span className="soft" style={{ fontSize: 12 }}>{`${lines.length.toLocaleString()} ${text.loaded}`}</span>}
        >
          <BarChart bars={bars} span={span} step={histogram.data?.step ?? 1} height={96} label={text.histogram} onSelect={setSpan} />
        </Panel>
        {chosen ? <LineDetail line={chosen} words={words} onClose={() => (setPicked(null), setParams((before) => (before.delete("line"), before), { replace: true }))} onTerm={onTerm} onColumn={onColumn} /> : null}
        {lines.length > 0 ? (
          <Panel flush>
            <Lines
              lines={lines}
              columns={columns}
              words={words}
              chosen={chosen?.id ?? ""}
              height={chosen ? "calc(54dvh - 200px)" : "calc(100dvh - 270px)"}
              onChoose={setPicked}
              handle={list}
              onEnd={hasNextPage && !isFetching && !isPlaceholderData && lines.length < LINES_MAX ? () => void fetchNextPage() : undefined}
            />
          </Panel>
        ) : isFetching ? (
          <Waiting label={text.loading} height={240} />
        ) : error ? null : (
          <Empty title={text.noLogs}>{text.noLogsHint}</Empty>
        )}
      </div>
    </div>
  );
}
