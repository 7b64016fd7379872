// One line whole: every field, and where one can go from it.
import { Button, CloseButton, Group } from "@mantine/core";
import { Link } from "react-router";

import { anyField, type LogLine, luceneTerm, SERVICE_FIELDS } from "@/lib/log-line";
import { useText } from "@/lib/text/text";
import { formatTime } from "@/lib/time";
import { MarkedText } from "@/pages/logs/lines";
import { Icon } from "@/ui/icon";
import { address } from "@/url/clock";

interface Props {
  line: LogLine;
  words: readonly string[];
  onClose: () => void;
  onTerm: (term: string, isNegative: boolean) => void;
  onColumn: (field: string) => void;
}

export function LineDetail({ line, words, onClose, onTerm, onColumn }: Props) {
  const { text } = useText();
  const around = { from: `${line.timeMs - 30_000}`, to: `${line.timeMs + 30_000}` };
  const wide = { from: `${line.timeMs - 900_000}`, to: `${line.timeMs + 900_000}` };
  return (
    <section className="panel" aria-label={text.document} style={{ padding: 12, maxHeight: "46vh", overflow: "auto" }}>
      <Group justify="space-between" wrap="nowrap" align="start">
        <span className="soft">{`${formatTime(line.timeMs, "millisecond")} · ${line.index}`}</span>
        <CloseButton aria-label={text.close} onClick={onClose} />
      </Group>
      <pre className="mono" style={{ whiteSpace: "pre-wrap", overflowWrap: "anywhere", margin: "4px 0 10px", fontSize: 13 }}>
        <MarkedText text={line.message} words={words} />
      </pre>
      <Group gap={6} mb={8}>
        {line.traceId ? (
          <Button size="compact-xs" component={Link} to={`/trace/${line.traceId}${line.spanId ? `?span=${line.spanId}` : ""}`} leftSection={<Icon name="traces" size={14} />}>
            {text.openTrace}
          </Button>
        ) : null}
        <Button size="compact-xs" variant="default" component={Link} to={address("/explore/logs", { ...around, q: line.service ? anyField(SERVICE_FIELDS, line.service) : "", line: line.id })}>
          {text.surrounding}
        </Button>
        {line.service ? (
          <>
            <Button size="compact-xs" variant="default" component={Link} to={address("/explore/traces", { ...wide, service: line.service })}>
              {text.toTraces}
            </Button>
            <Button size="compact-xs" variant="default" component={Link} to={address("/explore/metrics", { ...wide, expr: `{__name__=~".*(requests|calls|duration).*(total|count)", service=~${JSON.stringify(line.service)}}` })}>
              {text.metricsOfService}
            </Button>
          </>
        ) : null}
      </Group>
      {Object.entries(line.fields).map(([field, value]) => (
        <div key={field} className="detail-row">
          <span className="mono soft">{field}</span>
          <span className="mono">{value}</span>
          <span style={{ display: "flex", gap: 6 }}>
            <button type="button" className="text-button" title={text.only} aria-label={`${text.only}: ${field}`} onClick={() => onTerm(luceneTerm(field, value), false)}>
              <Icon name="plus" size={13} />
            </button>
            <button type="button" className="text-button" title={text.without} aria-label={`${text.without}: ${field}`} onClick={() => onTerm(luceneTerm(field, value), true)}>
              <Icon name="minus" size={13} />
            </button>
            <button type="button" className="text-button" title={text.addColumn} aria-label={`${text.addColumn}: ${field}`} onClick={() => onColumn(field)}>
              <Icon name="table" size={13} />
            </button>
          </span>
        </div>
      ))}
    </section>
  );
}
