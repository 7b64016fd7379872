// Alertmanager's matchers as people write them: `severity="page", instance=~"db.*"`.

export interface Matcher {
  name: string;
  value: string;
  isRegex: boolean;
  isEqual: boolean;
}

/** What is wrong with a text of matchers, and where it begins. */
export interface MatcherFault {
  at: number;
  rest: string;
}

const NAME_AND_OPERATOR = /\s*([^\s"'`{},=!~]+)\s*(=~|!~|!=|=)\s*/y;
const VALUE = /"((?:[^"\\]|\\.)*)"|([^\s"'`{},]+)/y;
const BETWEEN = /\s*(,|$)\s*/y;

const ESCAPES: Record<string, string> = { n: "\n", '"': '"', "\\": "\\" };

function unescaped(text: string): string {
  return text.replace(/\\(.)/gs, (whole, letter: string) => ESCAPES[letter] ?? whole);
}

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

/** Matchers between commas, with or without braces around them; a value without quotes may not have spaces. */
export function parseMatchers(written: string): Matcher[] | MatcherFault {
  const text = written.trim().replace(/^\{(.*)\}$/s, "$1").trim().replace(/,$/, "");
  const found: Matcher[] = [];
  let at = 0;
  while (at < text.length) {
    const head = matchAt(NAME_AND_OPERATOR, text, at);
    const value = head ? matchAt(VALUE, text, at + head[0].length) : null;
    const end = head && value ? at + head[0].length + value[0].length : at;
    const between = value ? matchAt(BETWEEN, text, end) : null;
    if (!head?.[1] || !value || !between) return { at, rest: text.slice(at) };
    const operator = head[2] ?? "=";
    found.push({
      name: head[1],
      value: value[1] === undefined ? (value[2] ?? "") : unescaped(value[1]),
      isRegex: operator.endsWith("~"),
      isEqual: !operator.startsWith("!"),
    });
    at = end + between[0].length;
  }
  return found;
}

export function formatMatcher({ name, value, isRegex, isEqual }: Matcher): string {
  const operator = isRegex ? (isEqual ? "=~" : "!~") : isEqual ? "=" : "!=";
  const quoted = value.replace(/[\\"]/g, "\\$&").replace(/\n/g, "\\n");
  return `${name}${operator}"${quoted}"`;
}

export function formatMatchers(matchers: readonly Matcher[]): string {
  return matchers.map(formatMatcher).join(", ");
}

/** Matchers that hold for exactly these labels. */
export function matchersOf(labels: Record<string, string>): Matcher[] {
  return Object.entries(labels).map(([name, value]) => ({ name, value, isRegex: false, isEqual: true }));
}
