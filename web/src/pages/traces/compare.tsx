// Two traces beside each other: which ways are only in one, and where the time differs.
import { useMemo } from "react";
import { Link } from "react-router";

import { useTrace } from "@/api/traces";
import { compare, gather } from "@/lib/span-tree";
import { useText } from "@/lib/text/text";
import { formatMicroseconds } from "@/lib/trace";
import { Empty, Notice, Waiting } from "@/ui/notice";
import { Panel } from "@/ui/panel";
import { VirtualList } from "@/ui/virtual-list";

const head = (id: string, durationUs: number) => (
  <span className="number">
    <Link to={`/trace/${id}`} className="mono">
      {id.slice(0, 8)}
    </Link>
    {` ${formatMicroseconds(durationUs)}`}
  </span>
);

export function CompareTraces({ left, right }: { left: string; right: string }) {
  const { text } = useText();
  const [first, second] = [useTrace(left), useTrace(right)];
  const rows = useMemo(() => (first.data && second.data ? compare(gather(first.data), gather(second.data)) : []), [first.data, second.data]);
  if (first.error ?? second.error) return <Notice error={first.error ?? second.error} />;
  if (first.data === undefined || second.data === undefined) return <Waiting label={text.loading} height={200} />;
  if (!first.data || !second.data) return <Empty title={text.noTrace}>{text.noTraceHint}</Empty>;
  const most = Math.max(1, ...rows.map((row) => Math.abs((row.right?.totalUs ?? 0) - (row.left?.totalUs ?? 0))));
  const template = "minmax(200px, 1fr) 110px 110px 200px";
  return (
    <Panel title={text.comparison} flush>
      <VirtualList
        count={rows.length}
        rowHeight={28}
        height="calc(100dvh - 200px)"
        label={text.comparison}
        minWidth={700}
        header={
          <div className="grid-row head" style={{ gridTemplateColumns: template }}>
            <span>{text.operation}</span>
            {head(left, first.data.durationUs)}
            {head(right, second.data.durationUs)}
            <span>{text.duration}</span>
          </div>
        }
        row={(index) => {
          const row = rows[index];
          if (!row) return null;
          const change = (row.right?.totalUs ?? 0) - (row.left?.totalUs ?? 0);
          const only = row.left === null ? text.onlyRight : row.right === null ? text.onlyLeft : null;
          return (
            <div key={row.key} className="grid-row" style={{ gridTemplateColumns: template }}>
              <span className="ellipsis" style={{ paddingLeft: row.depth * 14 }}>
                <b>{row.service}</b> {row.name} {only ? <span className={`pill ${row.left === null ? "warn" : ""}`}>{only}</span> : null}
              </span>
              <span>{row.left ? `${formatMicroseconds(row.left.totalUs)}${row.left.count > 1 ? ` ×${row.left.count}` : ""}` : "–"}</span>
              <span>{row.right ? `${formatMicroseconds(row.right.totalUs)}${row.right.count > 1 ? ` ×${row.right.count}` : ""}` : "–"}</span>
              <span style={{ position: "relative", height: 20 }}>
                <span style={{ position: "absolute", top: 4, height: 12, borderRadius: 2, background: change > 0 ? "var(--bad)" : "var(--good)", opacity: 0.6, left: change > 0 ? "50%" : `${50 - (45 * -change) / most}%`, width: `${(45 * Math.abs(change)) / most}%` }} />
                <span style={{ position: "absolute", left: change > 0 ? 0 : "52%" }}>{`${change > 0 ? "+" : "−"}${formatMicroseconds(Math.abs(change))}`}</span>
              </span>
            </div>
          );
        }}
      />
    </Panel>
  );
}
