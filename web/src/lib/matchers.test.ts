import { expect, test } from "vitest";

import { formatMatchers, matchersOf, parseMatchers } from "@/lib/matchers";

test.each([
  ['severity="page"', 'severity="page"'],
  [' severity = page ,instance=~"db.*",', 'severity="page", instance=~"db.*"'],
  ['{a!="b", c!~"d|e"}', 'a!="b", c!~"d|e"'],
  ['a="with, comma and \\"quotes\\" and \\\\"', 'a="with, comma and \\"quotes\\" and \\\\"'],
  ['a=""', 'a=""'],
  ["", ""],
])("%s is read and written as %s", (written, expected) => {
  const matchers = parseMatchers(written);
  expect(Array.isArray(matchers) && formatMatchers(matchers)).toBe(expected);
});

test.each([
  ["severity", 0],
  ['a="b" c="d"', 0],
  ['a="b", c', 7],
  ['a="unclosed', 0],
  ["=b", 0],
])("%s is refused at %d", (written, at) => {
  expect(parseMatchers(written)).toMatchObject({ at });
});

test("markup and new lines come back as they were", () => {
  const labels = { job: '<img src=x onerror="alert(1)">', text: "two\nlines \\n" };
  const again = parseMatchers(formatMatchers(matchersOf(labels)));
  expect(again).toEqual(matchersOf(labels));
});
