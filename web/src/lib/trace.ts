// A trace as the page draws it, read from Jaeger's JSON: spans in the order of the tree, with depth.

export interface Tag {
  key: string;
  type?: string;
  value: string | number | boolean;
}

export interface JaegerSpan {
  traceID: string;
  spanID: string;
  operationName: string;
  references?: { refType: string; traceID: string; spanID: string }[] | null;
  startTime: number;
  duration: number;
  tags?: Tag[] | null;
  logs?: { timestamp: number; fields: Tag[] }[] | null;
  processID: string;
  warnings?: string[] | null;
}

export interface JaegerTrace {
  traceID: string;
  spans: JaegerSpan[];
  processes: Record<string, { serviceName: string; tags?: Tag[] | null }>;
}

export interface TraceSpan {
  id: string;
  parent: number;
  depth: number;
  /** How many spans are below it. */
  below: number;
  service: string;
  name: string;
  startUs: number;
  durationUs: number;
  selfUs: number;
  isError: boolean;
  kind: string;
  tags: Tag[];
  processTags: Tag[];
  logs: { timestamp: number; fields: Tag[] }[];
  links: { traceId: string; spanId: string }[];
  warnings: string[];
}

export interface Trace {
  id: string;
  startUs: number;
  durationUs: number;
  spans: TraceSpan[];
  services: string[];
  errors: number;
  rootName: string;
  rootService: string;
}

function isErrorTag(tag: Tag): boolean {
  if (tag.key === "error") return tag.value === true || tag.value === "true";
  return (tag.key === "otel.status_code" || tag.key === "status.code") && String(tag.value).toUpperCase() === "ERROR";
}

function readSpan(raw: JaegerSpan, processes: JaegerTrace["processes"]): TraceSpan {
  const tags = raw.tags ?? [];
  const process = processes[raw.processID];
  return {
    id: raw.spanID,
    parent: -1,
    depth: 0,
    below: 0,
    service: process?.serviceName ?? "",
    name: raw.operationName,
    startUs: raw.startTime,
    durationUs: raw.duration,
    selfUs: raw.duration,
    isError: tags.some(isErrorTag),
    kind: String(tags.find((tag) => tag.key === "span.kind")?.value ?? ""),
    tags,
    processTags: process?.tags ?? [],
    logs: raw.logs ?? [],
    links: [],
    warnings: raw.warnings ?? [],
  };
}

/** Jaeger's JSON as a tree in reading order. Loops and missing parents make roots. */
export function readTrace(raw: JaegerTrace): Trace {
  const position = new Map<string, number>();
  for (const [index, span] of raw.spans.entries()) if (!position.has(span.spanID)) position.set(span.spanID, index);
  const spans = raw.spans.map((span) => readSpan(span, raw.processes));
  const children: number[][] = spans.map(() => []);
  const roots: number[] = [];
  for (const [index, span] of raw.spans.entries()) {
    const references = span.references ?? [];
    const own = references.filter((reference) => reference.traceID === span.traceID || !reference.traceID);
    const chosen = own.find((reference) => reference.refType === "CHILD_OF") ?? own[0];
    const parent = chosen ? (position.get(chosen.spanID) ?? -1) : -1;
    const made = spans[index];
    if (made) made.links = references.filter((reference) => reference !== chosen).map((reference) => ({ traceId: reference.traceID, spanId: reference.spanID }));
    if (parent >= 0 && parent !== index) children[parent]?.push(index);
    else roots.push(index);
  }
  const ordered = inOrder(spans, children, roots);
  const startUs = ordered.reduce((least, span) => Math.min(least, span.startUs), Number.POSITIVE_INFINITY);
  const endUs = ordered.reduce((most, span) => Math.max(most, span.startUs + span.durationUs), 0);
  const root = ordered[0];
  return {
    id: raw.traceID,
    startUs: Number.isFinite(startUs) ? startUs : 0,
    durationUs: Math.max(0, endUs - (Number.isFinite(startUs) ? startUs : 0)),
    spans: ordered,
    services: [...new Set(ordered.map((span) => span.service))],
    errors: ordered.filter((span) => span.isError).length,
    rootName: root?.name ?? "",
    rootService: root?.service ?? "",
  };
}

