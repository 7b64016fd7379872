import type { Labels } from "@/api/types";

export type Unit = "none" | "bytes" | "bytes/s" | "percent";

const DECIMAL = ["", "k", "M", "G", "T", "P"];
const BINARY = ["", "Ki", "Mi", "Gi", "Ti", "Pi"];

/** A number in a few characters: `1.25 GiB`, `12.3k`, `87 %`. */
export function formatValue(value: number, unit: Unit = "none"): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
  if (unit === "percent") return `${round(value)} %`;
  const bytes = unit === "bytes" || unit === "bytes/s";
  const base = bytes ? 1024 : 1000;
  let scaled = value;
  let step = 0;
  while (Math.abs(scaled) >= base && step < DECIMAL.length - 1) {
    scaled /= base;
    step += 1;
  }
  if (!bytes) return `${round(scaled)}${DECIMAL[step]}`;
  return `${round(scaled)} ${BINARY[step]}B${unit === "bytes/s" ? "/s" : ""}`;
}

function round(value: number): string {
  if (value === 0) return "0";
  if (Math.abs(value) < 0.001) return value.toExponential(2);
  return String(Number(value.toPrecision(3)));
}

/** `up{job="node"}`, as PromQL writes it. */
export function formatLabels(labels: Labels, without: readonly string[] = []): string {
  const name = labels.__name__ ?? "";
  const pairs = Object.entries(labels)
    .filter(([label]) => label !== "__name__" && !without.includes(label))
    .map(([label, value]) => `${label}=${JSON.stringify(value)}`);
  return pairs.length > 0 || name === "" ? `${name}{${pairs.join(", ")}}` : name;
}
