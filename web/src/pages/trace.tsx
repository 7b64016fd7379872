// One trace, as waterfall, flame graph or numbers.
import { Button, SegmentedControl, TextInput } from "@mantine/core";
import { useMemo, useState } from "react";
import { Link, useParams, useSearchParams } from "react-router";

import { useTrace } from "@/api/traces";
import { FlameGraph } from "@/charts/flame";
import { anyField, TRACE_FIELDS } from "@/lib/log-line";
import { gather } from "@/lib/span-tree";
import { useText } from "@/lib/text/text";
import { formatTime } from "@/lib/time";
import { criticalPath, formatMicroseconds, type Trace } from "@/lib/trace";
import { SpanDetail } from "@/pages/traces/span-detail";
import { Statistics } from "@/pages/traces/statistics";
import { Waterfall } from "@/pages/traces/waterfall";
import { Icon } from "@/ui/icon";
import { Empty, Notice, Waiting } from "@/ui/notice";
import { Panel } from "@/ui/panel";
import { address } from "@/url/clock";

function matchesOf(trace: Trace, asked: string): ReadonlySet<number> | null {
  const word = asked.trim().toLowerCase();
  if (word === "") return null;
  const found = new Set<number>();
  for (const [index, span] of trace.spans.entries()) {
    if (`${span.service} ${span.name} ${span.id}`.toLowerCase().includes(word) || span.tags.some((tag) => `${tag.key}=${String(tag.value)}`.toLowerCase().includes(word))) found.add(index);
  }
  return found;
}

function TraceView({ trace }: { trace: Trace }) {
  const { text } = useText();
  const [search, setSearch] = useSearchParams();
  const [collapsed, setCollapsed] = useState<ReadonlySet<number>>(new Set());
  const view = search.get("view") ?? "waterfall";
  const asked = search.get("find") ?? search.get("uiFind") ?? "";
  const isCritical = search.get("critical") === "1";
  const spanId = search.get("span");
  const chosen = useMemo(() => (spanId ? trace.spans.findIndex((span) => span.id === spanId) : -1), [trace, spanId]);
  const matching = useMemo(() => matchesOf(trace, asked), [trace, asked]);
  const path = useMemo(() => (isCritical ? criticalPath(trace) : null), [trace, isCritical]);
  const tree = useMemo(() => (view === "flame" ? gather(trace) : null), [trace, view]);
  const set = (name: string, value: string | null) =>
    setSearch(
      (before) => {
        if (value) before.set(name, value);
        else before.delete(name);
        return before;
      },
      { replace: true },
    );
  const span = chosen >= 0 ? trace.spans[chosen] : undefined;
  const startMs = trace.startUs / 1_000;
  const around = { from: `${Math.floor(startMs - 60_000)}`, to: `${Math.ceil(startMs + trace.durationUs / 1_000 + 60_000)}` };
  return (
    <div className="stack">
      <div className="toolbar">
        <div className="grow">
          <h2 className="page-title ellipsis">{`${trace.rootService} · ${trace.rootName}`}</h2>
          <div className="soft" style={{ fontSize: 13, overflowWrap: "anywhere" }}>
            {`${formatTime(startMs, "millisecond")} · ${formatMicroseconds(trace.durationUs)} · ${trace.spans.length.toLocaleString()} ${text.spans} · ${trace.services.length} ${text.service.toLowerCase()}s · `}
            <span className="mono">{trace.id}</span>
            {trace.errors > 0 ? <span className="pill bad" style={{ marginLeft: 8 }}>{`${trace.errors} ${text.errors.toLowerCase()}`}</span> : null}
          </div>
        </div>
        <Button size="xs" variant="default" component={Link} to={address("/explore/logs", { ...around, q: anyField(TRACE_FIELDS, trace.id) })} leftSection={<Icon name="logs" size={14} />}>
          {text.logsOfTrace}
        </Button>
      </div>
      <div className="toolbar">
        <SegmentedControl
          size="xs"
          value={view}
          onChange={(next) => set("view", next)}
          data={[
            { value: "waterfall", label: text.waterfall },
            { value: "flame", label: text.flame },
            { value: "statistics", label: text.statistics },
          ]}
        />
        {view === "waterfall" ? (
          <>
            <Button size="compact-sm" variant={isCritical ? "filled" : "default"} aria-pressed={isCritical} onClick={() => set("critical", isCritical ? null : "1")}>
              {text.criticalPath}
            </Button>
            <Button size="compact-sm" variant="default" onClick={() => setCollapsed(collapsed.size > 0 ? new Set() : new Set(trace.spans.flatMap((one, index) => (one.below > 0 && one.depth > 0 ? [index] : []))))}>
              {collapsed.size > 0 ? text.expandAll : text.collapseAll}
            </Button>
          </>
        ) : null}
        <TextInput size="xs" className="grow" maw={340} value={asked} placeholder={text.findSpan} aria-label={text.findSpan} onChange={(event) => set("find", event.currentTarget.value)} leftSection={<Icon name="search" size={14} />} rightSectionWidth={90} rightSection={matching ? <span className="soft" style={{ fontSize: 12 }}>{`${matching.size} ${text.matches}`}</span> : null} />
      </div>
      {span ? <SpanDetail trace={trace} span={span} onClose={() => set("span", null)} /> : null}
      <Panel flush={view !== "flame"}>
        {view === "flame" && tree ? <FlameGraph root={tree} label={text.flame} /> : null}
        {view === "statistics" ? <Statistics trace={trace} /> : null}
        {view === "waterfall" ? (
          <Waterfall
            trace={trace}
            collapsed={collapsed}
            onToggle={(index) =>
              setCollapsed((before) => {
                const next = new Set(before);
                if (!next.delete(index)) next.add(index);
                return next;
              })
            }
            chosen={chosen >= 0 ? chosen : null}
            onChoose={(index) => set("span", trace.spans[index]?.id ?? null)}
            matching={matching}
            path={path}
            height={span ? "calc(54dvh - 130px)" : "calc(100dvh - 200px)"}
          />
        ) : null}
      </Panel>
    </div>
  );
}

export default function TracePage() {
  const { text } = useText();
  const { id = "" } = useParams();
  const { data, error, isLoading } = useTrace(id);
  if (isLoading) return <Waiting label={text.loading} height={300} />;
  const isMissing = data === null || (error as { status?: number } | null)?.status === 404;
  if (isMissing) return <Empty title={text.noTrace}>{text.noTraceHint}</Empty>;
  if (error || !data) return <Notice error={error} />;
  return <TraceView trace={data} />;
}
