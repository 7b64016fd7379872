// What is drawn behind and over lines: thresholds, and marks of moments such as deployments.
import type uPlot from "uplot";

export interface Threshold {
  value: number | null;
  color: string;
}

export interface Mark {
  /** Unix seconds. */
  time: number;
  end?: number | undefined;
  text: string;
  color: string;
}

function plain(color: string): string {
  return color.startsWith("var(") ? "#7d8997" : color;
}

export function thresholdsPlugin(thresholds: readonly Threshold[], style: "line" | "area"): uPlot.Plugin {
  return {
    hooks: {
      drawClear: [
        (self) => {
          const { ctx, bbox } = self;
          ctx.save();
          for (const [index, { value, color }] of thresholds.entries()) {
            const next = thresholds[index + 1]?.value;
            const bottom = bbox.top + bbox.height;
            const from = value === null || !Number.isFinite(value) ? bottom : self.valToPos(value, "y", true);
            const to = next === undefined || next === null ? bbox.top : self.valToPos(next, "y", true);
            if (style === "area") {
              ctx.globalAlpha = 0.1;
              ctx.fillStyle = plain(color);
              const [low, high] = [Math.min(from, bottom), Math.max(to, bbox.top)];
              if (low > high) ctx.fillRect(bbox.left, high, bbox.width, low - high);
            }
            if (value === null || from < bbox.top || from > bottom) continue;
            ctx.globalAlpha = 0.7;
            ctx.strokeStyle = plain(color);
            ctx.lineWidth = devicePixelRatio;
            ctx.setLineDash([6, 4]);
            ctx.beginPath();
            ctx.moveTo(bbox.left, from);
            ctx.lineTo(bbox.left + bbox.width, from);
            ctx.stroke();
          }
          ctx.restore();
        },
      ],
    },
  };
}

export function marksPlugin(marks: () => readonly Mark[]): uPlot.Plugin {
  return {
    hooks: {
      draw: [
        (self) => {
          const { ctx, bbox } = self;
          ctx.save();
          for (const { time, end, color } of marks()) {
            const left = self.valToPos(time, "x", true);
            const right = end ? self.valToPos(end, "x", true) : left;
            if (right < bbox.left || left > bbox.left + bbox.width) continue;
            ctx.fillStyle = plain(color);
            ctx.strokeStyle = plain(color);
            if (right > left) {
              ctx.globalAlpha = 0.12;
              ctx.fillRect(Math.max(left, bbox.left), bbox.top, Math.min(right, bbox.left + bbox.width) - Math.max(left, bbox.left), bbox.height);
            }
            if (left < bbox.left) continue;
            ctx.globalAlpha = 0.9;
            ctx.setLineDash([4, 3]);
            ctx.lineWidth = devicePixelRatio;
            ctx.beginPath();
            ctx.moveTo(left, bbox.top);
            ctx.lineTo(left, bbox.top + bbox.height);
            ctx.stroke();
            ctx.beginPath();
            ctx.moveTo(left - 4 * devicePixelRatio, bbox.top + bbox.height);
            ctx.lineTo(left + 4 * devicePixelRatio, bbox.top + bbox.height);
            ctx.lineTo(left, bbox.top + bbox.height - 6 * devicePixelRatio);
            ctx.fill();
          }
          ctx.restore();
        },
      ],
    },
  };
}
