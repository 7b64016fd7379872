// Ask in PromQL; the questions, the range and the view are the address.
import { ActionIcon, Button, Group, SegmentedControl, TextInput } from "@mantine/core";
import { lazy, Suspense, useMemo, useState } from "react";
import { useSearchParams } from "react-router";

import { useText } from "@/lib/text/text";
import { MetricBrowser } from "@/pages/metrics/browser";
import { Evaluation } from "@/pages/metrics/evaluation";
import { InstantResult, RangeResult } from "@/pages/metrics/results";
import { Icon } from "@/ui/icon";
import { Empty } from "@/ui/notice";
import { Panel } from "@/ui/panel";
import { useTimeRange } from "@/url/clock";
import { alignSpan, chooseStep } from "@/url/time-range";

// The editor is the largest part of the page: it is fetched when it is first needed.
const PromqlEditor = lazy(() => import("@/language/promql-editor"));

interface EditorProps {
  asked: string;
  onRun: (expression: string) => void;
  onRemove?: (() => void) | undefined;
}

function Editor({ asked, onRun, onRemove }: EditorProps) {
  const { text } = useText();
  const [draft, setDraft] = useState({ from: asked, value: asked });
  // A new address replaces what was being typed.
  const value = draft.from === asked ? draft.value : asked;
  const edit = (to: string) => setDraft({ from: asked, value: to });
  return (
    <Group align="flex-start" wrap="nowrap" gap="xs">
      <div style={{ flex: 1, minWidth: 0 }}>
        <Suspense fallback={<TextInput value={value} onChange={(event) => edit(event.currentTarget.value)} aria-label={text.expression} />}>
          <PromqlEditor value={value} onChange={edit} onRun={() => onRun(value.trim())} label={text.expression} hint={text.promqlHint} />
        </Suspense>
      </div>
      <Button onClick={() => onRun(value.trim())}>{text.run}</Button>
      {onRemove ? (
        <ActionIcon size={36} variant="default" aria-label={text.removeQuery} title={text.removeQuery} onClick={onRemove}>
          <Icon name="close" size={16} />
        </ActionIcon>
      ) : null}
    </Group>
  );
}

export default function ExploreMetrics() {
  const { text } = useText();
  const [search, setSearch] = useSearchParams();
  const { span, setSpan } = useTimeRange();
  const asked = search.getAll("expr");
  if (asked.length === 0) asked.push(search.get("g0.expr") ?? "");
  const tab = search.get("tab") ?? "chart";
  const bounds = useMemo(() => alignSpan(span, chooseStep(span)), [span]);
  const setAll = (expressions: string[]) =>
    setSearch((before) => {
      before.delete("expr");
      before.delete("g0.expr");
      for (const expression of expressions) before.append("expr", expression);
      return before;
    });
  const setOne = (index: number, expression: string) => setAll(asked.map((one, at) => (at === index ? expression : one)));
  const questions = asked.filter(Boolean);
  return (
    <div className="split">
      <MetricBrowser span={span} chosen={asked[0] ?? ""} onPick={(expression) => setOne(asked.length - 1, expression)} />
      <div className="stack">
        {asked.map((expression, index) => (
          // A query is its place in the list.
          // oxlint-disable-next-line react/no-array-index-key
          <Editor key={index} asked={expression} onRun={(next) => setOne(index, next)} onRemove={asked.length > 1 ? () => setAll(asked.filter((_, at) => at !== index)) : undefined} />
        ))}
        <div className="toolbar">
          <SegmentedControl
            size="xs"
            value={tab}
            onChange={(next) => setSearch((before) => (before.set("tab", next), before))}
            data={[
              { value: "chart", label: text.chart },
              { value: "table", label: text.table },
              { value: "explain", label: text.explainQuery },
            ]}
          />
          <div className="grow" />
          <Button size="compact-sm" variant="subtle" leftSection={<Icon name="plus" size={14} />} onClick={() => setAll([...asked, ""])}>
            {text.addQuery}
          </Button>
        </div>
        {questions.length === 0 ? <Empty title={text.pickMetric}>{text.pickMetricHint}</Empty> : null}
        {questions.map((expression, index) =>
          tab === "explain" ? (
            // oxlint-disable-next-line react/no-array-index-key
            <Evaluation key={index} expression={expression} bounds={bounds} />
          ) : (
            // oxlint-disable-next-line react/no-array-index-key
            <Panel key={index} title={questions.length > 1 ? <span className="mono">{expression}</span> : undefined}>
              {tab === "table" ? <InstantResult expression={expression} time={span.end} /> : <RangeResult expression={expression} bounds={bounds} onSelect={setSpan} />}
            </Panel>
          ),
        )}
      </div>
    </div>
  );
}
