import { expect, test } from "vitest";

import { alignSpan, chooseStep, formatDuration, parseDuration, readTimeRange, resolveRange, resolveTime, shortName } from "@/url/time-range";

test("durations are read and written", () => {
  expect(parseDuration("1h30m")).toBe(5_400);
  expect(parseDuration("90")).toBeNull();
  expect(parseDuration("")).toBeNull();
  expect(formatDuration(5_400)).toBe("1h30m");
});

test("ranges are those of the address", () => {
  expect(readTimeRange(new URLSearchParams("from=now-6h&to=now"))).toEqual({ from: "now-6h", to: "now" });
  expect(readTimeRange(new URLSearchParams("range=1h"))).toEqual({ from: "now-1h", to: "now" });
  expect(readTimeRange(new URLSearchParams("range=1h&end=1764086400"))).toEqual({ from: "1764082800000", to: "1764086400000" });
  expect(readTimeRange(new URLSearchParams("range=x"))).toEqual({ from: "now-15m", to: "now" });
  expect(shortName({ from: "now-6h", to: "now" })).toBe("6h");
  expect(shortName({ from: "now/d", to: "now" })).toBeNull();
});

test("ends are resolved", () => {
  const now = 1_764_086_400_000;
  expect(resolveTime("now-1h", now)).toBe(1_764_082_800);
  expect(resolveTime("1764086400000", now)).toBe(1_764_086_400);
  expect(resolveTime("2025-11-25T16:00:00Z", now)).toBe(1_764_086_400);
  expect(resolveTime("rubbish", now)).toBeNull();
  expect(resolveRange({ from: "rubbish", to: "now" }, now)).toEqual({ start: 1_764_085_500, end: 1_764_086_400 });
});

test("steps are round and points lie on their grid", () => {
  expect(chooseStep({ start: 0, end: 3_600 })).toBe(15);
  expect(chooseStep({ start: 0, end: 60 })).toBe(1);
  expect(alignSpan({ start: 7, end: 67 }, 15)).toEqual({ start: 0, end: 60, step: 15 });
});
