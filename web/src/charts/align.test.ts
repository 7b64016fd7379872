import { expect, test } from "vitest";

import { align } from "@/charts/align";

test("gaps stay gaps and infinities are none", () => {
  const series = [
    { metric: {}, values: [[10, "1"], [30, "3"]] as [number, string][] },
    { metric: {}, values: [[20, "+Inf"], [40, "4"]] as [number, string][] },
    { metric: {} },
  ];
  expect(align(series, 10, 30, 10)).toEqual([
    [10, 20, 30],
    [1, null, 3],
    [null, null, null],
    [null, null, null],
  ]);
});
