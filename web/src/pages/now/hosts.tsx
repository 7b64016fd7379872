// Hosts by the USE method: utilisation, saturation, errors of CPU, memory, disk and network.
import { Link, useSearchParams } from "react-router";

import { useInstant } from "@/api/hooks";
import { formatValue, readNumber } from "@/lib/format";
import { useText } from "@/lib/text/text";
import { Empty, Notice } from "@/ui/notice";
import { address } from "@/url/clock";

const DISKS = 'fstype!~"tmpfs|ramfs|squashfs|overlay"';
const LINKS = 'device!~"lo|ifb.*|veth.*|br-.*"';
const EXPRESSIONS = {
  cpu: '1 - avg by (instance) (rate(node_cpu_seconds_total{mode="idle"}[1m]))',
  load: 'node_load1 / on (instance) count by (instance) (node_cpu_seconds_total{mode="idle"})',
  memory: "1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes",
  swapping: "rate(node_vmstat_pgmajfault[1m])",
  disk: `max by (instance) (1 - node_filesystem_avail_bytes{${DISKS}} / node_filesystem_size_bytes{${DISKS}})`,
  busy: 'max by (instance) (rate(node_disk_io_time_seconds_total{device!~"loop.*|ram.*"}[1m]))',
  network: `sum by (instance) (rate(node_network_receive_bytes_total{${LINKS}}[1m]) + rate(node_network_transmit_bytes_total{${LINKS}}[1m]))`,
  dropped: `sum by (instance) (rate(node_network_receive_drop_total{${LINKS}}[1m]) + rate(node_network_receive_errs_total{${LINKS}}[1m]) + rate(node_network_transmit_errs_total{${LINKS}}[1m]))`,
} as const;

type Measure = keyof typeof EXPRESSIONS;

function useByHost(measure: Measure, time: number) {
  const { data, error } = useInstant(EXPRESSIONS[measure], time);
  const values = new Map<string, number>();
  if (data?.data.resultType === "vector") for (const one of data.data.result) values.set(one.metric.instance ?? "", readNumber(one.value?.[1] ?? "NaN"));
  return { values, error, isReady: data !== undefined };
}

interface CellProps {
  measure: Measure;
  value: number | undefined;
  unit: string;
  host: string;
  warn: number;
  bad: number;
  hasBar?: boolean;
}

function Cell({ measure, value, unit, host, warn, bad, hasBar = false }: CellProps) {
  const [search] = useSearchParams();
  if (value === undefined || Number.isNaN(value)) return <td className="number soft">–</td>;
  const level = value >= bad ? "bad" : value >= warn ? "warn" : "";
  return (
    <td className={`number ${level}`}>
      <Link className="quiet" to={address("/explore/metrics", { expr: EXPRESSIONS[measure] }, search)} title={`${host}: ${EXPRESSIONS[measure]}`}>
        {formatValue(value, unit)}
      </Link>
      {hasBar ? (
        <div style={{ height: 3, borderRadius: 2, background: "var(--surface-hover)", marginTop: 3 }}>
          <div style={{ height: 3, borderRadius: 2, width: `${Math.min(100, value * 100)}%`, background: level ? `var(--${level})` : "var(--accent)" }} />
        </div>
      ) : null}
    </td>
  );
}

export function Hosts({ time }: { time: number }) {
  const { text } = useText();
  const cpu = useByHost("cpu", time);
  const load = useByHost("load", time);
  const memory = useByHost("memory", time);
  const swapping = useByHost("swapping", time);
  const disk = useByHost("disk", time);
  const busy = useByHost("busy", time);
  const network = useByHost("network", time);
  const dropped = useByHost("dropped", time);
  const hosts = [...new Set([...cpu.values.keys(), ...memory.values.keys()])].toSorted();
  if (cpu.error) return <Notice error={cpu.error} />;
  if (cpu.isReady && hosts.length === 0) return <Empty title={text.noHosts} />;
  return (
    <div className="scroll-x">
      <table className="plain-table">
        <thead>
          <tr>
            <th>{text.host}</th>
            <th className="number">{text.cpu}</th>
            <th className="number">{text.load}</th>
            <th className="number">{text.memory}</th>
            <th className="number">{`${text.memory}: pgmajfault/s`}</th>
            <th className="number">{text.disk}</th>
            <th className="number">{`${text.disk}: ${text.saturation.toLowerCase()}`}</th>
            <th className="number">{text.network}</th>
            <th className="number">{`${text.network}: ${text.errors.toLowerCase()}`}</th>
          </tr>
        </thead>
        <tbody>
          {hosts.map((host) => (
            <tr key={host}>
              <td style={{ fontWeight: 600 }}>{host}</td>
              <Cell measure="cpu" host={host} value={cpu.values.get(host)} unit="percentunit" warn={0.8} bad={0.95} hasBar />
              <Cell measure="load" host={host} value={load.values.get(host)} unit="none" warn={1.5} bad={3} />
              <Cell measure="memory" host={host} value={memory.values.get(host)} unit="percentunit" warn={0.85} bad={0.95} hasBar />
              <Cell measure="swapping" host={host} value={swapping.values.get(host)} unit="none" warn={200} bad={1_000} />
              <Cell measure="disk" host={host} value={disk.values.get(host)} unit="percentunit" warn={0.8} bad={0.92} hasBar />
              <Cell measure="busy" host={host} value={busy.values.get(host)} unit="percentunit" warn={0.7} bad={0.95} />
              <Cell measure="network" host={host} value={network.values.get(host)} unit="Bps" warn={Number.POSITIVE_INFINITY} bad={Number.POSITIVE_INFINITY} />
              <Cell measure="dropped" host={host} value={dropped.values.get(host)} unit="pps" warn={0.01} bad={10} />
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
