// Texts of dashboards, in Markdown or HTML, as a tree of the few elements that are harmless. Nothing of
// them becomes markup of the page by itself: the page makes its own elements from this tree.

export interface RichNode {
  tag: string;
  text?: string;
  href?: string;
  children: RichNode[];
}

const NODES_MAX = 2_000;
const ALLOWED = new Set(["a", "b", "strong", "i", "em", "u", "s", "del", "code", "pre", "p", "br", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "blockquote", "table", "thead", "tbody", "tr", "td", "th", "div", "span", "center", "small", "sub", "sup"]);
const DROPPED = new Set(["script", "style", "iframe", "object", "embed", "template", "noscript", "svg", "math", "title", "head"]);

const words = (text: string): RichNode => ({ tag: "#text", text, children: [] });

/** An address that a link may lead to; undefined for `javascript:` and the like. */
export function safeHref(href: string): string | undefined {
  const plain = href.trim();
  return /^(https?:\/\/|mailto:|\/(?!\/)|#|\?)/i.test(plain) ? plain : undefined;
}

const INLINE = /`([^`]+)`|\*\*([^*]+)\*\*|__([^_]+)__|\*([^*\s][^*]*)\*|\[([^\]]*)\]\(([^)\s]*)(?:\s+"[^"]*")?\)|(https?:\/\/[^\s<>)]+)/g;

function inline(text: string, depth = 0): RichNode[] {
  if (depth > 4) return [words(text)];
  const nodes: RichNode[] = [];
  let at = 0;
  for (const match of text.matchAll(INLINE)) {
    if (match.index > at) nodes.push(words(text.slice(at, match.index)));
    at = match.index + match[0].length;
    const [, code, bold, strong, italic, label, href, bare] = match;
    const target = href ?? bare;
    if (code !== undefined) nodes.push({ tag: "code", children: [words(code)] });
    else if (target !== undefined) {
      const safe = safeHref(target);
      nodes.push({ tag: safe ? "a" : "span", ...(safe ? { href: safe } : {}), children: bare ? [words(bare)] : inline(label ?? "", depth + 1) });
    } else nodes.push({ tag: italic === undefined ? "strong" : "em", children: inline(bold ?? strong ?? italic ?? "", depth + 1) });
  }
  if (at < text.length) nodes.push(words(text.slice(at)));
  return nodes;
}

/** The usual part of Markdown: headings, paragraphs, lists, code, quotes, tables, links and emphasis. */
export function readMarkdown(source: string): RichNode[] {
  const nodes: RichNode[] = [];
  const lines = source.replaceAll("\r", "").split("\n").slice(0, NODES_MAX);
  let paragraph: string[] = [];
  const flush = () => {
    if (paragraph.length > 0) nodes.push({ tag: "p", children: inline(paragraph.join("\n")) });
    paragraph = [];
  };
  for (let at = 0; at < lines.length; at += 1) {
    const line = lines[at] ?? "";
    const heading = /^(#{1,6})\s+(.*?)\s*#*$/.exec(line);
    const item = /^\s*([-*+]|\d+[.)])\s+(.*)$/.exec(line);
    if (/^\s*```/.test(line)) {
      flush();
      const end = lines.findIndex((other, index) => index > at && /^\s*```/.test(other));
      nodes.push({ tag: "pre", children: [words(lines.slice(at + 1, end < 0 ? undefined : end).join("\n"))] });
      at = end < 0 ? lines.length : end;
    } else if (heading) {
      flush();
      nodes.push({ tag: `h${heading[1]?.length ?? 1}`, children: inline(heading[2] ?? "") });
    } else if (/^\s*([-*_])(\s*\1){2,}\s*$/.test(line)) {
      flush();
      nodes.push({ tag: "hr", children: [] });
    } else if (item) {
      flush();
      const tag = /\d/.test(item[1] ?? "") ? "ol" : "ul";
      const last = nodes.at(-1);
      const entry = { tag: "li", children: inline(item[2] ?? "") };
      if (last?.tag === tag) last.children.push(entry);
      else nodes.push({ tag, children: [entry] });
    } else if (/^\s*\|.*\|\s*$/.test(line)) {
      flush();
      const cells = line.trim().slice(1, -1).split("|").map((cell) => cell.trim());
      if (cells.every((cell) => /^:?-+:?$/.test(cell))) continue;
      const last = nodes.at(-1);
      const row = { tag: "tr", children: cells.map((cell) => ({ tag: last?.tag === "table" ? "td" : "th", children: inline(cell) })) };
      if (last?.tag === "table") last.children[0]?.children.push(row);
      else nodes.push({ tag: "table", children: [{ tag: "tbody", children: [row] }] });
    } else if (/^\s*>/.test(line)) {
      flush();
      nodes.push({ tag: "blockquote", children: inline(line.replace(/^\s*>\s?/, "")) });
    } else if (line.trim() === "") flush();
    else paragraph.push(line);
  }
  flush();
  return nodes;
}

/** HTML as that tree; read by the browser's parser into a document that runs nothing. Handlers are renamed
 * first, or the browser would report each as a breach of the page's policy. */
export function readHtml(source: string): RichNode[] {
  let left = NODES_MAX;
  const visit = (parent: Node): RichNode[] =>
    [...parent.childNodes].flatMap((node): RichNode[] => {
      left -= 1;
      if (left < 0) return [];
      if (node.nodeType === Node.TEXT_NODE) return node.textContent ? [words(node.textContent)] : [];
      if (!(node instanceof Element)) return [];
      const tag = node.tagName.toLowerCase();
      if (DROPPED.has(tag)) return [];
      if (!ALLOWED.has(tag)) return visit(node);
      const href = tag === "a" ? safeHref(node.getAttribute("href") ?? "") : undefined;
      return [{ tag: tag === "a" && !href ? "span" : tag === "center" ? "div" : tag, ...(href ? { href } : {}), children: visit(node) }];
    });
  return visit(new DOMParser().parseFromString(source.replace(/\son\w+\s*=/gi, " data-dropped="), "text/html").body);
}
