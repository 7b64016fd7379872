import "@mantine/core/styles.css";
import "uplot/dist/uPlot.min.css";
import "@/ui/page.css";

import { createTheme, MantineProvider } from "@mantine/core";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { BrowserRouter } from "react-router";

import { TextProvider } from "@/lib/text";
import { Pages } from "@/routes";

const theme = createTheme({ primaryColor: "cyan", defaultRadius: "sm" });
const queries = new QueryClient({
  defaultOptions: { queries: { retry: 1, refetchOnWindowFocus: false, staleTime: 2_000 } },
});

const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <StrictMode>
      <MantineProvider theme={theme} defaultColorScheme="auto">
        <QueryClientProvider client={queries}>
          <TextProvider>
            <BrowserRouter>
              <Pages />
            </BrowserRouter>
          </TextProvider>
        </QueryClientProvider>
      </MantineProvider>
    </StrictMode>,
  );
}
