import { Link, useSearchParams } from "react-router";

import { useRange } from "@/api/hooks";
import { Sparkline } from "@/charts/sparkline";
import { onGrid } from "@/charts/frame";
import { formatValue } from "@/lib/format";
import { useText } from "@/lib/text/text";
import { errorsOf, p95Of, rateOf, type RedRow, type RedSource } from "@/pages/now/red";
import { address, useTimeRange } from "@/url/clock";
import { alignSpan, type Bounds, chooseStep } from "@/url/time-range";

const SHOWN_MAX = 50;

function useTrend(expression: string, bounds: Bounds, label: string): Map<string, (number | null)[]> {
  const { data } = useRange(expression, bounds);
  return new Map((data?.data.result ?? []).map((series) => [series.metric[label] ?? "", onGrid(series, bounds)]));
}

interface RowProps {
  row: RedRow;
  rate: (number | null)[];
  errors: (number | null)[];
  search: URLSearchParams;
}

function Row({ row, rate, errors, search }: RowProps) {
  const { text } = useText();
  const { service, source } = row;
  const filter = `${source.label}=${JSON.stringify(service)}`;
  const isBad = (row.errorShare ?? 0) > 0.02;
  const metrics = (expression: string) => address("/explore/metrics", { expr: expression }, search);
  return (
    <tr>
      <td>
        <span className={`dot ${isBad ? "bad" : "good"}`} style={{ marginRight: 8 }} />
        <Link to={address("/explore/traces", { service }, search)} style={{ fontWeight: 600, color: "inherit" }}>
          {service}
        </Link>
      </td>
      <td className="number">
        <Link className="quiet" to={metrics(rateOf(source, filter))}>
          {formatValue(row.rate, "reqps")}
        </Link>
      </td>
      <td className="wide-only">
        <Sparkline values={rate} color="var(--accent)" />
      </td>
      <td className={`number ${isBad ? "bad" : ""}`}>
        <Link className="quiet" to={metrics(errorsOf(source, filter))}>
          {row.errorShare === null ? "–" : formatValue(row.errorShare, "percentunit")}
        </Link>
      </td>
      <td className="wide-only">
        <Sparkline values={errors} color="var(--bad)" max={Math.max(0.05, ...errors.map((value) => value ?? 0))} />
      </td>
      <td className="number">
        {row.p95 === null ? (
          "–"
        ) : (
          <Link className="quiet" to={metrics(p95Of(source, filter))}>
            {formatValue(row.p95, "s")}
          </Link>
        )}
      </td>
      <td className="number">
        <Link to={address("/explore/logs", { q: `service:${JSON.stringify(service)}` }, search)}>{text.logs}</Link>
      </td>
    </tr>
  );
}

/** Every service with rate, errors and duration, the worst first. */
export function Services({ rows, source }: { rows: readonly RedRow[]; source: RedSource }) {
  const { text } = useText();
  const [search] = useSearchParams();
  const { span } = useTimeRange();
  const bounds = alignSpan(span, chooseStep(span, 60));
  const rates = useTrend(rateOf(source), bounds, source.label);
  const errors = useTrend(errorsOf(source), bounds, source.label);
  return (
    <div className="scroll-x">
      <table className="plain-table">
        <thead>
          <tr>
            <th>{text.service}</th>
            <th className="number">{text.requestRate}</th>
            <th className="wide-only" aria-label={text.rate} />
            <th className="number">{text.errorShare}</th>
            <th className="wide-only" aria-label={text.errors} />
            <th className="number">{text.p95}</th>
            <th aria-label={text.logs} />
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, SHOWN_MAX).map((row) => (
            <Row key={row.service} row={row} rate={rates.get(row.service) ?? []} errors={errors.get(row.service) ?? []} search={search} />
          ))}
        </tbody>
      </table>
    </div>
  );
}
