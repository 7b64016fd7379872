// The fields of the lines found, each with its most frequent values.
import { TextInput } from "@mantine/core";
import { useState } from "react";

import { useTopValues } from "@/api/logs";
import { luceneTerm } from "@/lib/log-line";
import { useText } from "@/lib/text/text";
import { Icon } from "@/ui/icon";
import { Notice, Waiting } from "@/ui/notice";
import type { Span } from "@/url/time-range";

interface Props {
  search: string;
  span: Span;
  fields: readonly { name: string; share: number }[];
  columns: readonly string[];
  onTerm: (term: string, isNegative: boolean) => void;
  onColumn: (field: string) => void;
}

function TopValues({ search, span, field, onTerm }: Pick<Props, "search" | "span" | "onTerm"> & { field: string }) {
  const { text } = useText();
  const { data, error } = useTopValues(search, span, field);
  if (error) return <Notice error={error} />;
  if (!data) return <Waiting label={text.loading} height={60} />;
  return (
    <div style={{ padding: "2px 10px 8px" }}>
      <div className="soft" style={{ fontSize: 11, padding: "2px 0" }}>{`${text.topValues} · ${data.distinct} ${text.distinct}`}</div>
      {data.values.map(({ value, count }) => {
        const share = data.total > 0 ? (100 * count) / data.total : 0;
        return (
          <div key={value} style={{ padding: "2px 0" }}>
            <div style={{ display: "flex", gap: 4, fontSize: 12, alignItems: "center" }}>
              <span className="mono ellipsis" style={{ flex: 1 }} title={value}>
                {value}
              </span>
              <span className="soft" title={`${count} ${text.linesFound}`}>{`${share < 1 ? share.toFixed(1) : Math.round(share)}%`}</span>
              <button type="button" className="text-button" title={text.only} aria-label={`${text.only}: ${value}`} onClick={() => onTerm(luceneTerm(field, value), false)}>
                <Icon name="plus" size={13} />
              </button>
              <button type="button" className="text-button" title={text.without} aria-label={`${text.without}: ${value}`} onClick={() => onTerm(luceneTerm(field, value), true)}>
                <Icon name="minus" size={13} />
              </button>
            </div>
            <div style={{ height: 3, borderRadius: 2, background: "var(--surface-hover)" }}>
              <div style={{ height: 3, borderRadius: 2, background: "var(--accent)", width: `${share}%` }} />
            </div>
          </div>
        );
      })}
    </div>
  );
}

export function Fields({ search, span, fields, columns, onTerm, onColumn }: Props) {
  const { text } = useText();
  const [open, setOpen] = useState("");
  const [asked, setAsked] = useState("");
  const shown = fields.filter(({ name }) => name.toLowerCase().includes(asked.toLowerCase()));
  return (
    <aside className="panel" aria-label={text.fields} style={{ alignSelf: "start", maxHeight: "calc(100dvh - 90px)", overflow: "auto" }}>
      <div style={{ padding: 8 }}>
        <TextInput size="xs" value={asked} placeholder={text.fields} aria-label={text.fields} leftSection={<Icon name="search" size={14} />} onChange={(event) => setAsked(event.currentTarget.value)} />
      </div>
      {shown.map(({ name, share }) => (
        <div key={name}>
          <div style={{ display: "flex", alignItems: "center", paddingRight: 8 }}>
            <button type="button" className="metric-row" aria-expanded={open === name} onClick={() => setOpen(open === name ? "" : name)} title={`${name}: ${Math.round(share * 100)}% ${text.percentOf}`}>
              <span className="ellipsis">{name}</span>
            </button>
            <button type="button" className="text-button" aria-label={`${text.addColumn}: ${name}`} aria-pressed={columns.includes(name)} title={text.addColumn} style={columns.includes(name) ? {} : { color: "var(--ink-soft)" }} onClick={() => onColumn(name)}>
              <Icon name="table" size={14} />
            </button>
          </div>
          {open === name ? <TopValues search={search} span={span} field={name} onTerm={onTerm} /> : null}
        </div>
      ))}
    </aside>
  );
}
