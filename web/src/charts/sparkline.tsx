interface Props {
  values: readonly (number | null)[];
  color: string;
  width?: number;
  height?: number;
  max?: number;
}

/** A line of a few points, without axes. */
export function Sparkline({ values, color, width = 110, height = 22, max }: Props) {
  const known = values.filter((value): value is number => value !== null);
  if (known.length < 2) return <svg width={width} height={height} aria-hidden="true" />;
  const most = max ?? Math.max(...known);
  const least = Math.min(0, ...known);
  const x = (index: number) => (index / Math.max(1, values.length - 1)) * (width - 2) + 1;
  const y = (value: number) => height - 2 - ((value - least) / Math.max(most - least, 1e-12)) * (height - 4);
  let path = "";
  let isOpen = false;
  for (const [index, value] of values.entries()) {
    if (value === null) {
      isOpen = false;
      continue;
    }
    path += `${isOpen ? "L" : "M"}${x(index).toFixed(1)} ${y(value).toFixed(1)}`;
    isOpen = true;
  }
  return (
    <svg width={width} height={height} aria-hidden="true" style={{ display: "block" }}>
      <path d={path} fill="none" stroke={color} strokeWidth={1.5} strokeLinejoin="round" />
    </svg>
  );
}
