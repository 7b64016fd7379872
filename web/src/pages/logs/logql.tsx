// Logs by LogQL: lines of streams, or a chart of a metric query.
import { useMemo, useState } from "react";

import { useLogQl } from "@/api/logs";
import { gridOf, type Line, onGrid } from "@/charts/frame";
import { Legend } from "@/charts/legend";
import { TimeChart } from "@/charts/time-chart";
import { shortNames } from "@/lib/format";
import { type LogLine, makeLine } from "@/lib/log-line";
import { useText } from "@/lib/text/text";
import { LineDetail } from "@/pages/logs/detail";
import { Lines } from "@/pages/logs/lines";
import { Empty, Notice, Waiting } from "@/ui/notice";
import { Panel } from "@/ui/panel";
import { useTimeRange } from "@/url/clock";
import { alignSpan, chooseStep } from "@/url/time-range";

const NONE: readonly string[] = [];

export function LogQlLogs({ expression }: { expression: string }) {
  const { text } = useText();
  const { span, setSpan } = useTimeRange();
  const [picked, setPicked] = useState<LogLine | null>(null);
  const { data, error, isFetching } = useLogQl(expression, span);
  const bounds = useMemo(() => alignSpan(span, chooseStep(span)), [span]);
  const lines = useMemo(() => {
    if (data?.resultType !== "streams") return [];
    const all = data.result.flatMap(({ stream = {}, values }, at) => values.map(([time, message], index) => makeLine(`${at} ${index}`, "", Number(BigInt(time) / 1_000_000n), { ...stream, message })));
    return all.toSorted((a, b) => b.timeMs - a.timeMs);
  }, [data]);
  const series = useMemo((): Line[] => {
    if (data?.resultType !== "matrix") return [];
    const names = shortNames(data.result.map((one) => one.metric ?? {}));
    return data.result.map((one, index) => ({ name: names[index] ?? "", values: onGrid({ metric: one.metric ?? {}, values: one.values.map(([time, value]) => [Number(time), value]) }, bounds) }));
  }, [data, bounds]);
  if (data === null) return <Empty title={text.lokiAbsent} />;
  return (
    <div className="stack">
      <Notice error={error} />
      {picked ? <LineDetail line={picked} words={NONE} onClose={() => setPicked(null)} onTerm={() => {}} onColumn={() => {}} /> : null}
      {lines.length > 0 ? (
        <Panel flush>
          <Lines lines={lines} columns={NONE} words={NONE} chosen={picked?.id ?? ""} height={picked ? "40dvh" : "calc(100dvh - 160px)"} onChoose={setPicked} />
        </Panel>
      ) : series.length > 0 ? (
        <Panel>
          <TimeChart times={gridOf(bounds)} lines={series} height={340} label={expression} onSelect={setSpan} />
          <Legend lines={series} />
        </Panel>
      ) : isFetching ? (
        <Waiting label={text.loading} height={240} />
      ) : error ? null : (
        <Empty title={text.noLogs}>{text.noLogsHint}</Empty>
      )}
    </div>
  );
}
