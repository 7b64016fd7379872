// The axis of time below charts that are drawn as SVG.
import { formatClock, formatTime } from "@/lib/time";

interface Props {
  startMs: number;
  endMs: number;
  left: number;
  width: number;
  y: number;
}

export function TimeAxis({ startMs, endMs, left, width, y }: Props) {
  const count = Math.max(2, Math.floor(width / 120));
  const isLong = endMs - startMs > 86_400_000;
  return Array.from({ length: count }, (_, index) => (index + 0.5) / count).map((share) => {
    const ms = startMs + share * (endMs - startMs);
    return (
      <text key={share} x={left + share * width} y={y} fontSize={11} textAnchor="middle" fill="var(--chart-text)">
        {isLong ? formatTime(ms, "minute").slice(5) : formatClock(ms, endMs - startMs < 600_000 ? "second" : "minute")}
      </text>
    );
  });
}
