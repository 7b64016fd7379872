// Grafana's units: how a number of a unit is written.

type Format = (value: number, decimals: number | null | undefined) => string;

function digits(value: number, decimals: number | null | undefined): string {
  if (decimals !== null && decimals !== undefined) return value.toFixed(Math.max(0, Math.min(20, decimals)));
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e15 || size < 1e-4) return value.toExponential(2);
  return String(Number(size >= 100 ? value.toFixed(size >= 1_000 ? 0 : 1) : value.toPrecision(3)));
}

/** Scales by `base` from the step `start` of `names`. */
function scaled(base: number, names: readonly string[], start = 0, suffix = ""): Format {
  return (value, decimals) => {
    let step = start;
    let rest = value;
    while (Math.abs(rest) >= base && step < names.length - 1) {
      rest /= base;
      step += 1;
    }
    while (Math.abs(rest) < 1 && rest !== 0 && step > 0) {
      rest *= base;
      step -= 1;
    }
    const name = `${names[step] ?? ""}${suffix}`;
    return name ? `${digits(rest, decimals)} ${name}` : digits(rest, decimals);
  };
}

const plain = (suffix: string): Format => (value, decimals) => (suffix ? `${digits(value, decimals)} ${suffix}` : digits(value, decimals));
const tight = (suffix: string): Format => (value, decimals) => `${digits(value, decimals)}${suffix}`;
const SHORT = ["", "K", "Mil", "Bil", "Tri", "Quadr"];
const SI = ["", "k", "M", "G", "T", "P", "E"];
const IEC = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
const count = (suffix: string): Format => scaled(1_000, SHORT, 0, suffix ? ` ${suffix}` : "");
const si = (suffix: string, start = 0): Format => scaled(1_000, SI, start, suffix);
const iec = (suffix: string, start = 0): Format => scaled(1_024, IEC, start, suffix);

const TIME: readonly [seconds: number, name: string][] = [
  [31_536_000, "years"],
  [604_800, "weeks"],
  [86_400, "days"],
  [3_600, "hours"],
  [60, "mins"],
  [1, "s"],
  [1e-3, "ms"],
  [1e-6, "µs"],
  [1e-9, "ns"],
];

const time = (inSeconds: number): Format => (value, decimals) => {
  const seconds = value * inSeconds;
  if (seconds === 0) return "0 s";
  const [size, name] = TIME.find(([least]) => Math.abs(seconds) >= least) ?? [1e-9, "ns"];
  return `${digits(seconds / size, decimals)} ${name === "days" && Math.abs(seconds / size) < 2 ? "day" : name}`;
};

const clock = (inSeconds: number): Format => (value) => {
  const total = Math.max(0, Math.round(value * inSeconds));
  const days = Math.floor(total / 86_400);
  const rest = [Math.floor(total / 3_600) % 24, Math.floor(total / 60) % 60, total % 60].map((part) => String(part).padStart(2, "0")).join(":");
  return days > 0 ? `${days} d ${rest}` : rest;
};

const moment = (write: (date: Date) => string): Format => (value) => {
  const date = new Date(value);
  return Number.isNaN(date.getTime()) ? String(value) : write(date);
};

const truth = (yes: string, no: string): Format => (value) => (value === 0 ? no : yes);
const money = (symbol: string): Format => (value, decimals) => `${symbol}${scaled(1_000, ["", "K", "M", "B", "T"])(value, decimals).replace(" ", "")}`;

