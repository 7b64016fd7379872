// All that a panel asks, each target of its own data source.
import { runElasticsearch } from "@/api/datasource/elasticsearch";
import { runLogql } from "@/api/datasource/loki";
import { runPromql } from "@/api/datasource/prometheus";
import { inTurn } from "@/api/datasource/queue";
import { type AskedTarget, kindOf } from "@/api/datasource/target";
import { runTraces } from "@/api/datasource/traces";
import { type Frame, joinTimes, toNumber } from "@/lib/dashboard/frame";
import { interpolate, type Scope } from "@/lib/dashboard/interpolate";
import { type Panel, readSource, string, type Target } from "@/lib/dashboard/model";
import type { Span } from "@/url/time-range";

export interface PanelAnswer {
  frames: Frame[];
  notes: string[];
  /** What single targets failed with, while others answered. */
  errors: string[];
}

export interface PanelQuestion {
  panel: Panel;
  scope: Scope;
  span: Span;
  points: number;
  /** The panel of the same dashboard whose answers are taken. */
  find: (id: number) => Panel | undefined;
}

/** Targets as they are asked, with those that another panel lends. */
function targetsOf({ panel, find }: PanelQuestion): { target: Target; source: ReturnType<typeof readSource> }[] {
  return panel.targets.flatMap((target) => {
    const source = readSource(target.datasource) ?? panel.source;
    const lender = source?.uid === "-- Dashboard --" && typeof target.panelId === "number" ? find(target.panelId) : undefined;
    const isMixed = source?.uid === "-- Mixed --";
    return lender ? lender.targets.map((one) => ({ target: one, source: readSource(one.datasource) ?? lender.source })) : [{ target, source: isMixed ? readSource(target.datasource) : source }];
  });
}

const MATH = /^[\s\d.()+\-*/%]*$/;

/** `$A / $B` of server-side expressions over the series of one grid; `reduce` and others are not. */
function runMath(expression: string, frames: readonly Frame[], refId: string): Frame[] {
  const names = [...new Set([...expression.matchAll(/\$\{?(\w+)\}?/g)].map((match) => match[1] ?? ""))];
  if (names.length !== 2 || !MATH.test(expression.replace(/\$\{?\w+\}?/g, ""))) throw new Error(`expressions other than arithmetic of two queries are not there: ${expression}`);
  const [left, right] = names.map((name) => frames.filter((frame) => frame.refId === name));
  const operator = /[+\-*/%]/.exec(expression.replace(/\$\{?\w+\}?/g, ""))?.[0] ?? "+";
  const { times, columns } = joinTimes([...(left ?? []).slice(0, 1), ...(right ?? []).slice(0, 1)]);
  const [a, b] = columns;
  const values = times.map((_, index) => {
    const [x, y] = [toNumber(a?.values[index]), toNumber(b?.values[index])];
    if (x === null || y === null) return null;
    return operator === "-" ? x - y : operator === "*" ? x * y : operator === "/" ? x / y : operator === "%" ? x % y : x + y;
  });
  return [{ refId, isSeries: true, fields: [{ name: "Time", type: "time", values: times.map((at) => at * 1_000) }, { name: refId, sourceName: refId, type: "number", values }] }];
}

function runOne(asked: AskedTarget, kind: string, signal: AbortSignal): Promise<{ frames: Frame[]; notes: string[] }> {
  switch (kind) {
    case "prometheus":
      return runPromql(asked, signal);
    case "loki":
      return runLogql(asked, signal);
    case "elasticsearch":
      return runElasticsearch(asked, signal);
    case "traces":
      return runTraces(asked, signal);
    default:
      return Promise.reject(new Error(`data sources of type ${kind} are not served by Vigie`));
  }
}

/** Asks every target that is not hidden, side by side. It fails when all fail. */
export async function runPanel(question: PanelQuestion, signal: AbortSignal): Promise<PanelAnswer> {
  const { panel, scope, span, points } = question;
  const all = targetsOf(question).filter(({ target }) => target.hide !== true || isUsed(question, target));
  const tables = all.filter(({ target }) => target.format === "table").length;
  const asked = all.filter(({ source }) => source?.type !== "__expr__" && source?.uid !== "__expr__");
  const settled = await Promise.allSettled(
    asked.map(({ target, source }) => inTurn(signal, () => runOne({ target, scope, span, points, interval: panel.interval, tables }, kindOf(source, target, (text) => interpolate(text, scope)), signal))),
  );
  signal.throwIfAborted();
  const errors = settled.flatMap((one) => (one.status === "rejected" ? [one.reason as Error] : []));
  const [first] = errors;
  if (first && errors.length === settled.length) throw first;
  let frames = settled.flatMap((one) => (one.status === "fulfilled" ? one.value.frames : []));
  const notes = settled.flatMap((one) => (one.status === "fulfilled" ? one.value.notes : []));
  for (const { target, source } of all) {
    if (source?.type === "__expr__" || source?.uid === "__expr__") frames.push(...runMath(string(target.expression), frames, string(target.refId)));
  }
  const hidden = new Set(all.filter(({ target }) => target.hide === true).map(({ target }) => string(target.refId)));
  frames = frames.filter((frame) => !hidden.has(frame.refId));
  return { frames, notes: [...new Set(notes)], errors: errors.map((error) => error.message) };
}

/** A hidden target is asked only where an expression uses it. */
function isUsed({ panel }: PanelQuestion, target: Target): boolean {
  return panel.targets.some((other) => typeof other.expression === "string" && other.hide !== true && other.expression.includes(`$${string(target.refId)}`));
}
