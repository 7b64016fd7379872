// Search traces; what is asked for is the address.
import { Button, Checkbox, Select, TextInput } from "@mantine/core";
import { useState } from "react";
import { Link, useNavigate, useSearchParams } from "react-router";

import { useOperations, useServices, useTraceSearch } from "@/api/traces";
import { colorByName } from "@/charts/colors";
import { Scatter } from "@/charts/scatter";
import { useText } from "@/lib/text/text";
import { formatTime } from "@/lib/time";
import { formatMicroseconds, type Trace } from "@/lib/trace";
import { CompareTraces } from "@/pages/traces/compare";
import { Empty, Notice, Waiting } from "@/ui/notice";
import { Panel } from "@/ui/panel";
import { useTimeRange } from "@/url/clock";

const LIMITS = ["20", "50", "100", "200", "500", "1000"];

function SearchForm({ services }: { services: readonly string[] }) {
  const { text } = useText();
  const [search, setSearch] = useSearchParams();
  const service = search.get("service") ?? "";
  const operations = useOperations(service);
  const [draft, setDraft] = useState({ tags: search.get("tags") ?? "", min: search.get("min") ?? "", max: search.get("max") ?? "" });
  const set = (values: Record<string, string | null>) =>
    setSearch((before) => {
      for (const [name, value] of Object.entries(values)) {
        if (value) before.set(name, value);
        else before.delete(name);
      }
      return before;
    });
  return (
    <form
      className="toolbar"
      style={{ alignItems: "end" }}
      role="search"
      onSubmit={(event) => {
        event.preventDefault();
        set(draft);
      }}
    >
      <Select w={180} label={text.service} searchable data={[...services]} value={service || null} placeholder={text.pickService} onChange={(next) => set({ service: next, operation: null })} />
      <Select w={200} label={text.operation} searchable clearable data={operations.data ?? []} value={search.get("operation")} placeholder={text.anyOperation} onChange={(next) => set({ operation: next })} />
      <TextInput className="grow" miw={180} label={text.tags} placeholder={text.tagsHint} value={draft.tags} onChange={(event) => setDraft({ ...draft, tags: event.currentTarget.value })} />
      <TextInput w={100} label={text.minDuration} placeholder="100ms" value={draft.min} onChange={(event) => setDraft({ ...draft, min: event.currentTarget.value })} />
      <TextInput w={100} label={text.maxDuration} placeholder="2s" value={draft.max} onChange={(event) => setDraft({ ...draft, max: event.currentTarget.value })} />
      <Select w={84} label={text.limit} data={LIMITS} value={search.get("limit") ?? "100"} allowDeselect={false} onChange={(next) => set({ limit: next })} />
      <Button type="submit">{text.find}</Button>
    </form>
  );
}

interface RowProps {
  trace: Trace;
  longestUs: number;
  isChosen: boolean;
  onChoose: () => void;
}

function TraceRow({ trace, longestUs, isChosen, onChoose }: RowProps) {
  const { text } = useText();
  return (
    <div className="trace-row">
      <Checkbox size="xs" checked={isChosen} onChange={onChoose} aria-label={`${text.compare} ${trace.id}`} />
      <Link to={`/trace/${trace.id}`} style={{ minWidth: 0, color: "inherit", textDecoration: "none", flex: 1 }}>
        <div style={{ display: "flex", gap: 10, alignItems: "baseline" }}>
          <span className="ellipsis">
            <b>{trace.rootService}</b> {trace.rootName}
          </span>
          {trace.errors > 0 ? <span className="pill bad">{`${trace.errors} ${text.errors.toLowerCase()}`}</span> : null}
          <span style={{ marginLeft: "auto", fontWeight: 600, whiteSpace: "nowrap" }}>{formatMicroseconds(trace.durationUs)}</span>
        </div>
        <div style={{ height: 4, borderRadius: 2, background: "var(--surface-hover)", margin: "4px 0" }}>
          <div style={{ height: 4, borderRadius: 2, background: trace.errors > 0 ? "var(--bad)" : "var(--accent)", width: `${(100 * trace.durationUs) / Math.max(1, longestUs)}%` }} />
        </div>
        <div className="soft" style={{ display: "flex", gap: 10, fontSize: 12, flexWrap: "wrap" }}>
          <span>{formatTime(trace.startUs / 1_000, "millisecond")}</span>
          <span>{`${trace.spans.length} ${text.spans}`}</span>
          {trace.services.slice(0, 8).map((service) => (
            <span key={service} style={{ display: "inline-flex", gap: 4, alignItems: "center" }}>
              <span className="dot" style={{ background: colorByName(service) }} />
              {service}
            </span>
          ))}
        </div>
      </Link>
    </div>
  );
}

function Results({ service }: { service: string }) {
  const { text } = useText();
  const [search, setSearch] = useSearchParams();
  const navigate = useNavigate();
  const { span } = useTimeRange();
  const [chosen, setChosen] = useState<readonly string[]>([]);
  const asked = { service, operation: search.get("operation") ?? "", tags: search.get("tags") ?? "", minDuration: search.get("min") ?? "", maxDuration: search.get("max") ?? "", limit: Number(search.get("limit") ?? 100) || 100 };
  const { data, error } = useTraceSearch(asked, span);
  if (error) return <Notice error={error} />;
  if (!data) return <Waiting label={text.loading} height={240} />;
  if (data.length === 0) return <Empty title={text.noTraces} />;
  const longestUs = data.reduce((most, trace) => Math.max(most, trace.durationUs), 0);
  const choose = (id: string) => setChosen((before) => (before.includes(id) ? before.filter((one) => one !== id) : [...before.slice(-1), id]));
  return (
    <>
      <Panel title={`${data.length} ${text.traceFound} · ${text.scatter}`}>
        <Scatter
          points={data.map((trace) => ({ id: trace.id, timeMs: trace.startUs / 1_000, durationUs: trace.durationUs, size: trace.spans.length, isError: trace.errors > 0, title: `${trace.rootService} ${trace.rootName}` }))}
          startMs={span.start * 1_000}
          endMs={span.end * 1_000}
          height={170}
          label={text.scatter}
          onChoose={(id) => navigate(`/trace/${id}`)}
        />
      </Panel>
      <div className="toolbar">
        <span className="soft" style={{ fontSize: 13 }}>
          {text.compareHint}
        </span>
        <Button size="compact-sm" variant="default" disabled={chosen.length !== 2} onClick={() => setSearch((before) => (before.set("compare", chosen.join(",")), before))}>
          {text.compareTwo}
        </Button>
      </div>
      <div className="panel">
        {data.map((trace) => (
          <TraceRow key={trace.id} trace={trace} longestUs={longestUs} isChosen={chosen.includes(trace.id)} onChoose={() => choose(trace.id)} />
        ))}
      </div>
    </>
  );
}

export default function ExploreTraces() {
  const { text } = useText();
  const [search] = useSearchParams();
  const services = useServices();
  const [left, right] = (search.get("compare") ?? "").split(",");
  if (left && right) return <CompareTraces left={left} right={right} />;
  const service = search.get("service") ?? "";
  return (
    <div className="stack">
      <SearchForm key={search.toString()} services={services.data ?? []} />
      <Notice error={services.error} />
      {service ? <Results service={service} /> : services.data?.length === 0 ? <Empty title={text.noServices}>{text.noServicesHint}</Empty> : services.data ? <Empty title={text.pickService} /> : null}
    </div>
  );
}
