// Tables: cells with colours, gauges, lines and links; sorted by a click on a column's head.
import { useMemo, useState } from "react";

import { Sparkline } from "@/charts/sparkline";
import { type Display, displayOf, flatNames } from "@/lib/dashboard/field-config";
import { type Cell, type Field, type Frame, lengthOf, toNumber, toText } from "@/lib/dashboard/frame";
import { type Chosen, interpolate, one, type Scope } from "@/lib/dashboard/interpolate";
import { list, number, object, string } from "@/lib/dashboard/model";
import { safeHref } from "@/lib/rich-text";
import { useText } from "@/lib/text/text";
import type { DrawingProps } from "@/pages/dashboards/drawing";

const ROWS_MAX = 500;

/** Tables of before version 7 have styles where fields have settings now: `hidden` ones are left out. */
function isHidden(field: Field, styles: readonly unknown[]): boolean {
  const { custom } = displayOf(field);
  return custom.hidden === true || object(custom.hideFrom).viz === true || styles.some((style) => object(style).type === "hidden" && string(object(style).pattern) === field.name);
}

/** Frames of one series each as one table: one row a value. */
function asTable(frames: readonly Frame[]): Frame | undefined {
  if (frames.length < 2 || frames.some((frame) => !frame.isSeries)) return frames[0];
  const labels = [...new Set(frames.flatMap((frame) => frame.fields.flatMap((field) => Object.keys(field.labels ?? {}))))].filter((label) => label !== "__name__");
  const rows = frames.flatMap((frame) => Array.from({ length: lengthOf(frame) }, (_, row) => ({ frame, row })));
  const first = frames[0]?.fields.find((field) => field.type === "number");
  const [time] = frames[0]?.fields ?? [];
  if (!first || !time) return frames[0];
  const numberIn = (frame: Frame) => frame.fields.find((field) => field.type === "number");
  return {
    refId: frames[0]?.refId ?? "A",
    fields: [
      { ...time, values: rows.map(({ frame, row }) => frame.fields[0]?.values[row] ?? null) },
      ...labels.map((name): Field => ({ name, type: "string", values: rows.map(({ frame }) => numberIn(frame)?.labels?.[name] ?? "") })),
      { ...first, name: "Value", values: rows.map(({ frame, row }) => numberIn(frame)?.values[row] ?? null) },
    ],
  };
}

function cellScope(scope: Scope, display: Display, cell: Cell, frame: Frame, row: number): Scope {
  const own = new Map<string, Chosen>(scope);
  const value = display.show(cell);
  own.set("__value_text", one(value.text)).set("__value_raw", one(toText(cell))).set("__value_numeric", one(toText(value.value))).set("__value", one(value.text));
  for (const field of frame.fields) own.set(`__data_fields_${field.name}`, one(toText(field.values[row])));
  return own;
}

function CellView({ field, cell, frame, row, scope }: { field: Field; cell: Cell; frame: Frame; row: number; scope: Scope }) {
  const display = displayOf(field);
  const line = typeof cell === "object" && cell !== null && "line" in cell ? (cell as { line: (number | null)[] }).line : null;
  if (line) return <Sparkline values={line} color={display.seriesColor} />;
  const shown = display.show(cell);
  const options = object(display.custom.cellOptions);
  const kind = string(options.type) || string(display.custom.displayMode, "auto");
  const [link] = display.links;
  const href = link ? safeHref(interpolate(flatNames(link.url), cellScope(scope, display, cell, frame, row))) : undefined;
  const content = href ? <a href={href} target={link?.targetBlank ? "_blank" : undefined} rel="noreferrer">{shown.text}</a> : shown.text;
  if (kind.startsWith("color-background")) return <span className="cell-fill" style={{ background: shown.color }}>{content}</span>;
  if (kind.startsWith("color")) return <span style={{ color: shown.color }}>{content}</span>;
  if (kind.includes("gauge")) {
    const all = field.values.map(toNumber).filter((value) => value !== null);
    const high = display.max ?? Math.max(1e-12, ...all);
    const low = display.min ?? Math.min(0, ...all);
    const share = shown.value === null ? 0 : Math.max(0, Math.min(1, (shown.value - low) / (high - low || 1)));
    return (
      <span style={{ display: "flex", gap: 8, alignItems: "center" }}>
        <span style={{ flex: 1, minWidth: 50, background: "var(--line)", height: 10, borderRadius: 2 }}>
          <span style={{ display: "block", width: `${share * 100}%`, height: 10, background: shown.color, borderRadius: 2 }} />
        </span>
        <span style={{ color: shown.color }}>{content}</span>
      </span>
    );
  }
  return content;
}

export function Table({ panel, frames, scope }: DrawingProps) {
  const { text } = useText();
  const frame = useMemo(() => asTable(frames), [frames]);
  const given = object(list(panel.options.sortBy)[0]);
  const [sort, setSort] = useState({ name: string(given.displayName), isDown: given.desc === true });
  const order = useMemo(() => {
    const rows = Array.from({ length: frame ? lengthOf(frame) : 0 }, (_, row) => row);
    const by = frame?.fields.find((field) => displayOf(field).name === sort.name);
    if (!by) return rows;
    const sign = sort.isDown ? -1 : 1;
    return rows.toSorted((a, b) => {
      const [left, right] = [toNumber(by.values[a]), toNumber(by.values[b])];
      return sign * (left !== null && right !== null ? left - right : toText(by.values[a]).localeCompare(toText(by.values[b])));
    });
  }, [frame, sort]);
  if (!frame) return <div className="empty">{text.noData}</div>;
  const fields = frame.fields.filter((field) => !isHidden(field, list(panel.raw.styles)));
  return (
    <>
      <table className="plain-table">
        {panel.options.showHeader === false ? null : (
          <thead>
            <tr>
              {fields.map((field) => {
                const { name, custom } = displayOf(field);
                const isBy = sort.name === name;
                return (
                  <th key={field.name} className={field.type === "number" ? "number" : ""} style={{ width: number(custom.width) ?? undefined }} aria-sort={isBy ? (sort.isDown ? "descending" : "ascending") : undefined}>
                    <button type="button" className="head-button" onClick={() => setSort({ name, isDown: isBy && !sort.isDown })}>
                      {name} {isBy ? (sort.isDown ? "↓" : "↑") : ""}
                    </button>
                  </th>
                );
              })}
            </tr>
          </thead>
        )}
        <tbody>
          {order.slice(0, ROWS_MAX).map((row) => (
            <tr key={row}>
              {fields.map((field) => (
                <td key={field.name} className={field.type === "number" ? "number" : ""} style={{ textAlign: (string(displayOf(field).custom.align) || undefined) as "left" | undefined }}>
                  <CellView field={field} cell={field.values[row]} frame={frame} row={row} scope={scope} />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {order.length > ROWS_MAX ? <div className="soft">{`${ROWS_MAX} / ${order.length} ${text.rowsShown}`}</div> : null}
    </>
  );
}
