// A layout for graphs of services: callers left of those they call, few crossings.

export interface Edge {
  from: string;
  to: string;
}

/** The column of each node: one right of the last caller, loops left out. */
export function layersOf(nodes: readonly string[], edges: readonly Edge[]): Map<string, number> {
  const layer = new Map(nodes.map((node) => [node, 0]));
  const below = new Map<string, string[]>();
  for (const { from, to } of edges) if (from !== to) below.set(from, [...(below.get(from) ?? []), to]);
  const state = new Map<string, "open" | "done">();
  const order: string[] = [];
  const back = new Set<string>();
  const visit = (start: string) => {
    const stack: { node: string; at: number }[] = [{ node: start, at: 0 }];
    state.set(start, "open");
    for (let top = stack.at(-1); top; top = stack.at(-1)) {
      const next = below.get(top.node)?.[top.at];
      top.at += 1;
      if (next === undefined) {
        state.set(top.node, "done");
        order.push(top.node);
        stack.pop();
      } else if (state.get(next) === "open") back.add(`${top.node}\u0000${next}`);
      else if (!state.has(next)) {
        state.set(next, "open");
        stack.push({ node: next, at: 0 });
      }
    }
  };
  const called = new Set(edges.filter((edge) => edge.from !== edge.to).map((edge) => edge.to));
  for (const node of nodes) if (!called.has(node) && !state.has(node)) visit(node);
  for (const node of nodes) if (!state.has(node)) visit(node);
  for (const node of order.toReversed()) {
    for (const next of below.get(node) ?? []) {
      if (!back.has(`${node}\u0000${next}`)) layer.set(next, Math.max(layer.get(next) ?? 0, (layer.get(node) ?? 0) + 1));
    }
  }
  return layer;
}

/** The nodes of each column, each near those it is called by. */
export function columnsOf(nodes: readonly string[], edges: readonly Edge[]): string[][] {
  const layer = layersOf(nodes, edges);
  const columns: string[][] = [];
  for (const node of nodes) (columns[layer.get(node) ?? 0] ??= []).push(node);
  for (let round = 0; round < 4; round += 1) {
    for (let at = 1; at < columns.length; at += 1) {
      const before = columns[at - 1] ?? [];
      const mean = (node: string) => {
        const places = edges.filter((edge) => edge.to === node).map((edge) => before.indexOf(edge.from)).filter((place) => place >= 0);
        return places.length > 0 ? places.reduce((sum, place) => sum + place, 0) / places.length : before.length / 2;
      };
      columns[at]?.sort((a, b) => mean(a) - mean(b));
    }
  }
  return columns;
}
