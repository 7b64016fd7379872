import { expect, test } from "vitest";

import { alerts } from "@/lib/text/alerts";
import type { Text } from "@/lib/text/text";
import { whySentence } from "@/lib/why";

const english = Object.fromEntries(Object.entries(alerts).map(([name, [first]]) => [name, first])) as Text;
const at = "2026-01-31T12:00:00Z";

test.each([
  [{ what: "joined", at, alert: "HighLoad[ab12]" }, "HighLoad[ab12] fires"],
  [{ what: "silenced", at, alert: "A", by: ["one", "two"] }, "A is silenced by one, two"],
  [{ what: "told", at, integration: "webhook[0]", reason: "new", firing: 2, resolved: 0, attempt: 1, took_ms: 12, detail: "" }, "webhook[0]: told (new), 2 firing, 0 resolved, attempt 1, 12 ms"],
  [{ what: "ended", at }, "the group is over"],
  [{ what: "a_kind_of_tomorrow", at }, "a_kind_of_tomorrow"],
  [{ what: "joined", at, alert: "{by}", by: "x" }, "{by} fires"],
])("%o", (entry, expected) => {
  expect(whySentence(entry, english)).toBe(expected);
});

test("equal entries are counted, moments are written for people", () => {
  const entry = { what: "acknowledged", at, by: "ana", until: at, count: 3, last: at };
  const said = whySentence(entry, english);
  expect(said).toMatch(/^ana takes care until 2026-0\d-\d\d \d\d:\d\d:\d\d \(3 times until 2026-/);
});
