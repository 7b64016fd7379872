// The box beside the cursor. Names come from outside: they are set as text, never as HTML.
import type uPlot from "uplot";

import { colorOf } from "@/charts/colors";
import type { Line } from "@/charts/frame";
import type { Mark } from "@/charts/marks";
import { formatValue } from "@/lib/format";
import { formatTime } from "@/lib/time";

interface Options {
  lines: () => readonly Line[];
  marks: () => readonly Mark[];
  unit?: string | undefined;
  decimals?: number | null | undefined;
  isSingle: boolean;
  onPoint: (time: number, line: number | null) => void;
}

const ROWS_MAX = 14;

/** The line drawn nearest to the cursor. */
function nearest(self: uPlot, at: number, top: number): number | null {
  let best: number | null = null;
  let least = Number.POSITIVE_INFINITY;
  for (let index = 1; index < self.series.length; index += 1) {
    const series = self.series[index];
    const value = self.data[index]?.[at];
    if (!series?.show || value === null || value === undefined) continue;
    const distance = Math.abs(self.valToPos(value, series.scale ?? "y") - top);
    if (distance < least) {
      least = distance;
      best = index - 1;
    }
  }
  return best;
}

function row(name: string, value: string, color: string, isNear: boolean): HTMLElement {
  const element = document.createElement("div");
  element.className = isNear ? "row near" : "row";
  const mark = document.createElement("span");
  mark.className = "legend-mark";
  mark.style.background = color;
  const label = document.createElement("span");
  label.className = "ellipsis";
  label.textContent = name;
  const number = document.createElement("b");
  number.textContent = value;
  element.append(mark, label, number);
  return element;
}

export function tipPlugin({ lines, marks, unit, decimals, isSingle, onPoint }: Options): uPlot.Plugin {
  const tip = document.createElement("div");
  tip.className = "chart-tip";
  tip.hidden = true;
  const fill = (self: uPlot, at: number, near: number | null) => {
    const time = document.createElement("div");
    time.className = "soft";
    time.textContent = formatTime((self.data[0][at] ?? 0) * 1_000);
    const found: { index: number; line: Line; value: number }[] = [];
    for (const [index, line] of lines().entries()) {
      const value = line.values[at];
      if (line.isHidden || value === null || value === undefined) continue;
      if (!isSingle || index === near) found.push({ index, line, value });
    }
    found.sort((a, b) => Number(b.index === near) - Number(a.index === near) || b.value - a.value);
    const rows = found.slice(0, ROWS_MAX).map(({ index, line, value }) => row(line.name, formatValue(value, line.unit ?? unit, line.decimals ?? decimals), line.color ?? colorOf(index), index === near && found.length > 1));
    if (found.length > ROWS_MAX) {
      const more = document.createElement("div");
      more.className = "soft";
      more.textContent = `+ ${found.length - ROWS_MAX}`;
      rows.push(more);
    }
    const left = self.cursor.left ?? 0;
    const marked = marks().filter((mark) => Math.abs(self.valToPos(mark.time, "x") - left) < 6 || (mark.end !== undefined && left >= self.valToPos(mark.time, "x") && left <= self.valToPos(mark.end, "x")));
    tip.replaceChildren(time, ...marked.slice(0, 4).map((mark) => row(mark.text, "", mark.color, true)), ...rows);
    return found.length > 0;
  };
  return {
    hooks: {
      init: [
        (self) => {
          self.root.append(tip);
          self.over.addEventListener("mouseleave", () => (tip.hidden = true));
          let down = 0;
          self.over.addEventListener("mousedown", (event) => (down = event.clientX));
          self.over.addEventListener("click", (event) => {
            const { idx, top } = self.cursor;
            if (Math.abs(event.clientX - down) > 3 || idx === null || idx === undefined) return;
            onPoint(self.data[0][idx] ?? 0, nearest(self, idx, top ?? 0));
          });
        },
      ],
      setCursor: [
        (self) => {
          const { left = -1, top = -1, idx } = self.cursor;
          // A chart that only follows another's crosshair shows no box of its own.
          if (left < 0 || idx === null || idx === undefined || !self.over.matches(":hover")) {
            tip.hidden = true;
            return;
          }
          tip.hidden = !fill(self, idx, nearest(self, idx, top));
          const offset = self.over.offsetLeft + left;
          const isRight = left > self.over.clientWidth / 2;
          tip.style.left = isRight ? "" : `${offset + 14}px`;
          tip.style.right = isRight ? `${self.root.clientWidth - offset + 14}px` : "";
          tip.style.top = `${self.over.offsetTop + Math.min(top, self.over.clientHeight * 0.5)}px`;
        },
      ],
    },
  };
}