function inOrder(spans: readonly TraceSpan[], children: readonly number[][], roots: readonly number[]): TraceSpan[] {
  const byStart = (a: number, b: number) => (spans[a]?.startUs ?? 0) - (spans[b]?.startUs ?? 0);
  const ordered: TraceSpan[] = [];
  const seen = new Set<number>();
  const visit = (from: number) => {
    // Depth first without recursion: traces may be thousands of spans deep.
    const stack: { index: number; parent: number; depth: number }[] = [{ index: from, parent: -1, depth: 0 }];
    for (let next = stack.pop(); next; next = stack.pop()) {
      const span = spans[next.index];
      if (!span || seen.has(next.index)) continue;
      seen.add(next.index);
      span.parent = next.parent;
      span.depth = next.depth;
      const at = ordered.push(span) - 1;
      const below = (children[next.index] ?? []).toSorted(byStart);
      for (const index of below.toReversed()) stack.push({ index, parent: at, depth: next.depth + 1 });
    }
  };
  for (const root of roots.toSorted(byStart)) visit(root);
  // What only hangs in a loop would otherwise be lost.
  for (let index = 0; index < spans.length; index += 1) if (!seen.has(index)) visit(index);
  for (let index = ordered.length - 1; index >= 0; index -= 1) {
    const span = ordered[index];
    const parent = span && span.parent >= 0 ? ordered[span.parent] : undefined;
    if (parent && span) parent.below += span.below + 1;
  }
  setSelfTimes(ordered);
  return ordered;
}

/** Self time: what no child covers. Children that run side by side count once. */
function setSelfTimes(ordered: readonly TraceSpan[]): void {
  const coveredTo = ordered.map((span) => span.startUs);
  for (const span of ordered) {
    // Children come in order of start, so that one pass merges what overlaps.
    const parent = span.parent >= 0 ? ordered[span.parent] : undefined;
    if (!parent) continue;
    const end = Math.min(span.startUs + span.durationUs, parent.startUs + parent.durationUs);
    const from = Math.max(span.startUs, coveredTo[span.parent] ?? 0);
    if (end > from) {
      parent.selfUs = Math.max(0, parent.selfUs - (end - from));
      coveredTo[span.parent] = end;
    }
  }
}

export interface PathPiece {
  span: number;
  startUs: number;
  endUs: number;
}

/** The pieces of spans that the trace waited for, from the end backwards: shortening any shortens it. */
export function criticalPath(trace: Trace): PathPiece[] {
  const children: number[][] = trace.spans.map(() => []);
  for (const [index, span] of trace.spans.entries()) if (span.parent >= 0) children[span.parent]?.push(index);
  const end = (index: number) => (trace.spans[index]?.startUs ?? 0) + (trace.spans[index]?.durationUs ?? 0);
  const pieces: PathPiece[] = [];
  // Each entry: walk the span back from `until`.
  const stack: { index: number; until: number; waiting: number[] }[] = [];
  const enter = (index: number, until: number) => {
    const waiting = (children[index] ?? []).toSorted((a, b) => end(a) - end(b));
    stack.push({ index, until, waiting });
  };
  if (trace.spans.length > 0) enter(0, end(0));
  for (let top = stack.at(-1); top; top = stack.at(-1)) {
    const span = trace.spans[top.index];
    if (!span) break;
    const child = top.waiting.pop();
    if (child === undefined) {
      if (top.until > span.startUs) pieces.push({ span: top.index, startUs: span.startUs, endUs: top.until });
      stack.pop();
      continue;
    }
    const childSpan = trace.spans[child];
    // A child that ends after what is already covered was not waited for there.
    if (!childSpan || end(child) > top.until || childSpan.startUs < span.startUs) continue;
    if (top.until > end(child)) pieces.push({ span: top.index, startUs: end(child), endUs: top.until });
    top.until = childSpan.startUs;
    enter(child, end(child));
  }
  return pieces;
}

/** `1.25 ms` for microseconds. */
export function formatMicroseconds(us: number): string {
  if (us < 1_000) return `${Number(us.toPrecision(3))} µs`;
  if (us < 1e6) return `${Number((us / 1e3).toPrecision(3))} ms`;
  if (us < 6e7) return `${Number((us / 1e6).toPrecision(3))} s`;
  return `${Math.floor(us / 6e7)}m ${Math.round((us % 6e7) / 1e6)}s`;
}
