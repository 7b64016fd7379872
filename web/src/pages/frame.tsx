// The frame of every page: where one is, where one can go, when one looks.
import { ActionIcon, Drawer, Menu, useComputedColorScheme, useMantineColorScheme } from "@mantine/core";
import { useDisclosure, useLocalStorage } from "@mantine/hooks";
import { useQueryClient } from "@tanstack/react-query";
import { Suspense, useEffect } from "react";
import { Link, Outlet, useLocation, useNavigate, useSearchParams } from "react-router";

import { BASE } from "@/api/client";
import { logOut, useUser } from "@/api/grafana";
import { useRules } from "@/api/hooks";
import { useText } from "@/lib/text/text";
import { usePaletteCommands } from "@/pages/palette-commands";
import { Failure } from "@/ui/failure";
import { Icon } from "@/ui/icon";
import { Waiting } from "@/ui/notice";
import { Palette } from "@/ui/palette";
import { ALL_PLACES, isAt, PLACES } from "@/ui/places";
import { RangePicker } from "@/ui/range-picker";
import { ShortcutSheet, useShortcuts } from "@/ui/shortcuts";
import { address, carried, useClock, useTimeRange } from "@/url/clock";

function useFiring(): number {
  const { nowMs } = useClock();
  const { data } = useRules(Math.floor(nowMs / 15_000) * 15_000);
  let firing = 0;
  for (const group of data?.data.groups ?? []) {
    for (const rule of group.rules) firing += (rule.alerts ?? []).filter((alert) => alert.state === "firing").length;
  }
  return firing;
}

function Places({ firing, onGo }: { firing: number; onGo?: () => void }) {
  const { text } = useText();
  const { pathname } = useLocation();
  const [search] = useSearchParams();
  return PLACES.map((group) => (
    <div key={group.label ?? "top"}>
      {group.label && group.places.length > 1 ? <div className="nav-heading">{text[group.label]}</div> : group.label ? <div style={{ height: 14 }} /> : null}
      {group.places.map((place) => (
        <Link key={place.path} to={address(place.path, {}, search)} className={`nav-item ${isAt(place, pathname) ? "active" : ""}`} aria-current={isAt(place, pathname) ? "page" : undefined} title={text[place.label]} onClick={onGo}>
          <Icon name={place.icon} />
          <span>{text[place.label]}</span>
          {place.path === "/alerts" && firing > 0 ? <span className="count">{firing}</span> : null}
        </Link>
      ))}
    </div>
  ));
}

function useLoginWhenNeeded() {
  const navigate = useNavigate();
  useEffect(() => {
    const ask = () => navigate(`/login?redirectTo=${encodeURIComponent(location.pathname.slice(BASE.length) + location.search)}`, { replace: true });
    window.addEventListener("vigie-login-needed", ask);
    return () => window.removeEventListener("vigie-login-needed", ask);
  }, [navigate]);
}

function Account() {
  const { text, language, setLanguage } = useText();
  const { setColorScheme } = useMantineColorScheme();
  const scheme = useComputedColorScheme("light");
  const { data: user } = useUser();
  const queries = useQueryClient();
  const navigate = useNavigate();
  const leave = async () => {
    await logOut();
    queries.clear();
    navigate("/login");
  };
  return (
    <Menu position="bottom-end" shadow="md">
      <Menu.Target>
        <ActionIcon variant="subtle" color="gray" aria-label={text.account}>
          <Icon name="user" />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        {user ? <Menu.Label>{user.name || user.login}</Menu.Label> : null}
        <Menu.Item leftSection={<Icon name={scheme === "dark" ? "sun" : "moon"} size={16} />} onClick={() => setColorScheme(scheme === "dark" ? "light" : "dark")}>
          {scheme === "dark" ? text.light : text.dark}
        </Menu.Item>
        <Menu.Item leftSection={<span className="mono">{text.languageShort}</span>} lang={language === "en" ? "fr" : "en"} onClick={() => setLanguage(language === "en" ? "fr" : "en")}>
          {text.language}
        </Menu.Item>
        {user ? <Menu.Item onClick={() => void leave()}>{text.logout}</Menu.Item> : null}
      </Menu.Dropdown>
    </Menu>
  );
}

