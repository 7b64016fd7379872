// One span whole: its attributes, events and links, and where one can go from it.
import { Button, CloseButton, Group } from "@mantine/core";
import { Link } from "react-router";

import { anyField, SPAN_FIELDS, TRACE_FIELDS } from "@/lib/log-line";
import { useText } from "@/lib/text/text";
import { formatTime } from "@/lib/time";
import { formatMicroseconds, type Tag, type Trace, type TraceSpan } from "@/lib/trace";
import { address } from "@/url/clock";

function Tags({ title, tags }: { title: string; tags: readonly Tag[] }) {
  if (tags.length === 0) return null;
  return (
    <>
      <h4 className="section-title">{title}</h4>
      {tags.map((tag, index) => (
        // Keys may repeat.
        // oxlint-disable-next-line react/no-array-index-key
        <div key={index} className="detail-row">
          <span className="mono soft">{tag.key}</span>
          <span className="mono">{String(tag.value)}</span>
        </div>
      ))}
    </>
  );
}

interface Props {
  trace: Trace;
  span: TraceSpan;
  onClose: () => void;
}

export function SpanDetail({ trace, span, onClose }: Props) {
  const { text } = useText();
  const startMs = span.startUs / 1_000;
  const endMs = startMs + span.durationUs / 1_000;
  const range = { from: `${Math.floor(startMs - 60_000)}`, to: `${Math.ceil(endMs + 60_000)}` };
  return (
    <section className="panel stack" aria-label={span.name} style={{ padding: 12, gap: 6, maxHeight: "46vh", overflow: "auto" }}>
      <Group justify="space-between" wrap="nowrap" align="start">
        <div>
          <strong>{`${span.service} · ${span.name}`}</strong>
          <div className="soft" style={{ fontSize: 12 }}>
            {`${formatTime(startMs, "millisecond")} · ${text.start} +${formatMicroseconds(span.startUs - trace.startUs)} · ${formatMicroseconds(span.durationUs)} · ${text.selfTime} ${formatMicroseconds(span.selfUs)}${span.kind ? ` · ${span.kind}` : ""} · ${span.id}`}
          </div>
        </div>
        <CloseButton aria-label={text.close} onClick={onClose} />
      </Group>
      <Group gap={6}>
        <Button size="compact-xs" variant="default" component={Link} to={address("/explore/logs", { ...range, q: anyField(SPAN_FIELDS, span.id) })}>
          {text.logsOfSpan}
        </Button>
        <Button size="compact-xs" variant="default" component={Link} to={address("/explore/logs", { ...range, q: anyField(TRACE_FIELDS, trace.id) })}>
          {text.logsOfTrace}
        </Button>
        <Button size="compact-xs" variant="default" component={Link} to={address("/explore/metrics", { from: `${Math.floor(startMs - 900_000)}`, to: `${Math.ceil(endMs + 900_000)}`, expr: `sum by (status) (rate(http_requests_total{service=${JSON.stringify(span.service)}}[1m]))` })}>
          {text.metricsOfService}
        </Button>
      </Group>
      {span.warnings.map((warning) => (
        <div key={warning} className="pill warn">
          {warning}
        </div>
      ))}
      <Tags title={text.attributes} tags={span.tags} />
      {span.logs.length > 0 ? <h4 className="section-title">{text.events}</h4> : null}
      {span.logs.map((event, index) => (
        // oxlint-disable-next-line react/no-array-index-key
        <Tags key={index} title={`+${formatMicroseconds(event.timestamp - span.startUs)}`} tags={event.fields} />
      ))}
      {span.links.length > 0 ? <h4 className="section-title">{text.links}</h4> : null}
      {span.links.map((link) => (
        <Link key={`${link.traceId} ${link.spanId}`} className="mono" to={`/trace/${link.traceId}?span=${link.spanId}`}>
          {link.traceId}
        </Link>
      ))}
      <Tags title={text.resource} tags={span.processTags} />
    </section>
  );
}
