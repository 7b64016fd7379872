// Where the time of a trace went, by service and operation.
import { useMemo } from "react";

import { useText } from "@/lib/text/text";
import { formatMicroseconds, type Trace } from "@/lib/trace";

export function Statistics({ trace }: { trace: Trace }) {
  const { text } = useText();
  const rows = useMemo(() => {
    const groups = new Map<string, { service: string; name: string; count: number; totalUs: number; selfUs: number; maxUs: number; errors: number }>();
    for (const span of trace.spans) {
      const key = `${span.service}\u0000${span.name}`;
      const group = groups.get(key) ?? { service: span.service, name: span.name, count: 0, totalUs: 0, selfUs: 0, maxUs: 0, errors: 0 };
      group.count += 1;
      group.totalUs += span.durationUs;
      group.selfUs += span.selfUs;
      group.maxUs = Math.max(group.maxUs, span.durationUs);
      group.errors += span.isError ? 1 : 0;
      groups.set(key, group);
    }
    return [...groups.values()].toSorted((a, b) => b.selfUs - a.selfUs).slice(0, 500);
  }, [trace]);
  const whole = Math.max(1, rows.reduce((sum, row) => sum + row.selfUs, 0));
  return (
    <div className="scroll-x">
      <table className="plain-table">
        <thead>
          <tr>
            <th>{text.service}</th>
            <th>{text.operation}</th>
            <th className="number">{text.selfTime}</th>
            <th className="number">%</th>
            <th className="number">{text.total}</th>
            <th className="number">{text.average}</th>
            <th className="number">max</th>
            <th className="number">{text.count}</th>
            <th className="number">{text.errors}</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={`${row.service} ${row.name}`}>
              <td>{row.service}</td>
              <td>{row.name}</td>
              <td className="number">{formatMicroseconds(row.selfUs)}</td>
              <td className="number">{((100 * row.selfUs) / whole).toFixed(1)}</td>
              <td className="number">{formatMicroseconds(row.totalUs)}</td>
              <td className="number">{formatMicroseconds(row.totalUs / row.count)}</td>
              <td className="number">{formatMicroseconds(row.maxUs)}</td>
              <td className="number">{row.count}</td>
              <td className={`number ${row.errors > 0 ? "bad" : ""}`}>{row.errors}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
