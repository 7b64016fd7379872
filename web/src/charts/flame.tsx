// A flame graph: width is time, a click makes a node the whole width.
import { useElementSize } from "@mantine/hooks";
import { useMemo, useState } from "react";

import { colorByName } from "@/charts/colors";
import type { PathNode } from "@/lib/span-tree";
import { formatMicroseconds } from "@/lib/trace";

interface Box {
  node: PathNode;
  left: number;
  width: number;
  row: number;
}

const ROW = 20;
const BOXES_MAX = 4_000;

function layout(root: PathNode, width: number): Box[] {
  const boxes: Box[] = [];
  const queue: Box[] = [{ node: root, left: 0, width, row: 0 }];
  for (let next = queue.shift(); next && boxes.length < BOXES_MAX; next = queue.shift()) {
    if (next.node.depth >= 0) boxes.push(next);
    // Children that run side by side may last longer than their parent together: they share its width.
    const sum = next.node.children.reduce((total, child) => total + child.totalUs, 0);
    const whole = Math.max(sum, next.node.totalUs, 1);
    let left = next.left;
    for (const child of next.node.children.toSorted((a, b) => b.totalUs - a.totalUs)) {
      const part = (child.totalUs / whole) * next.width;
      if (part >= 1) queue.push({ node: child, left, width: part, row: next.node.depth < 0 ? 0 : next.row + 1 });
      left += part;
    }
  }
  return boxes;
}

export function FlameGraph({ root, label }: { root: PathNode; label: string }) {
  const { ref, width } = useElementSize();
  const [zoomed, setZoomed] = useState<PathNode | null>(null);
  const [over, setOver] = useState<Box | null>(null);
  const boxes = useMemo(() => layout(zoomed ?? root, width), [root, zoomed, width]);
  const rows = boxes.reduce((most, box) => Math.max(most, box.row), 0) + 1;
  return (
    <div ref={ref} className="chart" style={{ minHeight: 60 }}>
      <svg width={width} height={rows * ROW} role="img" aria-label={label} style={{ display: "block" }} onMouseLeave={() => setOver(null)}>
        {boxes.map((box) => (
          <g key={box.node.key} transform={`translate(${box.left},${box.row * ROW})`} style={{ cursor: "pointer" }} onMouseEnter={() => setOver(box)} onClick={() => setZoomed(zoomed === box.node ? null : box.node)}>
            <rect width={Math.max(0.5, box.width - 1)} height={ROW - 1} rx={2} fill={colorByName(box.node.service)} fillOpacity={over === box ? 1 : 0.85} stroke={box.node.errors > 0 ? "#d6403a" : "none"} strokeWidth={2} />
            {box.width > 36 ? (
              <text x={4} y={14} fontSize={11} fill="#fff" style={{ pointerEvents: "none", textShadow: "0 0 2px #000" }}>
                {`${box.node.service} ${box.node.name}`.slice(0, Math.floor((box.width - 8) / 6.2))}
              </text>
            ) : null}
          </g>
        ))}
      </svg>
      {over ? (
        <div className="chart-tip" style={{ left: Math.max(0, Math.min(over.left + 8, width - 300)), top: (over.row + 1) * ROW + 4 }}>
          <strong>{`${over.node.service} · ${over.node.name}`}</strong>
          <div className="soft">{`${formatMicroseconds(over.node.totalUs)} · ${over.node.count}×`}</div>
        </div>
      ) : null}
    </div>
  );
}
