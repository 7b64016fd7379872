// Shares of a whole.
export interface Slice {
  name: string;
  text: string;
  value: number;
  color: string;
}

interface Props {
  slices: readonly Slice[];
  size: number;
  label: string;
  isDonut: boolean;
}

const at = (share: number, radius: number) => `${(50 + radius * Math.sin(share * 2 * Math.PI)).toFixed(2)} ${(50 - radius * Math.cos(share * 2 * Math.PI)).toFixed(2)}`;

function path(from: number, to: number, inner: number): string {
  // A whole circle has no two ends: it stops just before.
  const end = Math.min(to, from + 0.9999);
  const isLarge = end - from > 0.5 ? 1 : 0;
  const outer = `M${at(from, 48)}A48 48 0 ${isLarge} 1 ${at(end, 48)}`;
  return inner > 0 ? `${outer}L${at(end, inner)}A${inner} ${inner} 0 ${isLarge} 0 ${at(from, inner)}Z` : `${outer}L50 50Z`;
}

export function Pie({ slices, size, label, isDonut }: Props) {
  const sum = slices.reduce((total, slice) => total + Math.max(0, slice.value), 0);
  let from = 0;
  return (
    <svg width={size} height={size} viewBox="0 0 100 100" role="img" aria-label={label} style={{ flex: "none" }}>
      {slices.map((slice, index) => {
        const start = from;
        from += sum > 0 ? Math.max(0, slice.value) / sum : 0;
        return from > start ? (
          // Names may repeat: the place is the identity.
          // oxlint-disable-next-line react/no-array-index-key
          <path key={index} d={path(start, from, isDonut ? 28 : 0)} fill={slice.color} stroke="var(--surface-raised)" strokeWidth={0.6}>
            <title>{`${slice.name}: ${slice.text} (${((from - start) * 100).toFixed(1)}%)`}</title>
          </path>
        ) : null;
      })}
    </svg>
  );
}
