import { expect, test } from "vitest";

import { type Chosen, interpolate, one, quotePromql } from "@/lib/dashboard/interpolate";
import { stepsOf } from "@/lib/dashboard/interval";
import { layOut } from "@/lib/dashboard/layout";
import { readDashboard } from "@/lib/dashboard/model";
import { transform } from "@/lib/dashboard/transform";
import { choose, filterOptions, splitCustom } from "@/lib/dashboard/variables";

test("variables are replaced as their data source takes them", () => {
  const many: Chosen = { values: ["a.b", "c"], text: "a.b + c", isMulti: true };
  const scope = new Map<string, Chosen>([["job", one("node")], ["host", many]]);
  expect(interpolate('up{job="$job",host=~"$host"} [[job]] ${host:csv} $other', scope, quotePromql)).toBe('up{job="node",host=~"(a\\\\.b|c)"} node a.b,c $other');
});

test("the interval follows the room that there is, and the rate's covers four scrapes", () => {
  const { step, scope } = stepsOf({ start: 0, end: 86_400 }, 800, null, 15);
  expect([step, scope.get("__rate_interval")?.values[0], scope.get("__range")?.values[0]]).toEqual([120, "2m15s", "86400s"]);
  expect(stepsOf({ start: 0, end: 900 }, 800, null, 15).scope.get("__rate_interval")?.values[0]).toBe("1m");
});

test("options are cut out by a pattern, and what is chosen holds", () => {
  expect(filterOptions([{ text: "a-10", value: "a-10" }, { text: "a-9", value: "a-9" }, { text: "b", value: "b" }], "/a-(.*)/", 3).map((option) => option.value)).toEqual(["9", "10"]);
  expect(splitCustom("one : 1, two")).toEqual([{ text: "one", value: "1" }, { text: "two", value: "two" }]);
  const [variable] = readDashboard({ templating: { list: [{ name: "x", type: "query", current: { value: "gone" } }] } }).variables;
  expect(variable && choose(variable, [{ text: "there", value: "there" }], [])).toEqual(["there"]);
});

test("rows hold what is after them, and a panel is repeated for each value", () => {
  const dashboard = readDashboard({ panels: [{ id: 1, type: "row", gridPos: { x: 0, y: 0, w: 24, h: 1 } }, { id: 2, type: "stat", repeat: "x", gridPos: { x: 0, y: 1, w: 24, h: 4 } }, { id: 3, type: "stat", gridPos: { x: 0, y: 5, w: 24, h: 4 } }] });
  const [section] = layOut(dashboard.panels, new Map([["x", { values: ["a", "b"], text: "", isMulti: true }]]));
  expect(section?.panels.map(({ panel, pos }) => [panel.id, pos.x, pos.y, pos.w])).toEqual([[2, 0, 0, 12], [2, 12, 0, 12], [3, 0, 4, 24]]);
});

test("tables are merged and put in order", () => {
  const table = (name: string, values: number[]) => ({ refId: "A", fields: [{ name: "host", type: "string" as const, values: ["a", "b"] }, { name, type: "number" as const, values }] });
  const { frames, unknown } = transform([table("x", [1, 2]), table("y", [3, 4])], [{ id: "merge", options: {} }, { id: "organize", options: { excludeByName: { x: true } } }, { id: "unheard", options: {} }]);
  expect([frames[0]?.fields.map((field) => [field.name, field.values]), unknown]).toEqual([[["host", ["a", "b"]], ["y", [3, 4]]], ["unheard"]]);
});