export function Frame() {
  const { text } = useText();
  const { pathname, search: query } = useLocation();
  const [search] = useSearchParams();
  const navigate = useNavigate();
  const { toggleColorScheme } = useMantineColorScheme();
  const { refresh } = useClock();
  const { span, setSpan } = useTimeRange();
  const [palette, paletteIs] = useDisclosure(false);
  const [help, helpIs] = useDisclosure(false);
  const [drawer, drawerIs] = useDisclosure(false);
  const [narrow, setNarrow] = useLocalStorage({ key: "vigie-narrow", defaultValue: false });
  const firing = useFiring();
  useLoginWhenNeeded();
  const width = span.end - span.start;
  const go = Object.fromEntries(ALL_PLACES.map((place) => [`g ${place.key}`, () => navigate(`${place.path}?${carried(search).toString()}`)]));
  useShortcuts({
    ...go,
    "ctrl+k": paletteIs.toggle,
    "/": paletteIs.open,
    "?": helpIs.toggle,
    r: refresh,
    z: () => setSpan({ start: span.start - width / 2, end: Math.min(span.end + width / 2, Date.now() / 1_000) }),
    "shift+ArrowLeft": () => setSpan({ start: span.start - width / 2, end: span.end - width / 2 }),
    "shift+ArrowRight": () => setSpan({ start: span.start + width / 2, end: span.end + width / 2 }),
    "\\": toggleColorScheme,
    "[": () => setNarrow(!narrow),
  });
  const commands = usePaletteCommands({ help: helpIs.open });
  const here = ALL_PLACES.find((place) => isAt(place, pathname));
  return (
    <div className={`frame ${narrow ? "narrow" : ""}`}>
      <a className="skip-link" href={`${BASE}${pathname}${query}#main`}>
        {text.skip}
      </a>
      <nav className="frame-nav" aria-label={text.navigation}>
        <Link to={address("/", {}, search)} className="frame-brand">
          <img src="favicon.svg" alt="" width={24} height={24} />
          <span>Vigie</span>
        </Link>
        <Places firing={firing} />
        <button type="button" className="nav-item" style={{ marginTop: "auto", border: 0, background: "none", cursor: "pointer" }} title={`${text.collapse} ([)`} aria-label={text.collapse} onClick={() => setNarrow(!narrow)}>
          <Icon name={narrow ? "right" : "left"} size={16} />
        </button>
      </nav>
      <header className="frame-head">
        <h1 className="page-title ellipsis">{here ? text[here.label] : "Vigie"}</h1>
        <div style={{ flex: 1 }} />
        <button type="button" className="search-button" onClick={paletteIs.open} aria-label={text.search}>
          <Icon name="search" size={15} />
          <span className="wide-only">{text.search}</span>
          <kbd className="wide-only">Ctrl K</kbd>
        </button>
        <RangePicker />
        <ActionIcon className="wide-only" variant="subtle" color="gray" aria-label={text.shortcuts} title={`${text.shortcuts} (?)`} onClick={helpIs.open}>
          <Icon name="help" />
        </ActionIcon>
        <Account />
      </header>
      <main className="frame-main" id="main" tabIndex={-1}>
        <Failure title={text.failed} again={text.again} watch={pathname + query}>
          <Suspense fallback={<Waiting height={240} label={text.loading} />}>
            <Outlet />
          </Suspense>
        </Failure>
      </main>
      <nav className="tab-bar" aria-label={text.navigation}>
        {ALL_PLACES.filter((place) => place.isMain).map((place) => (
          <Link key={place.path} to={address(place.path, {}, search)} className={isAt(place, pathname) ? "active" : ""}>
            <Icon name={place.icon} />
            {text[place.label]}
          </Link>
        ))}
        <button type="button" onClick={drawerIs.open}>
          <Icon name="menu" />
          {text.more}
        </button>
      </nav>
      <Drawer opened={drawer} onClose={drawerIs.close} position="bottom" size="75%" title="Vigie" closeButtonProps={{ "aria-label": text.close }}>
        <Places firing={firing} onGo={drawerIs.close} />
      </Drawer>
      {palette ? <Palette commands={commands} onClose={paletteIs.close} /> : null}
      {help ? <ShortcutSheet onClose={helpIs.close} /> : null}
    </div>
  );
}
