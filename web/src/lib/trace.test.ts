import { expect, test } from "vitest";

import { criticalPath, type JaegerSpan, readTrace } from "@/lib/trace";

function span(id: string, parent: string | null, startTime: number, duration: number): JaegerSpan {
  return {
    traceID: "t",
    spanID: id,
    operationName: id,
    references: parent ? [{ refType: "CHILD_OF", traceID: "t", spanID: parent }] : [],
    startTime,
    duration,
    processID: "p",
  };
}

const read = (spans: JaegerSpan[]) => readTrace({ traceID: "t", spans, processes: { p: { serviceName: "shop" } } });

test("spans are in the order of the tree, with depth and self time", () => {
  const trace = read([span("c", "b", 30, 10), span("b", "a", 10, 50), span("a", null, 0, 100), span("d", "a", 40, 40)]);
  expect(trace.spans.map((one) => [one.id, one.depth, one.below, one.selfUs])).toEqual([
    ["a", 0, 3, 30],
    ["b", 1, 1, 40],
    ["c", 2, 0, 10],
    ["d", 1, 0, 40],
  ]);
  expect(trace.durationUs).toBe(100);
});

test("missing parents and loops lose no span", () => {
  expect(read([span("a", "gone", 0, 1), span("b", "c", 1, 1), span("c", "b", 1, 1)]).spans).toHaveLength(3);
  expect(read([]).spans).toEqual([]);
});

test("the critical path covers the root without gaps", () => {
  const path = criticalPath(read([span("a", null, 0, 100), span("b", "a", 10, 30), span("c", "a", 20, 60)]));
  const total = path.reduce((sum, piece) => sum + piece.endUs - piece.startUs, 0);
  expect(total).toBe(100);
  expect(path.map((piece) => [piece.span, piece.startUs, piece.endUs])).toEqual([
    [0, 80, 100],
    [2, 20, 80],
    [0, 0, 20],
  ]);
});
