import { ActionIcon, AppShell, Button, Group, NavLink, Text, useComputedColorScheme, useMantineColorScheme } from "@mantine/core";
import { Link, Outlet, useLocation } from "react-router";

import { useText } from "@/lib/text";

/** The frame of every page: where one is, where one can go. */
export function Layout() {
  const { text, language, setLanguage } = useText();
  const { pathname, search } = useLocation();
  const { setColorScheme } = useMantineColorScheme();
  const scheme = useComputedColorScheme("light");
  const places = [
    { to: "/", label: text.now },
    { to: "/explore/metrics", label: text.explore },
    { to: "/sources", label: text.sources },
  ];
  // The time range goes along from page to page.
  const kept = new URLSearchParams(search);
  kept.delete("expr");
  kept.delete("tab");
  const suffix = kept.size > 0 ? `?${kept.toString()}` : "";
  return (
    <AppShell header={{ height: 48 }} navbar={{ width: 200, breakpoint: "sm", collapsed: { mobile: true } }} padding="md">
      <a className="skip-link" href="#main">
        ↓
      </a>
      <AppShell.Header>
        <Group h="100%" px="md" justify="space-between" wrap="nowrap">
          <Group gap="xs" wrap="nowrap">
            <img src="/favicon.svg" alt="" width={24} height={24} />
            <Text fw={700}>Vigie</Text>
          </Group>
          <Group gap="xs" hiddenFrom="sm" wrap="nowrap">
            {places.map((place) => (
              <Button key={place.to} component={Link} to={place.to + suffix} size="compact-xs" variant={pathname === place.to ? "light" : "subtle"}>
                {place.label}
              </Button>
            ))}
          </Group>
          <Group gap="xs" wrap="nowrap">
            <Button size="compact-sm" variant="subtle" onClick={() => setLanguage(language === "en" ? "fr" : "en")}>
              {text.language}
            </Button>
            <ActionIcon
              variant="subtle"
              aria-label={scheme === "dark" ? text.light : text.dark}
              title={scheme === "dark" ? text.light : text.dark}
              onClick={() => setColorScheme(scheme === "dark" ? "light" : "dark")}
            >
              {scheme === "dark" ? "☀" : "☾"}
            </ActionIcon>
          </Group>
        </Group>
      </AppShell.Header>
      <AppShell.Navbar p="xs" component="nav">
        {places.map((place) => (
          <NavLink key={place.to} component={Link} to={place.to + suffix} label={place.label} active={pathname === place.to} />
        ))}
      </AppShell.Navbar>
      <AppShell.Main id="main">
        <Outlet />
      </AppShell.Main>
    </AppShell>
  );
}
