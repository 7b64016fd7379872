import { expect, test } from "vitest";

import { formatLabels, formatLegend, formatValue, shortNames } from "@/lib/format";

test.each([
  [0, "short", undefined, "0"],
  [12_345, "short", undefined, "12.3 K"],
  [1_610_612_736, "bytes", undefined, "1.5 GiB"],
  [1_500_000, "decbytes", 1, "1.5 MB"],
  [0.875, "percentunit", undefined, "87.5%"],
  [42, "percent", 2, "42.00%"],
  [0.0125, "s", undefined, "12.5 ms"],
  [90_000, "s", undefined, "1.04 day"],
  [1_500, "ms", undefined, "1.5 s"],
  [1.5e6, "bps", undefined, "1.5 Mb/s"],
  [12, "suffix:apples", undefined, "12 apples"],
  [7, "currencyEUR", undefined, "€7"],
  [Number.NaN, "s", undefined, "NaN"],
  [1_048_576, "kbytes", undefined, "1 GiB"],
  [5, "unheard-of", undefined, "5 unheard-of"],
] as const)("%d of %s", (value, unit, decimals, expected) => {
  expect(formatValue(value, unit, decimals)).toBe(expected);
});

test("labels and legends", () => {
  expect(formatLabels({ __name__: "up", job: "node" })).toBe('up{job="node"}');
  expect(formatLegend("{{ job }} at {{gone}}", { job: "node" })).toBe("node at ");
  expect(shortNames([{ job: "a", cpu: "0" }, { job: "a", cpu: "1" }])).toEqual(["0", "1"]);
});
