import { expect, test } from "vitest";

import { cutText, luceneTerm, makeLine, normalLevel, searchWords, withTerm } from "@/lib/log-line";

test("documents of several senders are lines", () => {
  const line = makeLine("1", "a", 5, { message: "hello", log: { level: "WARN" }, service: { name: "shop" }, "trace.id": "abc", n: 3 });
  expect(line).toMatchObject({ message: "hello", level: "WARN", service: "shop", traceId: "abc" });
  expect(line.fields["n"]).toBe("3");
  expect(normalLevel("WARNING")).toBe("warn");
  expect(normalLevel("Fatal")).toBe("error");
});

test("conditions are written in Lucene's syntax", () => {
  expect(luceneTerm("http.status", "500")).toBe("http.status:500");
  expect(luceneTerm("path", 'a "b" /c')).toBe('path:"a \\"b\\" /c"');
  expect(withTerm("a OR b", "c:1")).toBe("(a OR b) AND c:1");
  expect(withTerm("", "c:1", true)).toBe("NOT c:1");
});

test("words are marked, redactions shown", () => {
  expect(searchWords('error AND message:"two words" NOT gone level:info')).toEqual(["error", "two words"]);
  expect(cutText("an Error with [REDACTED]", ["error"])).toEqual([
    { text: "an ", kind: "plain" },
    { text: "Error", kind: "match" },
    { text: " with ", kind: "plain" },
    { text: "[REDACTED]", kind: "redacted" },
  ]);
});
