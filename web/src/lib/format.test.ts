import { expect, test } from "vitest";

import { formatLabels, formatValue } from "@/lib/format";

test("values", () => {
  expect(formatValue(12_345)).toBe("12.3k");
  expect(formatValue(1_342_177_280, "bytes")).toBe("1.25 GiB");
  expect(formatValue(0.0001234)).toBe("1.23e-4");
  expect(formatValue(87.26, "percent")).toBe("87.3 %");
  expect(formatValue(Number.NaN)).toBe("NaN");
  expect(formatValue(-2048, "bytes/s")).toBe("-2 KiB/s");
});

test("labels", () => {
  expect(formatLabels({ __name__: "up" })).toBe("up");
  expect(formatLabels({ __name__: "up", job: 'a"b' })).toBe('up{job="a\\"b"}');
  expect(formatLabels({ job: "a" }, ["job"])).toBe("{}");
});
