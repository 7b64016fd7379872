// How a query was evaluated: the server's own trace of it.
import { useQuery } from "@tanstack/react-query";

import { queryText, request } from "@/api/client";
import { useText } from "@/lib/text/text";
import { Notice, Waiting } from "@/ui/notice";
import { Panel } from "@/ui/panel";
import type { Bounds } from "@/url/time-range";

interface Step {
  duration_msec: number;
  message: string;
  children?: Step[];
}

function Steps({ step, total, depth }: { step: Step; total: number; depth: number }) {
  if (depth > 12) return null;
  return (
    <>
      <div style={{ display: "flex", gap: 10, alignItems: "center", paddingLeft: depth * 16, fontSize: 12, lineHeight: "22px" }}>
        <span style={{ width: 84, flex: "none", background: "var(--surface-hover)", borderRadius: 3, height: 6 }}>
          <span style={{ display: "block", height: 6, borderRadius: 3, background: "var(--accent)", width: `${Math.min(100, (100 * step.duration_msec) / Math.max(total, 0.001))}%` }} />
        </span>
        <span style={{ width: 70, flex: "none", textAlign: "right" }}>{`${step.duration_msec.toFixed(2)} ms`}</span>
        <span className="mono" style={{ overflowWrap: "anywhere" }}>
          {step.message}
        </span>
      </div>
      {(step.children ?? []).map((child, index) => (
        // Steps have no identity but their place.
        // oxlint-disable-next-line react/no-array-index-key
        <Steps key={index} step={child} total={total} depth={depth + 1} />
      ))}
    </>
  );
}

export function Evaluation({ expression, bounds }: { expression: string; bounds: Bounds }) {
  const { text } = useText();
  const { data, error } = useQuery({
    queryKey: ["evaluation", expression, bounds],
    queryFn: ({ signal }) => request<{ trace?: Step }>(`/api/v1/query_range${queryText({ query: expression, start: bounds.start, end: bounds.end, step: bounds.step, trace: 1 })}`, { signal }),
  });
  return (
    <Panel title={text.evaluation}>
      <Notice error={error} />
      {data?.trace ? <Steps step={data.trace} total={data.trace.duration_msec} depth={0} /> : error ? null : <Waiting label={text.loading} height={80} />}
    </Panel>
  );
}
