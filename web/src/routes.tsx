// Every address of the page, in one file. Each place is fetched when it is first visited.
import { lazy, Suspense } from "react";
import { Navigate, Route, Routes, useLocation, useParams } from "react-router";

import { useText } from "@/lib/text/text";
import { Frame } from "@/pages/frame";
import { alertmanagerTarget, discoverTarget, exploreTarget, graphTarget, jaegerTarget } from "@/url/old-doors";

const Now = lazy(() => import("@/pages/now"));
const Login = lazy(() => import("@/pages/login"));
const ExploreMetrics = lazy(() => import("@/pages/explore-metrics"));
const ExploreLogs = lazy(() => import("@/pages/explore-logs"));
const ExploreTraces = lazy(() => import("@/pages/explore-traces"));
const TracePage = lazy(() => import("@/pages/trace"));
const ServiceGraph = lazy(() => import("@/pages/service-graph"));
const Dashboards = lazy(() => import("@/pages/dashboards"));
const DashboardPage = lazy(() => import("@/pages/dashboard"));
const Alerts = lazy(() => import("@/pages/alerts"));
const Silences = lazy(() => import("@/pages/silences"));
const History = lazy(() => import("@/pages/history"));
const Sources = lazy(() => import("@/pages/sources"));
const NotFound = lazy(() => import("@/pages/not-found"));

/** An address of a tool that Vigie replaces, which people have as a bookmark. */
function OldDoor({ target }: { target: (search: URLSearchParams, hash: string) => string }) {
  const { search, hash } = useLocation();
  return <Navigate to={target(new URLSearchParams(search), hash)} replace />;
}

function OldTrace() {
  const { id = "" } = useParams();
  return <Navigate to={`/trace/${id}`} replace />;
}

export function Pages() {
  const { text } = useText();
  return (
    <Routes>
      <Route
        path="/login"
        element={
          <Suspense fallback={<main aria-busy="true" aria-label={text.loading} />}>
            <Login />
          </Suspense>
        }
      />
      <Route element={<Frame />}>
        <Route path="/" element={<Now />} />
        <Route path="/explore" element={<OldDoor target={exploreTarget} />} />
        <Route path="/explore/metrics" element={<ExploreMetrics />} />
        <Route path="/explore/logs" element={<ExploreLogs />} />
        <Route path="/explore/traces" element={<ExploreTraces />} />
        <Route path="/explore/services" element={<ServiceGraph />} />
        <Route path="/trace/:id" element={<TracePage />} />
        <Route path="/explore/traces/:id" element={<OldTrace />} />
        <Route path="/dashboards" element={<Dashboards />} />
        <Route path="/d/:uid" element={<DashboardPage />} />
        <Route path="/d/:uid/:slug" element={<DashboardPage />} />
        <Route path="/alerts/*" element={<Alerts />} />
        <Route path="/silences" element={<Silences />} />
        <Route path="/history" element={<History />} />
        <Route path="/sources" element={<Sources />} />
        {/* Prometheus */}
        <Route path="/graph" element={<OldDoor target={graphTarget} />} />
        <Route path="/query" element={<OldDoor target={graphTarget} />} />
        <Route path="/targets" element={<OldDoor target={() => "/sources"} />} />
        <Route path="/service-discovery" element={<OldDoor target={() => "/sources"} />} />
        <Route path="/rules" element={<OldDoor target={() => "/alerts"} />} />
        <Route path="/tsdb-status" element={<OldDoor target={() => "/sources"} />} />
        <Route path="/status" element={<OldDoor target={() => "/sources"} />} />
        <Route path="/config" element={<OldDoor target={() => "/sources"} />} />
        <Route path="/flags" element={<OldDoor target={() => "/sources"} />} />
        {/* Alertmanager, whose addresses are behind a `#` */}
        <Route path="/alertmanager" element={<OldDoor target={alertmanagerTarget} />} />
        {/* Kibana */}
        <Route path="/app/discover" element={<OldDoor target={discoverTarget} />} />
        <Route path="/app/*" element={<OldDoor target={discoverTarget} />} />
        {/* Jaeger */}
        <Route path="/search" element={<OldDoor target={jaegerTarget} />} />
        <Route path="/dependencies" element={<OldDoor target={() => "/explore/services"} />} />
        {/* Grafana */}
        <Route path="/alerting/silences" element={<OldDoor target={() => "/silences"} />} />
        <Route path="/alerting/silence/new" element={<OldDoor target={() => "/silences?edit=new"} />} />
        <Route path="/alerting/*" element={<OldDoor target={() => "/alerts"} />} />
        <Route path="*" element={<NotFound />} />
      </Route>
    </Routes>
  );
}
