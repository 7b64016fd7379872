/** Colours that stay apart in light and dark, and for most who see colours differently. */
export const COLORS = ["#0b96b8", "#e8710a", "#3a9c4b", "#a24bc4", "#d6403a", "#5878f0", "#b58900", "#12a883", "#dc4b86", "#7d8997"] as const;

/** The colour of the series at `index`: past the tenth the colours come again, lighter or darker. */
export function colorOf(index: number): string {
  const base = COLORS[index % COLORS.length] ?? COLORS[0];
  const round = Math.floor(index / COLORS.length) % 3;
  if (round === 0) return base;
  return mix(base, round === 1 ? 255 : 0, 0.3);
}

function mix(hex: string, towards: number, share: number): string {
  const parts = [1, 3, 5].map((at) => Math.round(Number.parseInt(hex.slice(at, at + 2), 16) * (1 - share) + towards * share));
  return `#${parts.map((part) => part.toString(16).padStart(2, "0")).join("")}`;
}

/** A colour that a name always has, such as a service in every view. */
export function colorByName(name: string): string {
  let hash = 2_166_136_261;
  for (let index = 0; index < name.length; index += 1) hash = Math.imul(hash ^ name.charCodeAt(index), 16_777_619);
  return colorOf((hash >>> 0) % (COLORS.length * 2));
}

const NAMED: Record<string, string> = {
  green: "#3a9c4b", "dark-green": "#2b7a38", "semi-dark-green": "#338a42", "light-green": "#7fcf8c", "super-light-green": "#b6e6be",
  red: "#d6403a", "dark-red": "#a8231e", "semi-dark-red": "#c0322c", "light-red": "#f08a85", "super-light-red": "#f8bcb9",
  blue: "#3f7fd9", "dark-blue": "#1f5fb8", "semi-dark-blue": "#2f6fc9", "light-blue": "#82b1f0", "super-light-blue": "#bcd6f8",
  orange: "#e8710a", "dark-orange": "#b85200", "semi-dark-orange": "#d06205", "light-orange": "#f5a65b", "super-light-orange": "#fbd0a5",
  yellow: "#d9a400", "dark-yellow": "#a87a00", "semi-dark-yellow": "#c08f00", "light-yellow": "#efcc5e", "super-light-yellow": "#f8e6a8",
  purple: "#a24bc4", "dark-purple": "#7a2f99", "semi-dark-purple": "#8f3eb0", "light-purple": "#c78ddd", "super-light-purple": "#e2c3ee",
  transparent: "rgba(0,0,0,0)", text: "var(--ink)", gray: "#7d8997", white: "#ffffff", black: "#000000",
};

/** A colour as dashboards name it, made safe: a name, `#hex` or `rgb(...)`; anything else is the default. */
export function namedColor(name: string | undefined, otherwise: string): string {
  if (!name) return otherwise;
  const known = NAMED[name];
  if (known) return known;
  return /^(#[0-9a-f]{3,8}|(rgb|hsl)a?\([\d.,%\s/]+\)|[a-z]{3,20})$/i.test(name) ? name : otherwise;
}

/** The colour at `share` (0 to 1) of a scale. */
export function scaleColor(stops: readonly string[], share: number): string {
  const place = Math.max(0, Math.min(1, share)) * (stops.length - 1);
  const at = Math.min(Math.floor(place), stops.length - 2);
  const [low, high] = [stops[at] ?? "#000000", stops[at + 1] ?? "#000000"];
  const rest = place - at;
  const parts = [1, 3, 5].map((from) => {
    const [a, b] = [Number.parseInt(low.slice(from, from + 2), 16), Number.parseInt(high.slice(from, from + 2), 16)];
    return Math.round(a + (b - a) * rest);
  });
  return `rgb(${parts.join(",")})`;
}

export const SCALES: Record<string, readonly string[]> = {
  Oranges: ["#fff3e6", "#fdc38d", "#f16913", "#7f2704"],
  Blues: ["#eef5fb", "#9ecae1", "#2f7fbf", "#08306b"],
  Greens: ["#eef8ec", "#a1d99b", "#31a354", "#00441b"],
  Reds: ["#fff0ec", "#fcae91", "#de2d26", "#67000d"],
  Spectral: ["#3288bd", "#abdda4", "#ffffbf", "#fdae61", "#d53e4f"],
  Turbo: ["#30123b", "#28bceb", "#a4fc3c", "#fb7e21", "#7a0403"],
  Viridis: ["#440154", "#31688e", "#35b779", "#fde725"],
};
