// A dashboard as Grafana writes it, as far as it is drawn; what is older is read as what came after it.

export type Json = null | boolean | number | string | Json[] | { [name: string]: Json | undefined };
export type JsonObject = { [name: string]: Json | undefined };

export interface SourceRef {
  type?: string | undefined;
  uid?: string | undefined;
}

export interface Target extends JsonObject {
  refId?: string;
  hide?: boolean;
}

export interface GridPos {
  x: number;
  y: number;
  w: number;
  h: number;
}

export interface Override {
  matcher: { id: string; options?: Json };
  properties: { id: string; value?: Json }[];
}

export interface Panel {
  id: number;
  type: string;
  title: string;
  description: string;
  gridPos: GridPos;
  source: SourceRef | null;
  targets: Target[];
  options: JsonObject;
  defaults: JsonObject;
  overrides: Override[];
  transformations: { id: string; options: JsonObject; disabled?: boolean; filter?: JsonObject | undefined }[];
  links: DashboardLink[];
  repeat: string;
  repeatDirection: "h" | "v";
  maxPerRow: number;
  interval: string;
  maxDataPoints: number | null;
  timeFrom: string;
  timeShift: string;
  isTransparent: boolean;
  /** Rows only. */
  isCollapsed: boolean;
  panels: Panel[];
  raw: JsonObject;
}

export interface DashboardLink {
  title: string;
  url: string;
  type: string;
  tags: string[];
  targetBlank: boolean;
  keepTime: boolean;
  includeVars: boolean;
  asDropdown: boolean;
}

export interface Variable {
  name: string;
  type: string;
  label: string;
  hide: number;
  query: Json;
  definition: string;
  regex: string;
  sort: number;
  refresh: number;
  isMulti: boolean;
  includeAll: boolean;
  allValue: string;
  current: string[];
  options: { text: string; value: string }[];
  source: SourceRef | null;
  filters: Json;
  auto: { isOn: boolean; count: number; min: string };
}

export interface AnnotationQuery {
  name: string;
  isOn: boolean;
  isHidden: boolean;
  isBuiltIn: boolean;
  color: string;
  source: SourceRef | null;
  raw: JsonObject;
}

export interface Dashboard {
  uid: string;
  title: string;
  description: string;
  tags: string[];
  timezone: string;
  from: string;
  to: string;
  refresh: string;
  tooltip: number;
  panels: Panel[];
  variables: Variable[];
  annotations: AnnotationQuery[];
  links: DashboardLink[];
}

export const isObject = (value: unknown): value is JsonObject => typeof value === "object" && value !== null && !Array.isArray(value);
export const object = (value: unknown): JsonObject => (isObject(value) ? value : {});
export const list = (value: unknown): Json[] => (Array.isArray(value) ? (value as Json[]) : []);
export const string = (value: unknown, otherwise = ""): string => (typeof value === "string" ? value : typeof value === "number" ? `${value}` : otherwise);
export const number = (value: unknown): number | null => {
  const read = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  return typeof read === "number" && Number.isFinite(read) ? read : null;
};
const strings = (value: unknown): string[] => (Array.isArray(value) ? value.map((one) => string(one)) : value === undefined || value === null ? [] : [string(value)]);

/** A data source as it is named: an object, a name, or nothing. */
export function readSource(value: unknown): SourceRef | null {
  if (typeof value === "string") return value === "" || value === "default" ? null : { uid: value };
  if (!isObject(value)) return null;
  return { type: string(value.type) || undefined, uid: string(value.uid) || undefined };
}

function readLink(value: unknown): DashboardLink {
  const link = object(value);
  return {
    title: string(link.title),
    url: string(link.url),
    type: string(link.type, "link"),
    tags: strings(link.tags),
    targetBlank: link.targetBlank === true,
    keepTime: link.keepTime === true,
    includeVars: link.includeVars === true,
    asDropdown: link.asDropdown === true,
  };
}

function readVariable(value: unknown): Variable {
  const variable = object(value);
  const current = object(variable.current);
  return {
    name: string(variable.name),
    type: string(variable.type, "query"),
    label: string(variable.label),
    hide: number(variable.hide) ?? 0,
    query: variable.query ?? "",
    definition: string(variable.definition),
    regex: string(variable.regex),
    sort: number(variable.sort) ?? 0,
    refresh: number(variable.refresh) ?? 0,
    isMulti: variable.multi === true,
    includeAll: variable.includeAll === true,
    allValue: string(variable.allValue),
    current: strings(current.value).filter((one) => one !== ""),
    options: list(variable.options).map((one) => ({ text: string(object(one).text), value: string(object(one).value) })),
    source: readSource(variable.datasource),
    filters: variable.filters ?? [],
    auto: { isOn: variable.auto === true, count: number(variable.auto_count) ?? 30, min: string(variable.auto_min, "10s") },
  };
}

