// Spans gathered by their way from the root: what flame graphs and comparisons show.
import type { Trace } from "@/lib/trace";

export interface PathNode {
  key: string;
  service: string;
  name: string;
  depth: number;
  count: number;
  totalUs: number;
  selfUs: number;
  errors: number;
  children: PathNode[];
}

const DEPTH_MAX = 200;

/** One node for each way from the root, spans of one way added up. */
export function gather(trace: Trace): PathNode {
  const root: PathNode = { key: "", service: "", name: "", depth: -1, count: 0, totalUs: 0, selfUs: 0, errors: 0, children: [] };
  const nodes: PathNode[] = [];
  const known = new Map<string, PathNode>();
  for (const span of trace.spans) {
    const parent = (span.parent >= 0 ? nodes[span.parent] : root) ?? root;
    // Deeper than anybody reads: added to the node that is there.
    const key = parent.depth >= DEPTH_MAX ? parent.key : `${parent.key}\u0000${span.service}\u0001${span.name}`;
    let node = known.get(key);
    if (!node) {
      node = { key, service: span.service, name: span.name, depth: parent.depth + 1, count: 0, totalUs: 0, selfUs: 0, errors: 0, children: [] };
      known.set(key, node);
      parent.children.push(node);
    }
    node.count += 1;
    node.totalUs += span.durationUs;
    node.selfUs += span.selfUs;
    node.errors += span.isError ? 1 : 0;
    nodes.push(node);
  }
  root.totalUs = root.children.reduce((sum, child) => sum + child.totalUs, 0);
  return root;
}

export interface ComparedNode {
  key: string;
  service: string;
  name: string;
  depth: number;
  left: PathNode | null;
  right: PathNode | null;
}

/** Both trees side by side, in reading order. */
export function compare(left: PathNode, right: PathNode): ComparedNode[] {
  const rows: ComparedNode[] = [];
  const visit = (a: PathNode | null, b: PathNode | null) => {
    const node = a ?? b;
    if (!node) return;
    if (node.depth >= 0) rows.push({ key: node.key, service: node.service, name: node.name, depth: node.depth, left: a, right: b });
    const others = new Map((b?.children ?? []).map((child) => [child.key, child]));
    for (const child of a?.children ?? []) {
      visit(child, others.get(child.key) ?? null);
      others.delete(child.key);
    }
    for (const child of others.values()) visit(null, child);
  };
  visit(left, right);
  return rows;
}
