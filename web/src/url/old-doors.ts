// Addresses of the tools that Vigie replaces, and the place that answers the same question.

function query(path: string, parameters: Record<string, string | null | undefined>): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) if (value) search.set(name, value);
  return search.size > 0 ? `${path}?${search.toString()}` : path;
}

/** Prometheus: `/graph?g0.expr=up&g0.range_input=1h&g0.tab=1`, `/query?g0.tab=table`. */
export function graphTarget(search: URLSearchParams): string {
  const range = search.get("g0.range_input");
  const end = Date.parse(`${search.get("g0.end_input") ?? ""}Z`);
  const tab = search.get("g0.tab");
  return query("/explore/metrics", {
    expr: search.get("g0.expr"),
    range,
    end: Number.isNaN(end) ? null : `${end / 1_000}`,
    tab: tab === "1" || tab === "table" ? "table" : null,
  });
}

/** Alertmanager: `/#/alerts?filter=...`, `/#/silences/new`, `/#/silences/ID`, `/#/status`. */
export function alertmanagerTarget(_search: URLSearchParams, hash: string): string {
  const [path = "", rest = ""] = hash.replace(/^#/, "").split("?");
  const filter = new URLSearchParams(rest).get("filter");
  const [, place, id] = path.split("/");
  if (place === "silences") return query("/silences", { edit: id, matchers: id === "new" ? filter : null });
  return query("/alerts", { filter });
}

/** A quoted text after `name:` in Kibana's RISON; it quotes `'` and `!` by `!`. */
function risonText(state: string, name: string): string | null {
  const match = new RegExp(`${name}:'((?:[^'!]|!.)*)'`).exec(state);
  return match?.[1] === undefined ? null : match[1].replace(/!(.)/g, "$1");
}

function risonWord(state: string, name: string): string | null {
  return risonText(state, name) ?? new RegExp(`[(,]${name}:([^,()']+)`).exec(state)?.[1] ?? null;
}

/** Kibana: `/app/discover#/?_g=(time:(from:now-1h,to:now))&_a=(query:(language:lucene,query:'x'))`. */
export function discoverTarget(search: URLSearchParams, hash: string): string {
  const inner = new URLSearchParams(hash.includes("?") ? hash.slice(hash.indexOf("?") + 1) : "");
  const state = inner.get("_a") ?? search.get("_a") ?? "";
  const global = inner.get("_g") ?? search.get("_g") ?? "";
  const end = risonWord(global, "to");
  return query("/explore/logs", { q: risonText(state, "query"), from: risonWord(global, "from"), to: end });
}

/** Jaeger: `/search?service=shop&operation=pay&start=µs&end=µs&lookback=1h&tags={json}`. */
export function jaegerTarget(search: URLSearchParams): string {
  const [start, end] = [Number(search.get("start")), Number(search.get("end"))];
  const isFixed = start > 0 && end > 0;
  const lookback = search.get("lookback");
  return query("/explore/traces", {
    service: search.get("service"),
    operation: search.get("operation"),
    tags: jaegerTags(search.get("tags")),
    min: search.get("minDuration"),
    max: search.get("maxDuration"),
    from: isFixed ? `${Math.round(start / 1_000)}` : lookback && lookback !== "custom" ? `now-${lookback}` : null,
    to: isFixed ? `${Math.round(end / 1_000)}` : null,
  });
}

function jaegerTags(json: string | null): string | null {
  if (!json) return null;
  try {
    const tags = JSON.parse(json) as Record<string, unknown>;
    return Object.entries(tags)
      .map(([name, value]) => `${name}=${/\s/.test(String(value)) ? JSON.stringify(String(value)) : String(value)}`)
      .join(" ");
  } catch {
    return null;
  }
}

/** Grafana's explore: `?left={...}` or `?panes={...}`; the first query decides the place. */
export function exploreTarget(search: URLSearchParams): string {
  try {
    const panes = JSON.parse(search.get("panes") ?? "null") as Record<string, Pane> | null;
    const pane = panes ? Object.values(panes)[0] : (JSON.parse(search.get("left") ?? "null") as Pane | null);
    const first = pane?.queries?.[0];
    const kind = first?.datasource?.type ?? "";
    const range = { from: pane?.range?.from, to: pane?.range?.to };
    if (kind === "loki") return query("/explore/logs", { logql: first?.expr, ...range });
    if (kind === "elasticsearch") return query("/explore/logs", { q: first?.query, ...range });
    if (kind === "jaeger" || kind === "tempo") return query("/explore/traces", { service: first?.service, ...range });
    return query("/explore/metrics", { expr: first?.expr, ...range });
  } catch {
    return "/explore/metrics";
  }
}

interface Pane {
  queries?: { expr?: string; query?: string; service?: string; datasource?: { type?: string } }[];
  range?: { from?: string; to?: string };
}
