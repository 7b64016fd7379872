// Rules and their alerts; what fires comes first.
import { TextInput } from "@mantine/core";
import { Link, useSearchParams } from "react-router";

import { useRules } from "@/api/hooks";
import type { Rule } from "@/api/types";
import { formatLabels } from "@/lib/format";
import { formatMatchers, matchersOf } from "@/lib/matchers";
import { useText } from "@/lib/text/text";
import { formatAge } from "@/lib/time";
import { Icon } from "@/ui/icon";
import { Empty, Notice, Waiting } from "@/ui/notice";
import { Panel } from "@/ui/panel";
import { address, useClock } from "@/url/clock";

const ORDER: Record<string, number> = { firing: 0, pending: 1, unknown: 2, inactive: 3 };

function RulePanel({ rule, nowMs }: { rule: Rule; nowMs: number }) {
  const { text } = useText();
  const state = rule.state ?? "inactive";
  return (
    <Panel
      title={
        <>
          <span className={`dot ${state}`} style={{ marginRight: 8 }} />
          {rule.name}
        </>
      }
      actions={<span className={`pill ${state}`}>{state}</span>}
    >
      <Link className="mono" to={address("/explore/metrics", { expr: rule.query })}>
        {rule.query}
      </Link>
      {rule.lastError ? <div className="bad">{rule.lastError}</div> : null}
      {(rule.alerts ?? []).map((alert) => (
        <div key={JSON.stringify(alert.labels)} style={{ padding: "6px 0", fontSize: 13 }}>
          <span className={`pill ${alert.state}`}>{alert.state}</span> {alert.annotations.summary ?? alert.annotations.description ?? ""} <span className="soft">{formatAge(Date.parse(alert.activeAt), nowMs)}</span>{" "}
          <Link to={address("/silences", { edit: "new", matchers: formatMatchers(matchersOf(alert.labels)) })}>{text.silence}</Link>
          <div className="series-name soft">{formatLabels(alert.labels)}</div>
        </div>
      ))}
    </Panel>
  );
}

export default function Alerts() {
  const { text } = useText();
  const [search, setSearch] = useSearchParams();
  const { nowMs } = useClock();
  const { data, error } = useRules(nowMs);
  const filter = search.get("filter") ?? "";
  const rules = (data?.data.groups ?? []).flatMap((group) => group.rules).filter((rule) => rule.type === "alerting");
  const shown = rules.filter((rule) => `${rule.name} ${rule.query} ${JSON.stringify(rule.labels ?? {})}`.toLowerCase().includes(filter.toLowerCase()));
  shown.sort((a, b) => (ORDER[a.state ?? ""] ?? 3) - (ORDER[b.state ?? ""] ?? 3) || a.name.localeCompare(b.name));
  return (
    <div className="stack">
      <TextInput
        size="xs"
        maw={380}
        value={filter}
        placeholder={text.filter}
        aria-label={text.filter}
        leftSection={<Icon name="search" size={14} />}
        onChange={(event) => {
          const value = event.currentTarget.value;
          setSearch((before) => (value ? before.set("filter", value) : before.delete("filter"), before), { replace: true });
        }}
      />
      <Notice error={error} />
      {!data && !error ? <Waiting label={text.loading} /> : null}
      {data && shown.length === 0 ? <Empty title={rules.length === 0 ? text.noRules : text.nothingFound} /> : null}
      {shown.map((rule) => (
        <RulePanel key={`${rule.name} ${rule.query}`} rule={rule} nowMs={nowMs} />
      ))}
    </div>
  );
}
