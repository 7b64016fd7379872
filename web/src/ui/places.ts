// Every place one can go to by name, in the order of the menu.
import type { Text } from "@/lib/text/text";
import type { IconName } from "@/ui/icon";

export interface Place {
  path: string;
  label: keyof Text;
  icon: IconName;
  /** Pressed after `g`. */
  key: string;
  /** Shown in the bar of a phone. */
  isMain?: boolean;
}

export interface PlaceGroup {
  label: keyof Text | null;
  places: Place[];
}

export const PLACES: PlaceGroup[] = [
  { label: null, places: [{ path: "/", label: "now", icon: "now", key: "n", isMain: true }] },
  {
    label: "explore",
    places: [
      { path: "/explore/metrics", label: "metrics", icon: "metrics", key: "m", isMain: true },
      { path: "/explore/logs", label: "logs", icon: "logs", key: "l", isMain: true },
      { path: "/explore/traces", label: "traces", icon: "traces", key: "t", isMain: true },
      { path: "/explore/services", label: "services", icon: "services", key: "v" },
    ],
  },
  { label: "dashboards", places: [{ path: "/dashboards", label: "dashboards", icon: "dashboards", key: "d" }] },
  {
    label: "alerting",
    places: [
      { path: "/alerts", label: "alerts", icon: "alerts", key: "a", isMain: true },
      { path: "/silences", label: "silences", icon: "silences", key: "s" },
      { path: "/history", label: "history", icon: "history", key: "h" },
    ],
  },
  {
    label: "system",
    places: [
      { path: "/sources", label: "sources", icon: "sources", key: "o" },
    ],
  },
];

export const ALL_PLACES = PLACES.flatMap((group) => group.places);

export function isAt(place: Place, pathname: string): boolean {
  if (place.path === "/") return pathname === "/";
  if (place.path === "/explore/traces" && pathname.startsWith("/trace/")) return true;
  if (place.path === "/dashboards" && pathname.startsWith("/d/")) return true;
  return pathname === place.path || pathname.startsWith(`${place.path}/`);
}
