// The page's words. Each is a pair, English and French, so that none can lack a language: a word that
// is asked for and does not exist fails the build.
import { createContext, type ReactNode, useContext, useMemo, useState } from "react";

import { alerts } from "@/lib/text/alerts";
import { dashboards } from "@/lib/text/dashboards";
import { explore } from "@/lib/text/explore";
import { shell } from "@/lib/text/shell";
import { system } from "@/lib/text/system";

const words = { ...shell, ...explore, ...dashboards, ...alerts, ...system };

export type Language = "en" | "fr";
export type Text = Record<keyof typeof words, string>;

function pick(position: 0 | 1): Text {
  return Object.fromEntries(Object.entries(words).map(([key, pair]) => [key, pair[position]])) as Text;
}

const TEXTS: Record<Language, Text> = { en: pick(0), fr: pick(1) };
const KEY = "vigie-language";

interface Spoken {
  text: Text;
  language: Language;
  setLanguage: (language: Language) => void;
}

const TextContext = createContext<Spoken>({ text: TEXTS.en, language: "en", setLanguage: () => {} });

function initial(): Language {
  const asked = new URLSearchParams(location.search).get("lang");
  if (asked === "en" || asked === "fr") return asked;
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