const UNITS: Record<string, Format> = {
  none: plain(""), string: plain(""), short: scaled(1_000, SHORT), sishort: si(""), locale: (value) => value.toLocaleString(), sci: (value, decimals) => value.toExponential(decimals ?? 2),
  hex: (value) => Math.round(value).toString(16).toUpperCase(), hex0x: (value) => `0x${Math.round(value).toString(16).toUpperCase()}`,
  percent: tight("%"), percentunit: (value, decimals) => tight("%")(value * 100, decimals), humidity: tight("%H"), dB: plain("dB"), ppm: plain("ppm"),
  bool: truth("True", "False"), bool_yes_no: truth("Yes", "No"), bool_on_off: truth("On", "Off"),
  bytes: iec("B"), decbytes: si("B"), bits: iec("b"), decbits: si("b"), kbytes: iec("B", 1), deckbytes: si("B", 1), mbytes: iec("B", 2), decmbytes: si("B", 2), gbytes: iec("B", 3), decgbytes: si("B", 3), tbytes: iec("B", 4),
  Bps: si("B/s"), binBps: iec("B/s"), bps: si("b/s"), binbps: iec("b/s"), KBs: si("B/s", 1), KiBs: iec("B/s", 1), MBs: si("B/s", 2), MiBs: iec("B/s", 2), GBs: si("B/s", 3), GiBs: iec("B/s", 3), Kbits: si("b/s", 1), Mbits: si("b/s", 2), Gbits: si("b/s", 3), pps: si("p/s"),
  ops: count("ops/s"), reqps: count("req/s"), rps: count("rd/s"), wps: count("wr/s"), iops: count("io/s"), eps: count("evt/s"), mps: count("msg/s"), cps: count("c/s"), recps: count("rec/s"), rowsps: count("rows/s"), opm: count("ops/m"), rpm: count("rd/m"), wpm: count("wr/m"), reqpm: count("req/m"), cpm: count("c/m"), evtpm: count("evt/m"),
  ns: time(1e-9), "µs": time(1e-6), us: time(1e-6), ms: time(1e-3), s: time(1), m: time(60), h: time(3_600), d: time(86_400), dtdurations: time(1), dtdurationms: time(1e-3), dthms: clock(1), dtdhms: clock(1), clocks: clock(1), clockms: clock(1e-3), timeticks: time(0.01),
  hertz: si("Hz"), rothz: si("Hz"), rotrpm: plain("rpm"), mhz: si("Hz", 2), ghz: si("Hz", 3),
  celsius: plain("°C"), fahrenheit: plain("°F"), kelvin: plain("K"), volt: si("V"), mvolt: plain("mV"), amp: si("A"), mamp: plain("mA"), watt: si("W"), kwatt: si("W", 1), voltamp: si("VA"), joule: si("J"), watth: si("Wh"), kwatth: si("Wh", 1), ohm: si("Ω"), lumens: si("Lm"),
  lengthm: si("m"), lengthmm: plain("mm"), lengthkm: plain("km"), massg: si("g"), masskg: plain("kg"), pressurehpa: plain("hPa"), pressurebar: plain("bar"), pressurepa: si("Pa"), velocityms: plain("m/s"), velocitykmh: plain("km/h"), degree: tight("°"), radian: plain("rad"), flops: si("FLOP/s"),
  currencyUSD: money("$"), currencyEUR: money("€"), currencyGBP: money("£"), currencyJPY: money("¥"), currencyCHF: money("CHF "),
  dateTimeAsIso: moment((date) => date.toISOString().slice(0, 19).replace("T", " ")), dateTimeAsIsoNoDateIfToday: moment((date) => date.toISOString().slice(0, 19).replace("T", " ")), dateTimeAsUS: moment((date) => date.toLocaleString("en-US")), dateTimeAsLocal: moment((date) => date.toLocaleString()), dateTimeAsSystem: moment((date) => date.toLocaleString()),
  dateTimeFromNow: moment((date) => {
    const seconds = (date.getTime() - Date.now()) / 1_000;
    return seconds < 0 ? `${time(1)(-seconds, 0)} ago` : `in ${time(1)(seconds, 0)}`;
  }),
};

/** Units that `name:text` makes. */
function custom(unit: string): Format | null {
  const at = unit.indexOf(":");
  if (at < 0) return null;
  const [kind, rest] = [unit.slice(0, at), unit.slice(at + 1)];
  if (kind === "suffix") return plain(rest);
  if (kind === "prefix") return (value, decimals) => `${rest}${digits(value, decimals)}`;
  if (kind === "si") return si(rest.replace(/^[kMGTP]/, ""), Math.max(0, SI.indexOf(rest.slice(0, 1))));
  if (kind === "count") return count(rest);
  if (kind === "currency") return money(rest);
  if (kind === "bool") return truth(rest.split("/")[0] ?? "", rest.split("/")[1] ?? "");
  if (kind === "time") return UNITS.dateTimeAsIso ?? null;
  return null;
}

/** A number of a unit in a few characters. A unit that is not known stands after the number. */
export function formatUnit(value: number, unit = "short", decimals?: number | null): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
  const format = UNITS[unit] ?? custom(unit) ?? plain(unit);
  return format(value, decimals);
}

/** True for units whose steps are powers of two. */
export function isBinary(unit: string): boolean {
  return /^(bytes|bits|kbytes|mbytes|gbytes|tbytes|binBps|binbps|[KMG]iBs)$/.test(unit);
}

export const UNIT_NAMES = Object.keys(UNITS);
