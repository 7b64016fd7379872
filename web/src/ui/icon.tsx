// The page's own icons: strokes on a grid of 24.
const PATHS = {
  now: "M3 12h4l3-8 4 16 3-8h4",
  metrics: "M4 20V4M4 20h16M8 16l4-5 3 3 5-7",
  logs: "M4 6h16M4 10h10M4 14h16M4 18h8",
  traces: "M3 6h10M8 12h12M6 18h6",
  services: "M12 3v6M12 15v6M5 19l5-4M19 19l-5-4M12 9a3 3 0 100 6 3 3 0 000-6z",
  dashboards: "M4 4h7v9H4zM13 4h7v5h-7zM13 11h7v9h-7zM4 15h7v5H4z",
  alerts: "M6 16V11a6 6 0 1112 0v5l2 2H4zM10 21h4",
  silences: "M6 16V11a6 6 0 018-5.7M18 11v5l2 2H8M3 3l18 18",
  incidents: "M12 3l10 18H2zM12 10v5M12 18v.5",
  sources: "M12 12m-2 0a2 2 0 104 0 2 2 0 10-4 0M7 7a7 7 0 000 10M17 7a7 7 0 010 10M4 4a11 11 0 000 16M20 4a11 11 0 010 16",
  pipelines: "M4 6h6v4H4zM14 14h6v4h-6zM10 8h4a3 3 0 013 3v3",
  storage: "M4 6c0-4 16-4 16 0v12c0 4-16 4-16 0zM4 6c0 4 16 4 16 0M4 12c0 4 16 4 16 0",
  health: "M12 21C5 15 3 12 3 8.500A4.500 4.500 0 0112 7a4.500 4.500 0 019 1.500C21 12 19 15 12 21z",
  settings: "M12 9a3 3 0 100 6 3 3 0 000-6zM12 2v3M12 19v3M2 12h3M19 12h3M5 5l2 2M17 17l2 2M5 19l2-2M17 7l2-2",
  search: "M11 4a7 7 0 100 14 7 7 0 000-14zM16 16l5 5",
  refresh: "M20 5v5h-5M19.500 10A8 8 0 1020 14",
  clock: "M12 3a9 9 0 100 18 9 9 0 000-18zM12 7v5l3 2",
  left: "M15 5l-7 7 7 7",
  right: "M9 5l7 7-7 7",
  down: "M5 9l7 7 7-7",
  up: "M5 15l7-7 7 7",
  close: "M5 5l14 14M19 5L5 19",
  plus: "M12 5v14M5 12h14",
  minus: "M5 12h14",
  edit: "M4 20l1-5L16 4l4 4L9 19zM13 7l4 4",
  save: "M5 4h11l3 3v13H5zM8 4v5h7V4M8 20v-6h8v6",
  share: "M14 4h6v6M20 4l-9 9M18 14v6H4V6h6",
  table: "M4 5h16v14H4zM4 10h16M10 10v9",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
  download: "M12 4v11M7 11l5 5 5-5M4 20h16",
  upload: "M12 16V5M7 9l5-5 5 5M4 20h16",
  menu: "M4 6h16M4 12h16M4 18h16",
  more: "M5 12h.01M12 12h.01M19 12h.01",
  sun: "M12 8a4 4 0 100 8 4 4 0 000-8zM12 2v2M12 20v2M2 12h2M20 12h2M5 5l1 1M18 18l1 1M5 19l1-1M18 6l1-1",
  moon: "M20 14A8 8 0 1110 4a7 7 0 0010 10z",
  help: "M12 3a9 9 0 100 18 9 9 0 000-18zM9.500 9.500a2.500 2.500 0 115 0c0 2-2.500 2-2.500 4M12 17v.5",
  zoomOut: "M11 4a7 7 0 100 14 7 7 0 000-14zM16 16l5 5M8 11h6",
  history: "M4 5v5h5M4.500 10A8 8 0 114 14M12 8v4l3 2",
  link: "M10 14a4 4 0 006 0l3-3a4 4 0 00-6-6l-1 1M14 10a4 4 0 00-6 0l-3 3a4 4 0 006 6l1-1",
  play: "M7 4l13 8-13 8z",
  pause: "M8 5v14M16 5v14",
  user: "M12 4a4 4 0 100 8 4 4 0 000-8zM4 21c1-8 15-8 16 0",
  list: "M8 6h12M8 12h12M8 18h12M4 6h.01M4 12h.01M4 18h.01",
  filter: "M3 5h18l-7 8v6l-4-2v-4z",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 18 }: { name: IconName; size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 24 24" fill="none" stroke="currentColor" strokeWidth={1.8} strokeLinecap="round" strokeLinejoin="round" aria-hidden="true" style={{ flex: "none" }}>
      <path d={PATHS[name]} />
    </svg>
  );
}
