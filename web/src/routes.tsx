// Every address of the page, in one file.
import { Navigate, Route, Routes } from "react-router";

import { ExploreMetrics } from "@/pages/explore-metrics";
import { Now } from "@/pages/now";
import { Sources } from "@/pages/sources";
import { Layout } from "@/ui/layout";

export function Pages() {
  return (
    <Routes>
      <Route element={<Layout />}>
        <Route path="/" element={<Now />} />
        <Route path="/explore/metrics" element={<ExploreMetrics />} />
        <Route path="/sources" element={<Sources />} />
        {/* Addresses of Prometheus' own page, which people have as bookmarks. */}
        <Route path="/graph" element={<Navigate to="/explore/metrics" replace />} />
        <Route path="/query" element={<Navigate to="/explore/metrics" replace />} />
        <Route path="/targets" element={<Navigate to="/sources" replace />} />
        <Route path="*" element={<Navigate to="/" replace />} />
      </Route>
    </Routes>
  );
}
