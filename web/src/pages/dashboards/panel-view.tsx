// One panel: it asks when it is in sight, and shows its own errors.
import { ActionIcon, Menu } from "@mantine/core";
import { useElementSize, useIntersection } from "@mantine/hooks";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useState } from "react";
import { Link, useSearchParams } from "react-router";

import { promqlOf } from "@/api/datasource/prometheus";
import { runPanel } from "@/api/datasource/run";
import { kindOf } from "@/api/datasource/target";
import type { Mark } from "@/charts/marks";
import { applyConfig } from "@/lib/dashboard/field-config";
import { interpolate, type Scope } from "@/lib/dashboard/interpolate";
import { type JsonObject, type Panel, readSource, string } from "@/lib/dashboard/model";
import { shiftSpan } from "@/lib/dashboard/shift";
import { transform } from "@/lib/dashboard/transform";
import { safeHref } from "@/lib/rich-text";
import { useText } from "@/lib/text/text";
import { DRAWN, Drawing } from "@/pages/dashboards/drawing";
import { Icon } from "@/ui/icon";
import { Notice } from "@/ui/notice";
import { address, useTimeRange } from "@/url/clock";
import type { Span } from "@/url/time-range";

interface Props {
  panel: Panel;
  scope: Scope;
  height: number;
  find: (id: number) => Panel | undefined;
  sync?: string | undefined;
  marks?: readonly Mark[] | undefined;
}

/** Kinds whose series have a colour each unless the panel says otherwise; the others' follow thresholds. */
const COLORFUL = new Set(["timeseries", "graph", "trend", "piechart", "grafana-piechart-panel", "barchart", "histogram"]);

function defaultsOf(panel: Panel): JsonObject {
  if (panel.defaults.color !== undefined) return panel.defaults;
  return { ...panel.defaults, color: { mode: COLORFUL.has(panel.type) ? "palette-classic" : "thresholds" } };
}

/** Where the same question can be asked by hand; null for one that has no such place. */
function exploreAddress(panel: Panel, scope: Scope, span: Span, search: URLSearchParams): string | null {
  const expressions: string[] = [];
  for (const target of panel.targets) {
    const kind = kindOf(readSource(target.datasource) ?? panel.source, target, (text) => interpolate(text, scope));
    if (kind === "loki") return address("/explore/logs", { logql: interpolate(string(target.expr), scope) }, search);
    if (kind === "elasticsearch") return address("/explore/logs", { q: interpolate(string(target.query), scope) }, search);
    if (kind === "traces") return address("/explore/traces", { service: interpolate(string(target.service), scope) }, search);
    if (kind === "prometheus" && target.hide !== true) expressions.push(promqlOf({ target, scope, span, points: 400, interval: panel.interval, tables: 0 }).expression);
  }
  const base = address("/explore/metrics", {}, search);
  return expressions.length > 0 ? `${base}${base.includes("?") ? "&" : "?"}${expressions.map((one) => `expr=${encodeURIComponent(one)}`).join("&")}` : null;
}

function PanelMenu({ panel, scope }: Pick<Props, "panel" | "scope">) {
  const { text } = useText();
  const { span } = useTimeRange();
  const [search, setSearch] = useSearchParams();
  const isAlone = search.get("viewPanel") === `${panel.id}`;
  const view = () => setSearch((before) => (isAlone ? before.delete("viewPanel") : before.set("viewPanel", `${panel.id}`), before));
  const explore = exploreAddress(panel, scope, span, search);
  return (
    <Menu position="bottom-end" shadow="md">
      <Menu.Target>
        <ActionIcon className="panel-menu" size="sm" variant="subtle" color="gray" aria-label={`${text.panelMenu}: ${panel.title}`}>
          <Icon name="more" size={16} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item onClick={view}>{isAlone ? text.viewAll : text.viewPanel}</Menu.Item>
        {explore ? <Menu.Item component={Link} to={explore}>{text.explore}</Menu.Item> : null}
        {panel.links.map((link) => {
          const href = safeHref(interpolate(link.url, scope));
          return href ? (
            <Menu.Item key={link.title + link.url} component="a" href={href} target={link.targetBlank ? "_blank" : undefined} rel="noreferrer">
              {interpolate(link.title, scope) || href}
            </Menu.Item>
          ) : null;
        })}
      </Menu.Dropdown>
    </Menu>
  );
}

export function PanelView({ panel, scope, height, find, sync, marks }: Props) {
  const { text } = useText();
  const { span: whole } = useTimeRange();
  const span = useMemo(() => shiftSpan(whole, interpolate(panel.timeFrom, scope), interpolate(panel.timeShift, scope)), [whole, panel, scope]);
  const { ref: sight, entry } = useIntersection({ rootMargin: "200px" });
  const { ref: body, width } = useElementSize();
  const [wasSeen, setSeen] = useState(false);
  const isSeen = entry?.isIntersecting ?? false;
  useEffect(() => {
    if (isSeen) setSeen(true);
  }, [isSeen]);
  const points = panel.maxDataPoints ?? Math.max(50, Math.round(width / 50) * 50);
  const values = useMemo(() => [...scope].map(([name, chosen]) => [name, chosen.allValue ?? chosen.values]), [scope]);
  const isDrawn = DRAWN.has(panel.type);
  const { data, error } = useQuery({
    queryKey: ["panel", panel.id, panel.raw, values, span, points],
    enabled: isSeen && width > 0 && isDrawn && panel.targets.length > 0,
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) => runPanel({ panel, scope, span, points, find }, signal),
  });
  const shown = useMemo(() => {
    const { frames, unknown } = transform(data?.frames ?? [], panel.transformations);
    return { frames: applyConfig(frames, defaultsOf(panel), panel.overrides, scope), unknown };
  }, [data, panel, scope]);
  const title = interpolate(panel.title, scope);
  const inner = height - (title ? 44 : 12);
  const notes = [...(data?.notes ?? []), ...(data?.errors ?? []), ...(shown.unknown.length > 0 ? [`${text.untransformed}: ${shown.unknown.join(", ")}`] : [])];
  const isReady = wasSeen && width > 0 && !error && (data !== undefined || panel.targets.length === 0);
  return (
    <section ref={sight} className={panel.isTransparent ? "panel clear" : "panel"} style={{ height: "100%", overflow: "hidden", position: "relative" }} aria-label={title || panel.type} data-panel={panel.id} data-kind={panel.type} data-ready={isReady || undefined}>
      <div className="panel-head" style={title ? undefined : { position: "absolute", right: 0, zIndex: 2 }}>
        {title ? (
          <h3 className="panel-title" style={{ flex: 1 }} title={panel.description || title}>
            {title}
            {panel.timeFrom || panel.timeShift ? <span className="soft">{` ${panel.timeFrom} ${panel.timeShift ? `-${panel.timeShift}` : ""}`}</span> : null}
          </h3>
        ) : null}
        <PanelMenu panel={panel} scope={scope} />
      </div>
      <div ref={body} style={{ height: inner, padding: "4px 8px", overflow: "auto", containerType: "inline-size" }} tabIndex={-1}>
        <Notice error={error} notes={notes} />
        {!isDrawn ? <div className="empty">{`${text.notDrawn}: ${panel.type}`}</div> : isReady ? <Drawing panel={panel} frames={shown.frames} scope={scope} width={Math.max(20, width - 16)} height={inner - 8} sync={sync} marks={marks} /> : null}
      </div>
    </section>
  );
}
