// Alerts that fire, the most severe first.
import { Link } from "react-router";

import { useRules } from "@/api/hooks";
import { useText } from "@/lib/text/text";
import { formatAge } from "@/lib/time";
import { Empty, Notice, Waiting } from "@/ui/notice";
import { useClock } from "@/url/clock";

const RANK: Record<string, number> = { critical: 0, page: 0, error: 1, high: 1, warning: 2, info: 4, none: 5 };
const SHOWN_MAX = 10;

const rank = (severity: string | undefined) => RANK[severity ?? ""] ?? 3;

export function Firing() {
  const { text } = useText();
  const { nowMs } = useClock();
  const { data, error } = useRules(nowMs);
  if (error) return <Notice error={error} />;
  if (!data) return <Waiting label={text.loading} />;
  const rules = data.data.groups.flatMap((group) => group.rules).filter((rule) => rule.type === "alerting");
  const firing = rules.flatMap((rule) => (rule.alerts ?? []).filter((alert) => alert.state === "firing").map((alert) => ({ rule, alert })));
  if (firing.length === 0) return <Empty title={rules.length === 0 ? text.noRules : text.nothingFires}>{rules.length === 0 ? null : text.nothingFiresHint}</Empty>;
  firing.sort((a, b) => rank(a.alert.labels.severity) - rank(b.alert.labels.severity) || Date.parse(b.alert.activeAt) - Date.parse(a.alert.activeAt));
  return (
    <div>
      {firing.slice(0, SHOWN_MAX).map(({ rule, alert }) => (
        <Link key={JSON.stringify(alert.labels)} to={`/alerts?filter=${encodeURIComponent(rule.name)}`} className="list-row">
          <span className={`pill ${alert.labels.severity ?? ""}`}>{alert.labels.severity ?? text.state}</span>
          <span className="ellipsis">
            <b>{rule.name}</b> <span className="soft">{alert.annotations.summary ?? alert.annotations.description ?? ""}</span>
          </span>
          <span className="soft" style={{ marginLeft: "auto", whiteSpace: "nowrap" }}>
            {formatAge(Date.parse(alert.activeAt), nowMs)}
          </span>
        </Link>
      ))}
      {firing.length > SHOWN_MAX ? (
        <Link to="/alerts" className="list-row">
          {`+ ${firing.length - SHOWN_MAX}`}
        </Link>
      ) : null}
    </div>
  );
}
