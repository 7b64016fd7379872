import { expect, test } from "vitest";

import { alertmanagerTarget, discoverTarget, exploreTarget, graphTarget, jaegerTarget } from "@/url/old-doors";

const at = (query: string) => new URLSearchParams(query);

test("bookmarks of the replaced tools lead to the same question", () => {
  expect(graphTarget(at("g0.expr=up&g0.range_input=1h&g0.tab=1"))).toBe("/explore/metrics?expr=up&range=1h&tab=table");
  expect(alertmanagerTarget(at(""), '#/alerts?filter={a="b"}')).toBe("/alerts?filter=%7Ba%3D%22b%22%7D");
  expect(alertmanagerTarget(at(""), "#/silences")).toBe("/silences");
  expect(alertmanagerTarget(at(""), "#/silences/2f1c")).toBe("/silences?edit=2f1c");
  expect(alertmanagerTarget(at(""), '#/silences/new?filter={a="b"}')).toBe("/silences?edit=new&matchers=%7Ba%3D%22b%22%7D");
  const kibana = "#/?_g=(time:(from:now-1h,to:now))&_a=(columns:!(message),query:(language:kuery,query:'level:error and it!'s'))";
  expect(discoverTarget(at(""), kibana)).toBe("/explore/logs?q=level%3Aerror+and+it%27s&from=now-1h&to=now");
  expect(jaegerTarget(at('service=shop&lookback=2h&tags={"http.method":"GET"}'))).toBe("/explore/traces?service=shop&tags=http.method%3DGET&from=now-2h");
  expect(exploreTarget(at('left={"queries":[{"expr":"up"}],"range":{"from":"now-1h","to":"now"}}'))).toBe("/explore/metrics?expr=up&from=now-1h&to=now");
  expect(exploreTarget(at("left=broken"))).toBe("/explore/metrics");
});
