// A dashboard: its variables, and its panels by row.
import { Button, MultiSelect, Select, TextInput } from "@mantine/core";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useState } from "react";
import { useParams, useSearchParams } from "react-router";

import { resolveVariables, type Resolved } from "@/api/datasource/variables";
import { useDashboard } from "@/api/grafana";
import { layOut } from "@/lib/dashboard/layout";
import { type Dashboard, type Panel, readDashboard } from "@/lib/dashboard/model";
import { interpolate } from "@/lib/dashboard/interpolate";
import { ALL } from "@/lib/dashboard/variables";
import { useText } from "@/lib/text/text";
import { PanelView } from "@/pages/dashboards/panel-view";
import { Icon } from "@/ui/icon";
import { Empty, Notice, Waiting } from "@/ui/notice";
import { useTimeRange } from "@/url/clock";

function Variables({ dashboard, resolved }: { dashboard: Dashboard; resolved: Resolved }) {
  const [, setSearch] = useSearchParams();
  const set = (name: string, values: readonly string[]) =>
    setSearch((before) => {
      before.delete(`var-${name}`);
      for (const value of values) before.append(`var-${name}`, value);
      return before;
    });
  const shown = dashboard.variables.filter((variable) => variable.hide !== 2 && variable.type !== "constant" && variable.type !== "adhoc");
  return (
    <div className="toolbar">
      {shown.map((variable) => {
        const values = resolved.values[variable.name] ?? [];
        const known = resolved.options[variable.name] ?? [];
        const missing = values.filter((value) => value !== ALL && !known.some((option) => option.value === value)).map((value) => ({ text: value, value }));
        const data = [...(variable.includeAll ? [{ text: "All", value: ALL }] : []), ...known, ...missing].map((option) => ({ value: option.value, label: option.text }));
        const common = { size: "xs" as const, label: variable.label || variable.name, error: resolved.errors[variable.name] };
        if (variable.type === "textbox") return <TextInput key={variable.name} {...common} defaultValue={values[0] ?? ""} onBlur={(event) => set(variable.name, [event.currentTarget.value])} />;
        if (variable.isMulti) return <MultiSelect key={variable.name} {...common} data={data} value={values} searchable onChange={(next) => set(variable.name, next.at(-1) === ALL ? [ALL] : next.filter((value) => value !== ALL))} />;
        return <Select key={variable.name} {...common} data={data} value={values[0] ?? null} allowDeselect={false} searchable onChange={(next) => set(variable.name, next === null ? [] : [next])} />;
      })}
    </div>
  );
}

/** Height of a panel that is viewed alone. */
const ALONE_PIXELS = 560;

function findPanel(panels: readonly Panel[], id: number): Panel | undefined {
  return panels.flatMap((panel) => [panel, ...panel.panels]).find((panel) => panel.id === id && panel.type !== "row");
}

function download(name: string, json: unknown) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([JSON.stringify(json, null, 2)], { type: "application/json" }));
  link.download = `${name}.json`;
  link.click();
  URL.revokeObjectURL(link.href);
}

function Sections({ dashboard, resolved }: { dashboard: Dashboard; resolved: Resolved }) {
  const [turned, setTurned] = useState<ReadonlySet<string>>(new Set());
  const scope = useMemo(() => new Map(resolved.scope), [resolved]);
  const sections = useMemo(() => layOut(dashboard.panels, scope), [dashboard, scope]);
  const find = (id: number) => findPanel(dashboard.panels, id);
  const [search] = useSearchParams();
  const alone = search.has("viewPanel") ? find(Number(search.get("viewPanel"))) : undefined;
  if (alone) return <PanelView panel={alone} scope={scope} height={ALONE_PIXELS} find={find} />;
  return sections.map((section) => {
    const isClosed = section.row !== null && section.row.isCollapsed !== turned.has(section.key);
    const turn = () => setTurned((before) => { const next = new Set(before); if (!next.delete(section.key)) next.add(section.key); return next; });
    return (
      <section key={section.key} className="stack">
        {section.row ? (
          <button type="button" className="text-button section-title" aria-expanded={!isClosed} onClick={turn}>
            <Icon name={isClosed ? "right" : "down"} size={12} /> {interpolate(section.row.title, section.scope)}
          </button>
        ) : null}
        {isClosed ? null : (
          <div className="dashboard-grid">
            {section.panels.map(({ key, panel, pos, scope: own }) => (
              <div key={key} className="dashboard-cell" style={{ gridColumn: `${pos.x + 1} / span ${pos.w}`, gridRow: `${pos.y + 1} / span ${pos.h}`, minHeight: pos.h * 38 - 8 }}>
                <PanelView panel={panel} scope={own} height={pos.h * 38 - 8} find={find} sync={dashboard.tooltip > 0 ? dashboard.uid : undefined} />
              </div>
            ))}
          </div>
        )}
      </section>
    );
  });
}

export default function DashboardPage() {
  const { text } = useText();
  const { uid = "" } = useParams();
  const [search, setSearch] = useSearchParams();
  const stored = useDashboard(uid);
  const dashboard = useMemo(() => (stored.data ? readDashboard(stored.data.dashboard) : null), [stored.data]);
  const { span } = useTimeRange();
  const isPlaced = search.has("from") || search.has("range");
  // The address is the state: a dashboard's own range and refresh go there when it names none.
  useEffect(() => {
    if (!dashboard || isPlaced) return;
    setSearch((before) => {
      before.set("from", dashboard.from);
      before.set("to", dashboard.to);
      if (dashboard.refresh && !before.has("refresh")) before.set("refresh", dashboard.refresh);
      return before;
    }, { replace: true });
  }, [dashboard, isPlaced, setSearch]);
  const asked = useMemo(() => Object.fromEntries([...new Set(search.keys())].filter((name) => name.startsWith("var-")).map((name) => [name.slice(4), search.getAll(name)])), [search]);
  const variables = useQuery({
    queryKey: ["variables", uid, stored.dataUpdatedAt, asked, Math.floor(span.end / 60), Math.round(span.end - span.start)],
    enabled: dashboard !== null && isPlaced,
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) => resolveVariables(dashboard as Dashboard, asked, span, signal),
  });
  if (stored.error) return stored.error.message.includes("not found") ? <Empty title={text.notFound} /> : <Notice error={stored.error} />;
  if (!dashboard || !variables.data) return variables.error ? <Notice error={variables.error} /> : <Waiting height={240} label={text.loading} />;
  return (
    <div className="stack">
      <div className="toolbar">
        <h2 className="page-title grow">{dashboard.title}</h2>
        {dashboard.links.filter((link) => link.type === "link" && /^(https?:\/\/|\/)/.test(link.url)).map((link) => (
          <a key={link.title + link.url} href={link.url} target={link.targetBlank ? "_blank" : undefined} rel="noreferrer">
            {link.title}
          </a>
        ))}
        <Button size="compact-xs" variant="default" onClick={() => download(dashboard.title, stored.data?.dashboard)}>
          {text.exportJson}
        </Button>
      </div>
      <Variables dashboard={dashboard} resolved={variables.data} />
      <Sections dashboard={dashboard} resolved={variables.data} />
    </div>
  );
}
