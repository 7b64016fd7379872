// What the command palette offers: places, actions, dashboards, metrics, services, and trace ids.
import { useMantineColorScheme } from "@mantine/core";
import { useNavigate, useSearchParams } from "react-router";

import { useMetricNames } from "@/api/hooks";
import { useServices } from "@/api/traces";
import { useText } from "@/lib/text/text";
import type { Command } from "@/ui/palette";
import { ALL_PLACES } from "@/ui/places";
import { address, useClock, useTimeRange } from "@/url/clock";

const TRACE_ID = /^[0-9a-f]{16}([0-9a-f]{16})?$/i;

export function usePaletteCommands({ help }: { help: () => void }): (asked: string) => Command[] {
  const { text, language, setLanguage } = useText();
  const navigate = useNavigate();
  const [search] = useSearchParams();
  const { toggleColorScheme } = useMantineColorScheme();
  const { refresh } = useClock();
  const { span, set } = useTimeRange();
  const names = useMetricNames(span);
  const services = useServices();
  const to = (path: string, parameters: Record<string, string> = {}) => () => navigate(address(path, parameters, search));
  const fixed: Command[] = [
    ...ALL_PLACES.map((place): Command => ({ id: place.path, label: text[place.label], kind: text.place, icon: place.icon, hint: `g ${place.key}`, run: to(place.path) })),
    { id: "theme", label: text.toggleTheme, kind: text.command, icon: "moon", hint: "\\", run: () => toggleColorScheme() },
    { id: "language", label: text.language, kind: text.command, icon: "settings", run: () => setLanguage(language === "en" ? "fr" : "en") },
    { id: "refresh", label: text.refresh, kind: text.command, icon: "refresh", hint: "r", run: refresh },
    { id: "help", label: text.shortcuts, kind: text.command, icon: "help", hint: "?", run: help },
    ...["5m", "1h", "6h", "1d", "7d"].map((range): Command => ({ id: `range-${range}`, label: `${text.lastOf} ${range}`, kind: text.range, icon: "clock", run: () => set({ from: `now-${range}`, to: "now" }) })),
  ];
  const callers = (services.data ?? []).map((service): Command => ({ id: `s-${service}`, label: service, kind: text.service, icon: "services", run: to("/explore/traces", { service }) }));
  const metrics = (names.data?.data ?? []).map((name): Command => ({ id: `m-${name}`, label: name, kind: text.metric, icon: "metrics", run: to("/explore/metrics", { expr: name }) }));
  return (asked) => {
    const plain = asked.trim();
    if (TRACE_ID.test(plain)) return [{ id: "trace", label: plain, kind: text.traces, icon: "traces", run: to(`/trace/${plain}`) }];
    return plain === "" ? [...fixed] : [...fixed, ...callers, ...metrics];
  };
}
