// Sends a quarter of an hour of a small shop over the real protocols: metrics as Prometheus' text, logs
// over Elasticsearch's bulk API, spans over OTLP. What it sends depends on the moment alone, so that
// tests know what to find. Some of it is hostile: markup where names and messages are expected.
import { randomUUID } from "node:crypto";

const SERVICES = ["frontend", "checkout", "payments", "cart", "catalog", "shipping"];
const CALLS = { frontend: ["checkout", "catalog"], checkout: ["cart", "payments", "shipping"], catalog: [], cart: [], payments: [], shipping: [] };
export const MARKUP = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>';
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];

async function post(url, body, type) {
  const response = await fetch(url, { method: "POST", body, headers: { "content-type": type } });
  if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}`);
  return response;
}

/** A generator that gives the same numbers each time. */
function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Counters of every service at `second` of the story; payments fail in the last five minutes. */
function metricsAt(second, totals, failing) {
  const lines = [];
  for (const [index, service] of SERVICES.entries()) {
    const rate = 4 + index * 2 + 2 * Math.sin(second / 90 + index);
    const bad = failing && (service === "payments" || service === "checkout") ? 0.18 : 0.004;
    const total = (totals[service] ??= { ok: 0, bad: 0, sum: 0, buckets: BUCKETS.map(() => 0) });
    const count = rate * 15;
    total.ok += count * (1 - bad);
    total.bad += count * bad;
    const slow = failing && service === "payments" ? 0.6 : 0.03 * (index + 1);
    total.sum += count * slow;
    BUCKETS.forEach((bound, at) => (total.buckets[at] += count * (1 - Math.exp(-bound / slow))));
    lines.push([`http_requests_total{service="${service}",status="200"}`, total.ok], [`http_requests_total{service="${service}",status="500"}`, total.bad]);
    BUCKETS.forEach((bound, at) => lines.push([`http_request_duration_seconds_bucket{service="${service}",le="${bound}"}`, total.buckets[at]]));
    lines.push([`http_request_duration_seconds_bucket{service="${service}",le="+Inf"}`, total.ok + total.bad], [`http_request_duration_seconds_sum{service="${service}"}`, total.sum], [`http_request_duration_seconds_count{service="${service}"}`, total.ok + total.bad]);
  }
  lines.push([`odd_labels{text="${MARKUP.replaceAll('"', '\\"')}"}`, 1]);
  return lines;
}

export async function seedMetrics(api, nowMs, minutes = 15) {
  const totals = {};
  let text = "";
  const count = minutes * 4;
  for (let at = 0; at <= count; at += 1) {
    const time = nowMs - (count - at) * 15_000;
    for (const [series, value] of metricsAt(at * 15, totals, at > count - 20)) text += `${series} ${value} ${time}\n`;
  }
  await post(`${api}/api/v1/import/prometheus`, text, "text/plain");
}

function hex(next, length) {
  return Array.from({ length }, () => Math.floor(next() * 16).toString(16)).join("");
}

const attribute = (key, value) => ({ key, value: typeof value === "number" ? { intValue: value } : { stringValue: value } });

function makeTrace(next, startMs, failing, logs) {
  const traceId = hex(next, 32);
  const spans = [];
  const visit = (service, parent, start, depth) => {
    const id = hex(next, 16);
    const failed = failing && service === "payments" && next() < 0.6;
    let at = start + 1 + next() * 4;
    for (const child of CALLS[service]) at = visit(child, id, at, depth + 1) + next() * 3;
    const end = at + 2 + next() * (service === "payments" && failing ? 400 : 20);
    const method = service === "frontend" ? "GET /buy" : `/${service}.Service/Handle`;
    spans.push({ service, traceId, spanId: id, parentSpanId: parent, name: method, kind: parent ? 2 : 2, start, end, failed });
    logs.push({ time: start + 1, service, level: failed ? "error" : next() < 0.1 ? "warn" : "info", traceId, spanId: id, message: failed ? `payment declined by upstream after ${Math.round(end - start)} ms` : `${method} answered in ${Math.round(end - start)} ms` });
    return end;
  };
  visit("frontend", "", startMs, 0);
  return spans;
}

function groupByService(spans) {
  const groups = new Map();
  for (const span of spans) groups.has(span.service) ? groups.get(span.service).push(span) : groups.set(span.service, [span]);
  return groups;
}

function otlp(spans) {
  const byService = groupByService(spans);
  return {
    resourceSpans: [...byService].map(([service, own]) => ({
      resource: { attributes: [attribute("service.name", service), attribute("host.name", `${service}-1`)] },
      scopeSpans: [
        {
          scope: { name: "shop" },
          spans: own.map((span) => ({
            traceId: span.traceId,
            spanId: span.spanId,
            parentSpanId: span.parentSpanId,
            name: span.name,
            kind: span.kind,
            startTimeUnixNano: `${Math.round(span.start * 1e3)}000`,
            endTimeUnixNano: `${Math.round(span.end * 1e3)}000`,
            attributes: [attribute("http.status_code", span.failed ? 500 : 200), attribute("http.route", span.name), ...(span.odd ? [attribute("odd", MARKUP)] : [])],
            status: span.failed ? { code: 2, message: "declined" } : {},
            events: span.failed ? [{ timeUnixNano: `${Math.round(span.end * 1e3)}000`, name: "exception", attributes: [attribute("exception.message", "declined")] }] : [],
          })),
        },
      ],
    })),
  };
}

export async function bulk(elasticsearch, index, documents) {
  for (let at = 0; at < documents.length; at += 5_000) {
    const lines = documents.slice(at, at + 5_000).flatMap((document) => [JSON.stringify({ create: { _index: index } }), JSON.stringify(document)]);
    await post(`${elasticsearch}/_bulk`, `${lines.join("\n")}\n`, "application/x-ndjson");
  }
}

export async function seedTracesAndLogs({ otlp: collector, elasticsearch }, nowMs, minutes = 15, perMinute = 20) {
  const next = random(Math.floor(nowMs / 1_000));
  const logs = [];
  const spans = [];
  const count = minutes * perMinute;
  for (let at = 0; at < count; at += 1) {
    const start = nowMs - (count - at) * (60_000 / perMinute) + next() * 500;
    spans.push(...makeTrace(next, start, at > count * 0.67, logs));
  }
  spans[spans.length - 1].odd = true;
  await post(`${collector}/v1/traces`, JSON.stringify(otlp(spans)), "application/json");
  const documents = logs.map((line) => ({ "@timestamp": new Date(line.time).toISOString(), level: line.level, message: line.message, service: line.service, host: `${line.service}-1`, trace_id: line.traceId, span_id: line.spanId }));
  documents.push({ "@timestamp": new Date(nowMs - 5_000).toISOString(), level: "error", message: `markup ${MARKUP}`, service: "frontend", odd: MARKUP });
  await bulk(elasticsearch, "shop", documents);
  return { traceId: spans[spans.length - 1].traceId };
}

/** A trace of `count` spans in one service, ten deep at most. */
export async function seedLargeTrace(collector, nowMs, count) {
  const next = random(11);
  const traceId = hex(next, 32);
  const path = [];
  for (let at = 0; at < count; at += 5_000) {
    const spans = [];
    for (let index = at; index < Math.min(count, at + 5_000); index += 1) {
      const depth = index === 0 ? 0 : Math.min(path.length, 1 + (index % 10));
      path.length = depth;
      const spanId = hex(next, 16);
      const start = nowMs - 60_000 + index * 0.5;
      spans.push({ service: SERVICES[index % 6], traceId, spanId, parentSpanId: depth === 0 ? "" : path[depth - 1], name: `step ${index % 40}`, kind: 1, start, end: depth === 0 ? nowMs : start + 20, failed: index % 997 === 3 });
      path.push(spanId);
    }
    await post(`${collector}/v1/traces`, JSON.stringify(otlp(spans)), "application/json");
  }
  return traceId;
}

export async function seedManyLines(elasticsearch, nowMs, count) {
  const batch = [];
  for (let at = 0; at < count; at += 1) batch.push({ "@timestamp": new Date(nowMs - 600_000 + at * 5).toISOString(), level: at % 50 === 0 ? "error" : "info", service: "bulk", message: `line ${at} ${randomUUID()}` });
  await bulk(elasticsearch, "many", batch);
}

if (import.meta.url === `file://${process.argv[1]}`) {
  const offset = Number(process.argv[2] ?? 0);
  const at = (port) => `http://127.0.0.1:${port + offset}`;
  const now = Date.now();
  await seedMetrics(at(9090), now);
  console.log(await seedTracesAndLogs({ otlp: at(4318), elasticsearch: at(9200) }, now));
  if (process.argv[3] === "large") {
    console.log(await seedLargeTrace(at(4318), now, 100_000));
    await seedManyLines(at(9200), now, 100_000);
  }
}
