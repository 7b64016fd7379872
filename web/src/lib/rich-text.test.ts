import { expect, test } from "vitest";

import { readMarkdown, type RichNode, safeHref } from "@/lib/rich-text";

const flat = (nodes: readonly RichNode[]): string => nodes.map((node) => (node.tag === "#text" ? node.text : `<${node.tag}${node.href ? ` ${node.href}` : ""}>${flat(node.children)}</${node.tag}>`)).join("");

test("markdown becomes the page's own elements, and its markup stays text", () => {
  expect(flat(readMarkdown("# Shop\nsee **this** [page](/d/x) and `code`\n\n- one\n- two"))).toBe("<h1>Shop</h1><p>see <strong>this</strong> <a /d/x>page</a> and <code>code</code></p><ul><li>one</li><li>two</li></ul>");
  expect(flat(readMarkdown("<img src=x onerror=alert(1)> [bad](javascript:alert(1))"))).toContain("<p><img src=x onerror=alert(1)> <span>bad</span>");
  expect(flat(readMarkdown("|a|b|\n|-|-|\n|1|2|"))).toBe("<table><tbody><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></tbody></table>");
});

test("links lead to pages only", () => {
  expect(["https://example.org", "/d/x", "//evil.example", "javascript:alert(1)", " JaVaScript:x", "data:text/html,x"].map((href) => safeHref(href) !== undefined)).toEqual([true, true, false, false, false, false]);
});
