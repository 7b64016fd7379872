import "@mantine/core/styles.css";
import "@/ui/page.css";

import { createTheme, MantineProvider } from "@mantine/core";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { BrowserRouter } from "react-router";

import { ApiError, BASE } from "@/api/client";
import { TextProvider } from "@/lib/text/text";
import { Pages } from "@/routes";
import { ClockProvider } from "@/url/clock";

const theme = createTheme({
  primaryColor: "cyan",
  primaryShade: { light: 9, dark: 6 },
  autoContrast: true,
  defaultRadius: 6,
  fontFamily: 'Inter, system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif',
  fontFamilyMonospace: 'ui-monospace, "SF Mono", Menlo, "DejaVu Sans Mono", Consolas, monospace',
});
const queries = new QueryClient({
  defaultOptions: {
    queries: {
      // What the server refuses it refuses again.
      retry: (count, error) => count < 1 && !(error instanceof ApiError && error.status >= 400 && error.status < 500),
      refetchOnWindowFocus: false,
      staleTime: 2_000,
    },
  },
});

const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <StrictMode>
      <MantineProvider theme={theme} defaultColorScheme="auto">
        <QueryClientProvider client={queries}>
          <TextProvider>
            <BrowserRouter basename={BASE || "/"}>
              <ClockProvider>
                <Pages />
              </ClockProvider>
            </BrowserRouter>
          </TextProvider>
        </QueryClientProvider>
      </MantineProvider>
    </StrictMode>,
  );
}
