// The page's words, in English and French.
import { createContext, type ReactNode, useContext, useMemo, useState } from "react";

const english = {
  now: "Now",
  explore: "Explore metrics",
  sources: "Sources",
  nowTitle: "What is happening now",
  cpu: "CPU in use",
  memory: "Memory in use",
  filesystem: "Disk space in use",
  disk: "Disk traffic",
  network: "Network traffic",
  load: "Load (1 minute)",
  read: "read",
  written: "written",
  received: "received",
  sent: "sent",
  targetsUp: "Targets up",
  targetsDown: "Targets down",
  samplesPerSecond: "Samples a second",
  seriesActive: "Series",
  query: "Run",
  chart: "Chart",
  table: "Table",
  expression: "Expression (PromQL)",
  placeholder: "Ask in PromQL, for example: rate(node_cpu_seconds_total[1m])",
  noData: "No data in this range",
  waiting: "Waiting for the first data…",
  loading: "Loading…",
  series: "Series",
  value: "Value",
  more: "more series; narrow the question",
  range: "Time range",
  target: "Target",
  state: "State",
  labels: "Labels",
  lastScrape: "Last scrape",
  error: "Error",
  pool: "Job",
  filter: "Filter by address, label or error",
  up: "up",
  down: "down",
  unknown: "not scraped yet",
  noTargets: "No targets. Point Vigie at a prometheus.yml: vigie run prometheus.yml",
  openQuery: "See the query behind it",
  light: "Light",
  dark: "Dark",
  language: "Français",
  secondsAgo: "s ago",
  never: "never",
};

const french: typeof english = {
  now: "Maintenant",
  explore: "Explorer les métriques",
  sources: "Sources",
  nowTitle: "Ce qui se passe maintenant",
  cpu: "Processeur utilisé",
  memory: "Mémoire utilisée",
  filesystem: "Espace disque utilisé",
  disk: "Trafic disque",
  network: "Trafic réseau",
  load: "Charge (1 minute)",
  read: "lu",
  written: "écrit",
  received: "reçu",
  sent: "envoyé",
  targetsUp: "Cibles actives",
  targetsDown: "Cibles en panne",
  samplesPerSecond: "Échantillons par seconde",
  seriesActive: "Séries",
  query: "Exécuter",
  chart: "Graphique",
  table: "Tableau",
  expression: "Expression (PromQL)",
  placeholder: "Posez une question en PromQL, par exemple : rate(node_cpu_seconds_total[1m])",
  noData: "Aucune donnée sur cette période",
  waiting: "En attente des premières données…",
  loading: "Chargement…",
  series: "Série",
  value: "Valeur",
  more: "séries de plus ; précisez la question",
  range: "Période",
  target: "Cible",
  state: "État",
  labels: "Étiquettes",
  lastScrape: "Dernière collecte",
  error: "Erreur",
  pool: "Tâche",
  filter: "Filtrer par adresse, étiquette ou erreur",
  up: "active",
  down: "en panne",
  unknown: "pas encore collectée",
  noTargets: "Aucune cible. Donnez un prometheus.yml à Vigie : vigie run prometheus.yml",
  openQuery: "Voir la requête derrière",
  light: "Clair",
  dark: "Sombre",
  language: "English",
  secondsAgo: "s",
  never: "jamais",
};

export type Language = "en" | "fr";
export type Text = typeof english;

const TEXTS: Record<Language, Text> = { en: english, fr: french };
const KEY = "vigie-language";

interface Spoken {
  text: Text;
  language: Language;
  setLanguage: (language: Language) => void;
}

const TextContext = createContext<Spoken>({ text: english, language: "en", setLanguage: () => {} });

function initial(): Language {
  const kept = localStorage.getItem(KEY);
  if (kept === "en" || kept === "fr") return kept;
  return navigator.language.startsWith("fr") ? "fr" : "en";
}

export function TextProvider({ children }: { children: ReactNode }) {
  const [language, keep] = useState<Language>(initial);
  const spoken = useMemo(() => {
    document.documentElement.lang = language;
    const setLanguage = (next: Language) => {
      localStorage.setItem(KEY, next);
      keep(next);
    };
    return { text: TEXTS[language], language, setLanguage };
  }, [language]);
  return <TextContext value={spoken}>{children}</TextContext>;
}

export function useText(): Spoken {
  return useContext(TextContext);
}