function readPanel(value: unknown, at: number): Panel {
  const raw = object(value);
  const pos = object(raw.gridPos);
  const field = object(raw.fieldConfig);
  return {
    id: number(raw.id) ?? 100_000 + at,
    type: string(raw.type, "text"),
    title: string(raw.title),
    description: string(raw.description),
    gridPos: { x: number(pos.x) ?? 0, y: number(pos.y) ?? 0, w: Math.min(24, number(pos.w) ?? 12), h: number(pos.h) ?? 8 },
    source: readSource(raw.datasource),
    targets: list(raw.targets).map((target) => object(target) as Target),
    options: object(raw.options),
    defaults: object(field.defaults),
    overrides: list(field.overrides).map((one) => {
      const override = object(one);
      const matcher = object(override.matcher);
      return { matcher: { id: string(matcher.id), options: matcher.options ?? null }, properties: list(override.properties).map((property) => ({ id: string(object(property).id), value: object(property).value ?? null })) };
    }),
    transformations: list(raw.transformations).map((one) => ({ id: string(object(one).id), options: object(object(one).options), disabled: object(one).disabled === true, filter: isObject(object(one).filter) ? object(object(one).filter) : undefined })),
    links: list(raw.links).map(readLink),
    repeat: string(raw.repeat),
    repeatDirection: raw.repeatDirection === "v" ? "v" : "h",
    maxPerRow: number(raw.maxPerRow) ?? 4,
    interval: string(raw.interval),
    maxDataPoints: number(raw.maxDataPoints),
    timeFrom: string(raw.timeFrom),
    timeShift: string(raw.timeShift),
    isTransparent: raw.transparent === true,
    isCollapsed: raw.collapsed === true,
    panels: list(raw.panels).map(readPanel),
    raw,
  };
}

/** Rows as dashboards had them before version 16: each a list of panels by width. */
function panelsOfRows(rows: Json[]): Json[] {
  const panels: Json[] = [];
  let y = 0;
  for (const [index, one] of rows.entries()) {
    const row = object(one);
    const inner: Json[] = [];
    const hasTitle = row.showTitle === true || row.collapse === true;
    if (hasTitle) y += 1;
    let [x, top, tall] = [0, y, 0];
    for (const panel of list(row.panels)) {
      const given = object(panel);
      const w = Math.max(1, Math.min(24, (number(given.span) ?? 4) * 2));
      const h = Math.max(2, Math.ceil((Number.parseInt(string(given.height) || string(row.height, "250"), 10) || 250) / 38));
      if (x + w > 24) {
        x = 0;
        top += tall;
        tall = 0;
      }
      inner.push({ ...given, gridPos: { x, y: top, w, h } });
      x += w;
      tall = Math.max(tall, h);
    }
    const isCollapsed = row.collapse === true;
    if (hasTitle) panels.push({ type: "row", id: 50_000 + index, title: row.title, collapsed: isCollapsed, repeat: row.repeat, gridPos: { x: 0, y: y - 1, w: 24, h: 1 }, panels: isCollapsed ? inner : [] });
    if (!isCollapsed) {
      panels.push(...inner);
      y = top + tall;
    }
  }
  return panels;
}

export function readDashboard(json: unknown): Dashboard {
  const raw = object(json);
  const time = object(raw.time);
  const panels = Array.isArray(raw.rows) && raw.rows.length > 0 && !Array.isArray(raw.panels) ? panelsOfRows(list(raw.rows)) : list(raw.panels);
  return {
    uid: string(raw.uid),
    title: string(raw.title),
    description: string(raw.description),
    tags: strings(raw.tags),
    timezone: string(raw.timezone),
    from: string(time.from, "now-6h"),
    to: string(time.to, "now"),
    refresh: typeof raw.refresh === "string" ? raw.refresh : "",
    tooltip: number(raw.graphTooltip) ?? (raw.sharedCrosshair === true ? 1 : 0),
    panels: panels.map(readPanel),
    variables: list(object(raw.templating).list).map(readVariable).filter((variable) => variable.name !== ""),
    annotations: list(object(raw.annotations).list).map((one) => {
      const query = object(one);
      return { name: string(query.name), isOn: query.enable !== false, isHidden: query.hide === true, isBuiltIn: query.builtIn === 1 || query.builtIn === true, color: string(query.iconColor), source: readSource(query.datasource), raw: query };
    }),
    links: list(raw.links).map(readLink),
  };
}
