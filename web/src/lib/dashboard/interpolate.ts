// Variables in texts: `$name`, `${name}`, `${name:format}`, `[[name]]`.

/** What a variable stands for now. */
export interface Chosen {
  values: string[];
  text: string;
  /** All is chosen, and this stands for it as it is. */
  allValue?: string | undefined;
  isMulti: boolean;
}

export type Scope = ReadonlyMap<string, Chosen>;
export type Quote = (values: readonly string[], isMulti: boolean) => string;

export function one(value: string, text = value): Chosen {
  return { values: [value], text, isMulti: false };
}

const escapeRegex = (text: string) => text.replace(/[\\^$*+?.()|[\]{}/]/g, "\\$&");

/** As Prometheus' data source writes values: for `=~`, with the backslashes of a PromQL string doubled. */
export const quotePromql: Quote = (values, isMulti) => {
  if (!isMulti) return (values[0] ?? "").replace(/\\/g, "\\\\").replace(/'/g, "\\'");
  const escaped = values.map((value) => value.replace(/\\/g, "\\\\\\\\").replace(/[$^*{}[\]+?.()|]/g, "\\\\$&"));
  return escaped.length === 1 ? (escaped[0] ?? "") : `(${escaped.join("|")})`;
};

export const quoteLucene: Quote = (values, isMulti) => {
  const escaped = values.map((value) => value.replace(/([!*+\-=<>\s&|()[\]{}^~?:\\/"])/g, "\\$1"));
  if (!isMulti || escaped.length === 1) return escaped[0] ?? "";
  return `(${values.map((value) => `"${value.replace(/["\\]/g, "\\$&")}"`).join(" OR ")})`;
};

export const quotePlain: Quote = (values) => (values.length > 1 ? `{${values.join(",")}}` : (values[0] ?? ""));
export const quoteList: Quote = (values) => values.join(" + ");

function format(chosen: Chosen, how: string, name: string): string {
  const { values } = chosen;
  const isOne = values.length === 1;
  switch (how.split(":")[0]) {
    case "csv":
      return values.join(",");
    case "pipe":
      return values.join("|");
    case "regex":
      return isOne ? escapeRegex(values[0] ?? "") : `(${values.map(escapeRegex).join("|")})`;
    case "raw":
      return isOne ? (values[0] ?? "") : values.join(",");
    case "json":
      return JSON.stringify(isOne ? values[0] : values);
    case "lucene":
      return quoteLucene(values, chosen.isMulti);
    case "doublequote":
      return values.map((value) => `"${value.replaceAll('"', '\\"')}"`).join(",");
    case "singlequote":
      return values.map((value) => `'${value.replaceAll("'", "\\'")}'`).join(",");
    case "sqlstring":
      return values.map((value) => `'${value.replaceAll("'", "''")}'`).join(",");
    case "percentencode":
      return encodeURIComponent(isOne ? (values[0] ?? "") : `{${values.join(",")}}`);
    case "queryparam":
      return values.map((value) => `var-${name}=${encodeURIComponent(value)}`).join("&");
    case "distributed":
      return values.join(`,${name}=`);
    case "text":
      return chosen.text;
    case "date": {
      const date = new Date(Number(values[0]));
      if (Number.isNaN(date.getTime())) return values[0] ?? "";
      return how === "date:seconds" ? `${Math.floor(date.getTime() / 1_000)}` : date.toISOString();
    }
    default:
      return quotePlain(values, chosen.isMulti);
  }
}

const PATTERN = /\$(\w+)|\[\[(\w+?)(?::(\w+))?\]\]|\$\{(\w+)(?:\.([^:^}]+))?(?::([^}]+))?\}/g;

/** The text with variables replaced; those that are not known stay as they are. */
export function interpolate(text: string, scope: Scope, quote: Quote = quotePlain): string {
  if (!text.includes("$") && !text.includes("[[")) return text;
  return text.replace(PATTERN, (whole: string, plain?: string, old?: string, oldFormat?: string, braced?: string, _path?: string, braceFormat?: string) => {
    const name = plain ?? old ?? braced ?? "";
    const chosen = scope.get(name);
    if (!chosen) return whole;
    const how = oldFormat ?? braceFormat;
    if (chosen.allValue !== undefined && how !== "text") return chosen.allValue;
    return how ? format(chosen, how, name) : quote(chosen.values, chosen.isMulti);
  });
}

/** Names of variables in a text. */
export function variablesIn(text: string): string[] {
  return [...text.matchAll(PATTERN)].map((match) => match[1] ?? match[2] ?? match[4] ?? "");
}
