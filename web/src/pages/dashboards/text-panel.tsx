// Texts of dashboards.
import { createElement, type ReactNode } from "react";

import { interpolate } from "@/lib/dashboard/interpolate";
import { string } from "@/lib/dashboard/model";
import { readHtml, readMarkdown, type RichNode } from "@/lib/rich-text";
import type { DrawingProps } from "@/pages/dashboards/drawing";

function draw(nodes: readonly RichNode[]): ReactNode[] {
  return nodes.map((node, index) => {
    if (node.tag === "#text") return node.text;
    // Headings of a text come below the page's own.
    const tag = /^h[1-3]$/.test(node.tag) ? "h4" : node.tag;
    const link = node.href ? { href: node.href, ...(node.href.startsWith("http") ? { target: "_blank", rel: "noreferrer" } : {}) } : {};
    // oxlint-disable-next-line react/no-array-index-key
    return createElement(tag, { key: index, ...link }, ...(node.children.length > 0 ? draw(node.children) : []));
  });
}

export function TextPanel({ panel, scope }: DrawingProps) {
  const content = interpolate(string(panel.options.content) || string(panel.raw.content), scope);
  const mode = string(panel.options.mode) || string(panel.raw.mode, "markdown");
  if (mode === "code" || mode === "text") return <pre className="mono" style={{ whiteSpace: "pre-wrap", margin: 0 }}>{content}</pre>;
  const isHtml = mode === "html" || /^\s*<[a-z]/i.test(content);
  return <div className="rich-text">{draw(isHtml ? readHtml(content) : readMarkdown(content))}</div>;
}
