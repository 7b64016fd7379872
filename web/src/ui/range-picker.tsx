import { ActionIcon, Button, Divider, Group, Popover, SegmentedControl, TextInput, Tooltip } from "@mantine/core";
import { useState } from "react";
import { useLocation, useSearchParams } from "react-router";

import { formatTime } from "@/lib/time";
import { useText } from "@/lib/text/text";
import { Icon } from "@/ui/icon";
import { refreshInterval, useClock, useTimeRange } from "@/url/clock";
import { isRelative, QUICK_RANGES, REFRESH_INTERVALS, resolveTime, shortName, type TimeRange } from "@/url/time-range";

function writeEnd(text: string): string {
  const seconds = /^\d{9,}$/.test(text) ? resolveTime(text, 0) : null;
  return seconds === null ? text : formatTime(seconds * 1_000, "second");
}

const read = (value: string) => {
  const seconds = resolveTime(value, Date.now());
  if (seconds === null) return null;
  return value.startsWith("now") ? value.trim() : `${Math.round(seconds * 1_000)}`;
};

function Fixed({ range, onDone }: { range: TimeRange; onDone: (range: TimeRange) => void }) {
  const { text } = useText();
  const [from, setFrom] = useState(writeEnd(range.from));
  const [to, setTo] = useState(writeEnd(range.to));
  const [start, end] = [read(from), read(to)];
  return (
    <form
      className="stack"
      style={{ gap: 8 }}
      onSubmit={(event) => {
        event.preventDefault();
        if (start && end) onDone({ from: start, to: end });
      }}
    >
      <TextInput size="xs" label={text.from} value={from} error={start ? null : text.wrongTime} onChange={(event) => setFrom(event.currentTarget.value)} />
      <TextInput size="xs" label={text.to} value={to} error={end ? null : text.wrongTime} description={text.relativeHint} onChange={(event) => setTo(event.currentTarget.value)} />
      <Button size="xs" type="submit" disabled={!start || !end}>
        {text.apply}
      </Button>
    </form>
  );
}

/** Chooses the time range and how often the page refreshes; both are in the address. */
export function RangePicker() {
  const { text } = useText();
  const { pathname } = useLocation();
  const [search, setSearch] = useSearchParams();
  const { refresh } = useClock();
  const { range, span, set, setSpan } = useTimeRange();
  const [isOpen, setOpen] = useState(false);
  const every = refreshInterval(pathname, search);
  const width = span.end - span.start;
  const name = shortName(range);
  const label = name ? `${text.lastOf} ${name}` : isRelative(range) ? `${range.from} → ${range.to}` : `${formatTime(span.start * 1_000, "minute")} → ${formatTime(span.end * 1_000, "minute")}`;
  const choose = (next: TimeRange) => {
    set(next);
    setOpen(false);
  };
  return (
    <Group gap={4} wrap="nowrap">
      <ActionIcon className="wide-only" variant="subtle" color="gray" size="md" aria-label={text.earlier} title={`${text.earlier} (Shift+←)`} onClick={() => setSpan({ start: span.start - width / 2, end: span.end - width / 2 })}>
        <Icon name="left" size={16} />
      </ActionIcon>
      <Popover opened={isOpen} onChange={setOpen} position="bottom-end" shadow="md" trapFocus>
        <Popover.Target>
          <Button size="compact-sm" h={30} variant="default" leftSection={<Icon name="clock" size={15} />} onClick={() => setOpen(!isOpen)} aria-label={`${text.range}: ${label}`}>
            {label}
          </Button>
        </Popover.Target>
        <Popover.Dropdown w={300}>
          <div className="stack" style={{ gap: 8 }}>
            <Group gap={4}>
              {QUICK_RANGES.map((quick) => (
                <Button key={quick} size="compact-xs" w={62} variant={quick === name ? "filled" : "default"} onClick={() => choose({ from: `now-${quick}`, to: "now" })}>
                  {quick}
                </Button>
              ))}
            </Group>
            <Divider label={text.absolute} />
            <Fixed range={range} onDone={choose} />
            <Divider label={text.refreshEvery} />
            <SegmentedControl
              size="xs"
              fullWidth
              data={REFRESH_INTERVALS.map((interval) => ({ value: interval, label: interval === "off" ? text.off : interval }))}
              value={every}
              onChange={(interval) => setSearch((before) => (before.set("refresh", interval), before), { replace: true })}
            />
          </div>
        </Popover.Dropdown>
      </Popover>
      <ActionIcon className="wide-only" variant="subtle" color="gray" aria-label={text.later} title={`${text.later} (Shift+→)`} onClick={() => setSpan({ start: span.start + width / 2, end: span.end + width / 2 })}>
        <Icon name="right" size={16} />
      </ActionIcon>
      <ActionIcon className="wide-only" variant="subtle" color="gray" aria-label={text.zoomOut} title={`${text.zoomOut} (Z)`} onClick={() => setSpan({ start: span.start - width / 2, end: Math.min(span.end + width / 2, Date.now() / 1_000) })}>
        <Icon name="zoomOut" size={16} />
      </ActionIcon>
      <Tooltip label={every === "off" ? text.refresh : `${text.refreshEvery} ${every}`}>
        <ActionIcon variant="default" size={30} aria-label={text.refresh} onClick={refresh} style={every === "off" ? {} : { color: "var(--accent)" }}>
          <Icon name="refresh" size={16} />
        </ActionIcon>
      </Tooltip>
    </Group>
  );
}
