// Who calls whom, from the spans of the range.
import { useElementSize } from "@mantine/hooks";
import { useMemo } from "react";
import { useNavigate, useSearchParams } from "react-router";

import { type Dependency, useDependencies, useServices } from "@/api/traces";
import { colorByName } from "@/charts/colors";
import { columnsOf } from "@/lib/layers";
import { useText } from "@/lib/text/text";
import { useRed } from "@/pages/now/red";
import { Empty, Notice, Waiting } from "@/ui/notice";
import { Panel } from "@/ui/panel";
import { address, useTimeRange } from "@/url/clock";

const BOX = { width: 150, height: 46, gap: 26 };

function Graph({ edges, errors }: { edges: readonly Dependency[]; errors: ReadonlyMap<string, number> }) {
  const { text } = useText();
  const navigate = useNavigate();
  const [search] = useSearchParams();
  const { ref, width } = useElementSize();
  const columns = useMemo(() => {
    const nodes = [...new Set(edges.flatMap((edge) => [edge.parent, edge.child]))].toSorted();
    return columnsOf(nodes, edges.map((edge) => ({ from: edge.parent, to: edge.child })));
  }, [edges]);
  const tallest = Math.max(1, ...columns.map((column) => column.length));
  const height = Math.max(260, tallest * (BOX.height + BOX.gap) + 20);
  const step = columns.length > 1 ? Math.max(BOX.width + 60, (Math.max(width, 320) - BOX.width - 20) / (columns.length - 1)) : 0;
  const whole = Math.max(width, step * (columns.length - 1) + BOX.width + 20);
  const place = new Map<string, { x: number; y: number }>();
  for (const [at, column] of columns.entries()) {
    for (const [row, node] of column.entries()) place.set(node, { x: 10 + at * step, y: ((row + 0.5) * height) / column.length - BOX.height / 2 });
  }
  const most = Math.max(1, ...edges.map((edge) => edge.callCount));
  return (
    <div ref={ref} style={{ overflow: "auto" }}>
      <svg width={whole} height={height} role="group" aria-label={text.services}>
        <defs>
          <marker id="arrow" viewBox="0 0 8 8" refX={8} refY={4} markerWidth={8} markerHeight={8} markerUnits="userSpaceOnUse" orient="auto">
            <path d="M0 0L8 4L0 8z" fill="var(--ink-soft)" />
          </marker>
        </defs>
        {edges.map((edge) => {
          const [from, to] = [place.get(edge.parent), place.get(edge.child)];
          if (!from || !to || edge.parent === edge.child) return null;
          const [x1, y1, x2, y2] = [from.x + BOX.width, from.y + BOX.height / 2, to.x - 2, to.y + BOX.height / 2];
          const middle = (x1 + x2) / 2;
          return (
            <g key={`${edge.parent} ${edge.child}`}>
              <path d={`M${x1} ${y1}C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}`} fill="none" stroke="var(--ink-soft)" strokeOpacity={0.55} strokeWidth={1 + (4 * edge.callCount) / most} markerEnd="url(#arrow)" />
              <text x={middle} y={(y1 + y2) / 2 - 6} fontSize={11} textAnchor="middle" fill="var(--ink-soft)">
                {edge.callCount.toLocaleString()}
              </text>
            </g>
          );
        })}
        {[...place].map(([node, { x, y }]) => {
          const share = errors.get(node);
          const isBad = (share ?? 0) > 0.02;
          return (
            <a
              key={node}
              href={address("/explore/traces", { service: node }, search)}
              onClick={(event) => {
                event.preventDefault();
                navigate(address("/explore/traces", { service: node }, search));
              }}
            >
              <rect x={x} y={y} width={BOX.width} height={BOX.height} rx={8} fill="var(--surface-raised)" stroke={isBad ? "var(--bad)" : "var(--line-strong)"} strokeWidth={isBad ? 2 : 1} />
              <rect x={x} y={y + 8} width={4} height={BOX.height - 16} rx={2} fill={colorByName(node)} />
              <text x={x + 14} y={y + 20} fontSize={13} fontWeight={600} fill="var(--ink)">
                {node.length > 17 ? `${node.slice(0, 16)}…` : node}
              </text>
              <text x={x + 14} y={y + 36} fontSize={11} fill={isBad ? "var(--bad)" : "var(--ink-soft)"}>
                {share === undefined ? text.traces : `${(100 * share).toFixed(1)}% ${text.errors.toLowerCase()}`}
              </text>
            </a>
          );
        })}
      </svg>
    </div>
  );
}

export default function ServiceGraph() {
  const { text } = useText();
  const { span } = useTimeRange();
  const { data, error } = useDependencies(span);
  const services = useServices();
  const red = useRed(span);
  const errors = useMemo(() => new Map(red.rows.filter((row) => row.errorShare !== null).map((row) => [row.service, row.errorShare ?? 0])), [red.rows]);
  return (
    <div className="stack">
      <Notice error={error} />
      {data && data.length > 0 ? (
        <Panel>
          <Graph edges={data} errors={errors} />
        </Panel>
      ) : data ? (
        <Empty title={services.data?.length === 0 ? text.noServices : text.noData}>{text.noServicesHint}</Empty>
      ) : error ? null : (
        <Waiting label={text.loading} height={300} />
      )}
    </div>
  );
}
