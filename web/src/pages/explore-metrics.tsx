import { Button, Group, Loader, Stack, Table, Tabs, Text, TextInput, Title } from "@mantine/core";
import { lazy, Suspense, useState } from "react";
import { useSearchParams } from "react-router";

import { useInstant, useRange } from "@/api/hooks";
import type { QueryResult } from "@/api/types";
import { Legend } from "@/charts/legend";
import { LineChart } from "@/charts/line-chart";
import { formatLabels } from "@/lib/format";
import { useText } from "@/lib/text";
import { Notice } from "@/ui/notice";
import { RangePicker } from "@/ui/range-picker";
import { bounds, readTimeRange, type TimeRange } from "@/url/time-range";

// The editor is the largest part of the page: it is fetched when it is first needed.
const PromqlEditor = lazy(() => import("@/language/promql-editor"));

const CHART_SERIES_MAX = 100;
const TABLE_ROWS_MAX = 1_000;

function Chart({ expression, range }: { expression: string; range: TimeRange }) {
  const { text } = useText();
  const { data, error, isFetching } = useRange(expression, range);
  const all = data?.data.result ?? [];
  const series = all.slice(0, CHART_SERIES_MAX);
  return (
    <Stack gap="xs">
      <Notice error={error} notes={[...(data?.warnings ?? []), ...(data?.infos ?? [])]} />
      {series.length > 0 ? (
        <>
          <LineChart series={series} bounds={bounds(range, Date.now())} height={360} label={expression} />
          <Legend series={series} name={(one) => formatLabels(one.metric)} />
          {all.length > series.length ? <Text size="sm">{`+ ${all.length - series.length} ${text.more}`}</Text> : null}
        </>
      ) : (
        <Text c="dimmed">{isFetching && !data ? text.loading : error ? "" : text.noData}</Text>
      )}
    </Stack>
  );
}

/** Rows of the table: the series' name, and its value. */
function rows(result: QueryResult): [name: string, value: string][] {
  if (result.resultType === "scalar" || result.resultType === "string") return [["", result.result[1]]];
  if (result.resultType === "matrix") {
    return result.result.map((one) => [formatLabels(one.metric), (one.values ?? []).map(([time, value]) => `${value} @${time}`).join("\n")]);
  }
  return result.result.map((one) => {
    const histogram = one.histogram?.[1];
    return [formatLabels(one.metric), one.value?.[1] ?? (histogram ? `count ${histogram.count}, sum ${histogram.sum}` : "")];
  });
}

function Values({ expression, range }: { expression: string; range: TimeRange }) {
  const { text } = useText();
  const { data, error, isFetching } = useInstant(expression, range);
  const all = data ? rows(data.data) : [];
  return (
    <Stack gap="xs">
      <Notice error={error} notes={[...(data?.warnings ?? []), ...(data?.infos ?? [])]} />
      {all.length > 0 ? (
        <Table.ScrollContainer minWidth={400}>
          <Table striped stickyHeader>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>{text.series}</Table.Th>
                <Table.Th>{text.value}</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {all.slice(0, TABLE_ROWS_MAX).map(([name, value]) => (
                <Table.Tr key={name}>
                  <Table.Td className="series-name">{name}</Table.Td>
                  <Table.Td style={{ whiteSpace: "pre-wrap" }}>{value}</Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      ) : (
        <Text c="dimmed">{isFetching && !data ? text.loading : error ? "" : text.noData}</Text>
      )}
      {all.length > TABLE_ROWS_MAX ? <Text size="sm">{`+ ${all.length - TABLE_ROWS_MAX} ${text.more}`}</Text> : null}
    </Stack>
  );
}

/** Ask in PromQL; the question, the range and the view are the address. */
export function ExploreMetrics() {
  const { text } = useText();
  const [search, setSearch] = useSearchParams();
  const asked = search.get("expr") ?? search.get("g0.expr") ?? "";
  const [draft, setDraft] = useState<{ from: string; value: string }>({ from: asked, value: asked });
  // A new address replaces what was being typed.
  const value = draft.from === asked ? draft.value : asked;
  const range = readTimeRange(search);
  const tab = search.get("tab") ?? "chart";
  const set = (name: string, to: string) =>
    setSearch((before) => {
      before.set(name, to);
      return before;
    });
  const run = () => set("expr", value.trim());
  const edit = (to: string) => setDraft({ from: asked, value: to });
  return (
    <Stack gap="sm">
      <Group justify="space-between">
        <Title order={2} size="h3">
          {text.explore}
        </Title>
        <RangePicker />
      </Group>
      <Group align="flex-start" wrap="nowrap" gap="xs">
        <div style={{ flex: 1, minWidth: 0 }}>
          <Suspense fallback={<TextInput value={value} onChange={(event) => edit(event.currentTarget.value)} aria-label={text.expression} rightSection={<Loader size="xs" />} />}>
            <PromqlEditor value={value} onChange={edit} onRun={run} label={text.expression} hint={text.placeholder} />
          </Suspense>
        </div>
        <Button onClick={run}>{text.query}</Button>
      </Group>
      <Tabs value={tab} onChange={(next) => set("tab", next ?? "chart")}>
        <Tabs.List>
          <Tabs.Tab value="chart">{text.chart}</Tabs.Tab>
          <Tabs.Tab value="table">{text.table}</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="chart" pt="sm">
          {tab === "chart" && asked ? <Chart expression={asked} range={range} /> : null}
        </Tabs.Panel>
        <Tabs.Panel value="table" pt="sm">
          {tab === "table" && asked ? <Values expression={asked} range={range} /> : null}
        </Tabs.Panel>
      </Tabs>
    </Stack>
  );
}
