import { expect, test } from "vitest";

import { columnsOf, layersOf } from "@/lib/layers";

test("callers stand left of those they call, loops end", () => {
  const edges = [{ from: "a", to: "b" }, { from: "b", to: "c" }, { from: "a", to: "c" }, { from: "c", to: "a" }];
  expect([...layersOf(["a", "b", "c"], edges.slice(0, 3))]).toEqual([["a", 0], ["b", 1], ["c", 2]]);
  expect(columnsOf(["a", "b", "c"], edges).flat().toSorted()).toEqual(["a", "b", "c"]);
});
