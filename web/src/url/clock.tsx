// The moment that "now" means, for everything on the page at once; it moves on when the page refreshes.
import { createContext, type ReactNode, useCallback, useContext, useEffect, useMemo, useState } from "react";
import { useLocation, useSearchParams } from "react-router";

import { isRelative, parseDuration, RANGE_DEFAULT, readTimeRange, resolveRange, type Span, type TimeRange } from "@/url/time-range";

interface Clock {
  nowMs: number;
  refresh: () => void;
}

const ClockContext = createContext<Clock>({ nowMs: Date.now(), refresh: () => {} });

/** Places that refresh by themselves unless the address says otherwise. */
const LIVE = /^\/($|alerts|silences|history|incidents|sources|storage|pipelines|health)/;

export function refreshInterval(pathname: string, search: URLSearchParams): string {
  return search.get("refresh") || (LIVE.test(pathname) ? "10s" : "off");
}

export function ClockProvider({ children }: { children: ReactNode }) {
  const [nowMs, setNow] = useState(() => Date.now());
  const { pathname } = useLocation();
  const [search] = useSearchParams();
  const seconds = parseDuration(refreshInterval(pathname, search));
  const refresh = useCallback(() => setNow(Date.now()), []);
  // A new address is a new question: it is asked now.
  useEffect(refresh, [pathname, refresh]);
  useEffect(() => {
    if (seconds === null) return;
    const timer = setInterval(() => {
      if (!document.hidden) refresh();
    }, seconds * 1_000);
    return () => clearInterval(timer);
  }, [seconds, refresh]);
  const clock = useMemo(() => ({ nowMs, refresh }), [nowMs, refresh]);
  return <ClockContext value={clock}>{children}</ClockContext>;
}

export function useClock(): Clock {
  return useContext(ClockContext);
}

/** The address' range, its ends now, and ways to change it. */
export function useTimeRange(otherwise: TimeRange = RANGE_DEFAULT) {
  const { nowMs, refresh } = useClock();
  const [search, setSearch] = useSearchParams();
  const { from, to } = readTimeRange(search, otherwise);
  const range = useMemo(() => ({ from, to }), [from, to]);
  const span = useMemo(() => resolveRange(range, nowMs), [range, nowMs]);
  const set = useCallback(
    (next: TimeRange) => {
      setSearch((before) => {
        before.set("from", next.from);
        before.set("to", next.to);
        before.delete("range");
        before.delete("end");
        return before;
      });
      if (isRelative(next)) refresh();
    },
    [setSearch, refresh],
  );
  const setSpan = useCallback(({ start, end }: Span) => set({ from: `${Math.round(start * 1_000)}`, to: `${Math.round(end * 1_000)}` }), [set]);
  return { range, span, set, setSpan };
}

/** What goes along from place to place: the range. */
export function carried(search: URLSearchParams): URLSearchParams {
  const kept = new URLSearchParams();
  for (const name of ["from", "to", "range", "end"]) {
    const value = search.get(name);
    if (value) kept.set(name, value);
  }
  return kept;
}

/** An address with parameters; empty ones are left out. */
export function address(path: string, parameters: Record<string, string | null | undefined>, keep?: URLSearchParams): string {
  const query = new URLSearchParams(keep ? carried(keep) : undefined);
  for (const [name, value] of Object.entries(parameters)) {
    if (value) query.set(name, value);
  }
  return query.size > 0 ? `${path}?${query.toString()}` : path;
}
