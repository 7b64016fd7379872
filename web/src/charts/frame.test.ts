import { expect, test } from "vitest";

import { gridOf, onGrid, stacked } from "@/charts/frame";

const bounds = { start: 100, end: 160, step: 15 };

test("series are laid on the grid, gaps stay gaps", () => {
  expect(gridOf(bounds)).toEqual([100, 115, 130, 145, 160]);
  const series = { metric: {}, values: [[100, "1"], [130, "NaN"], [145, "4"], [999, "5"]] as [number, string][] };
  expect(onGrid(series, bounds)).toEqual([1, null, null, 4, null]);
});

test("lines of a group stand on each other, hidden ones take no room", () => {
  const lines = [
    { name: "a", values: [1, 2], stack: "A" },
    { name: "b", values: [9, 9], stack: "A", isHidden: true },
    { name: "c", values: [3, null], stack: "A" },
    { name: "d", values: [5, 5], isNegative: true },
  ];
  expect(stacked(lines)).toEqual([[1, 2], [9, 9], [4, null], [-5, -5]]);
});
