import { Card, Group, SimpleGrid, Stack, Text, Title } from "@mantine/core";
import { Link, useSearchParams } from "react-router";

import { useInstant, useRange, useTargets } from "@/api/hooks";
import type { MatrixSeries } from "@/api/types";
import { Legend } from "@/charts/legend";
import { LineChart } from "@/charts/line-chart";
import { formatValue, type Unit } from "@/lib/format";
import { useText } from "@/lib/text";
import { Notice } from "@/ui/notice";
import { RangePicker } from "@/ui/range-picker";
import { bounds, readTimeRange, type TimeRange } from "@/url/time-range";

const SERIES_MAX = 8;

interface PanelProps {
  title: string;
  expression: string;
  unit: Unit;
  range: TimeRange;
  name: (series: MatrixSeries) => string;
  limits?: [number, number];
}

/** One chart, its legend, and the way to the query behind it. */
function Panel({ title, expression, unit, range, name, limits }: PanelProps) {
  const { text } = useText();
  const { data, error } = useRange(expression, range);
  const series = (data?.data.result ?? []).slice(0, SERIES_MAX);
  const query = `/explore/metrics?${new URLSearchParams({ expr: expression, range: `${range.seconds}s` }).toString()}`;
  return (
    <Card withBorder padding="sm">
      <Group justify="space-between" mb={4}>
        <Text fw={600} size="sm">
          {title}
        </Text>
        <Text component={Link} to={query} size="xs" c="dimmed" title={expression}>
          PromQL ↗<span hidden>{text.openQuery}</span>
        </Text>
      </Group>
      <Notice error={error} />
      {series.length > 0 ? (
        <>
          <LineChart series={series} bounds={bounds(range, Date.now())} unit={unit} height={170} label={title} {...(limits ? { limits } : {})} />
          <Legend series={series} name={name} unit={unit} />
        </>
      ) : (
        <Text c="dimmed" size="sm" py="xl" ta="center">
          {data ? text.waiting : text.loading}
        </Text>
      )}
    </Card>
  );
}

function Figure({ label, value, bad = false }: { label: string; value: string; bad?: boolean }) {
  return (
    <Card withBorder padding="xs">
      <Text size="xs" c="dimmed">
        {label}
      </Text>
      <Text fw={700} size="xl" {...(bad ? { c: "red" } : {})}>
        {value}
      </Text>
    </Card>
  );
}

/** The value of an expression that has one series; a dash while there is none. */
function useNumber(expression: string): string {
  const { data } = useInstant(expression, { seconds: 0, end: null });
  const result = data?.data;
  const value = result?.resultType === "vector" ? result.result[0]?.value?.[1] : undefined;
  return value === undefined ? "–" : formatValue(Number(value));
}

/** Marks series, so that two directions can share a chart. */
const tagged = (inner: string, value: string) => `label_replace(${inner}, "direction", "${value}", "", "")`;
const busiest = (metric: string, filter: string) => `topk(3, sum by (device) (rate(${metric}{${filter}}[1m])))`;
const DISKS = 'device!~"loop.*|ram.*|dm-.*"';
const LINKS = 'device!~"lo|ifb.*|veth.*|br-.*"';

const label = (name: string) => (series: MatrixSeries) => series.metric[name] ?? "";

/** What is happening now: the host, and whether everything that should be watched is. */
export function Now() {
  const { text } = useText();
  const [search] = useSearchParams();
  const range = readTimeRange(search);
  const targets = useTargets();
  const active = targets.data?.data.activeTargets ?? [];
  const down = active.filter((target) => target.health === "down").length;
  const samples = useNumber("sum(rate(vigie_store_samples_total[1m]))");
  const seriesCount = useNumber("sum(scrape_samples_post_metric_relabeling)");
  const direction = (series: MatrixSeries) => `${series.metric.device ?? ""} ${series.metric.direction === "in" ? text.received : text.sent}`;
  const traffic = (series: MatrixSeries) => `${series.metric.device ?? ""} ${series.metric.direction === "read" ? text.read : text.written}`;
  return (
    <Stack gap="sm">
      <Group justify="space-between">
        <Title order={2} size="h3">
          {text.nowTitle}
        </Title>
        <RangePicker />
      </Group>
      <Notice error={targets.error} />
      <SimpleGrid cols={{ base: 2, md: 4 }} spacing="sm">
        <Figure label={text.targetsUp} value={targets.data ? `${active.filter((target) => target.health === "up").length}` : "–"} />
        <Figure label={text.targetsDown} value={targets.data ? `${down}` : "–"} bad={down > 0} />
        <Figure label={text.samplesPerSecond} value={samples} />
        <Figure label={text.seriesActive} value={seriesCount} />
      </SimpleGrid>
      <SimpleGrid cols={{ base: 1, md: 2, xl: 3 }} spacing="sm">
        <Panel title={text.cpu} unit="percent" range={range} limits={[0, 100]} name={label("instance")} expression='100 * (1 - avg by (instance) (rate(node_cpu_seconds_total{mode="idle"}[1m])))' />
        <Panel title={text.memory} unit="percent" range={range} limits={[0, 100]} name={label("instance")} expression="100 * (1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes)" />
        <Panel title={text.filesystem} unit="percent" range={range} limits={[0, 100]} name={label("mountpoint")} expression='topk(5, max by (mountpoint) (100 * (1 - node_filesystem_avail_bytes{fstype!~"tmpfs|ramfs|squashfs"} / node_filesystem_size_bytes)))' />
        <Panel title={text.disk} unit="bytes/s" range={range} name={traffic} expression={`${tagged(busiest("node_disk_read_bytes_total", DISKS), "read")} or ${tagged(busiest("node_disk_written_bytes_total", DISKS), "written")}`} />
        <Panel title={text.network} unit="bytes/s" range={range} name={direction} expression={`${tagged(busiest("node_network_receive_bytes_total", LINKS), "in")} or ${tagged(busiest("node_network_transmit_bytes_total", LINKS), "out")}`} />
        <Panel title={text.load} unit="none" range={range} name={label("instance")} expression="node_load1" />
      </SimpleGrid>
    </Stack>
  );
}
