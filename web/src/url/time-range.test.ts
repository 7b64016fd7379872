import { expect, test } from "vitest";

import { bounds, parseDuration, readTimeRange } from "@/url/time-range";

test("durations", () => {
  expect(parseDuration("1h30m")).toBe(5_400);
  expect(parseDuration("7d")).toBe(604_800);
  for (const wrong of ["", "1", "h", "1x", "-1h", "0s"]) expect(parseDuration(wrong)).toBeNull();
});

test("a range that cannot be read is the default", () => {
  expect(readTimeRange(new URLSearchParams("range=soon&end=x"))).toEqual({ seconds: 900, end: null });
  expect(readTimeRange(new URLSearchParams("range=5m&end=100"))).toEqual({ seconds: 300, end: 100 });
});

test("points stay where they are while time goes on", () => {
  const early = bounds({ seconds: 3_600, end: null }, 1_000_000_000);
  const late = bounds({ seconds: 3_600, end: null }, 1_000_005_000);
  expect(early.step).toBe(15);
  expect((late.end - early.end) % early.step).toBe(0);
  expect(early.end % early.step).toBe(0);
});
