// Where panels stand: sections under rows, repeated ones multiplied.
import { type Chosen, one, type Scope } from "@/lib/dashboard/interpolate";
import type { GridPos, Panel } from "@/lib/dashboard/model";

export interface Placed {
  key: string;
  panel: Panel;
  pos: GridPos;
  /** Values of this copy's own. */
  scope: Scope;
}

export interface Section {
  key: string;
  row: Panel | null;
  scope: Scope;
  panels: Placed[];
}

const REPEATS_MAX = 100;

/** The values over which a panel is repeated; null when it is not. */
function repeatsOf(name: string, scope: Scope): string[] | null {
  const chosen = name ? scope.get(name) : undefined;
  return chosen ? chosen.values.slice(0, REPEATS_MAX) : null;
}

const withOne = (scope: Scope, name: string, value: string): Scope => new Map<string, Chosen>([...scope, [name, one(value)]]);

function place(panels: readonly Panel[], scope: Scope, prefix: string): Placed[] {
  const placed: Placed[] = [];
  let pushed = 0;
  const top = Math.min(...panels.map((panel) => panel.gridPos.y), Number.POSITIVE_INFINITY);
  for (const panel of panels.toSorted((a, b) => a.gridPos.y - b.gridPos.y || a.gridPos.x - b.gridPos.x)) {
    const pos = { ...panel.gridPos, y: panel.gridPos.y - top + pushed };
    const values = repeatsOf(panel.repeat, scope);
    if (!values || values.length === 0) {
      placed.push({ key: `${prefix}${panel.id}`, panel, pos, scope });
      continue;
    }
    const perRow = panel.repeatDirection === "h" ? Math.max(1, Math.min(values.length, panel.maxPerRow)) : 1;
    const w = panel.repeatDirection === "h" ? Math.max(1, Math.floor(24 / perRow)) : pos.w;
    for (const [index, value] of values.entries()) {
      const [line, column] = [Math.floor(index / perRow), index % perRow];
      placed.push({ key: `${prefix}${panel.id}-${value}`, panel, pos: { x: panel.repeatDirection === "h" ? column * w : pos.x, y: pos.y + line * pos.h, w, h: pos.h }, scope: withOne(scope, panel.repeat, value) });
    }
    pushed += (Math.ceil(values.length / perRow) - 1) * pos.h;
  }
  return placed;
}

/** Panels by row, in order. A row's own are those after it, or within it while it is closed. */
export function layOut(panels: readonly Panel[], scope: Scope): Section[] {
  const groups: { row: Panel | null; panels: Panel[] }[] = [{ row: null, panels: [] }];
  for (const panel of panels.toSorted((a, b) => a.gridPos.y - b.gridPos.y || a.gridPos.x - b.gridPos.x)) {
    if (panel.type === "row") groups.push({ row: panel, panels: [...panel.panels] });
    else groups.at(-1)?.panels.push(panel);
  }
  return groups.flatMap(({ row, panels: own }): Section[] => {
    if (!row) return own.length > 0 ? [{ key: "top", row, scope, panels: place(own, scope, "") }] : [];
    const values = repeatsOf(row.repeat, scope);
    if (!values || values.length === 0) return [{ key: `row-${row.id}`, row, scope, panels: place(own, scope, "") }];
    return values.map((value) => {
      const inner = withOne(scope, row.repeat, value);
      return { key: `row-${row.id}-${value}`, row, scope: inner, panels: place(own, inner, `${value}-`) };
    });
  });
}
