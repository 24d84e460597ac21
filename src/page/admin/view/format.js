// Numbers and times as people read them.

const whole = new Intl.NumberFormat();
const one = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 });
const two = new Intl.NumberFormat(undefined, { maximumFractionDigits: 2 });
const precise = new Intl.NumberFormat(undefined, { maximumSignificantDigits: 2 });
const three = new Intl.NumberFormat(undefined, { maximumSignificantDigits: 3 });
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const minute = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const date = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", year: "numeric" });
const shortDate = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

export const NOTHING = "–";

const unless = (format) => (value) => (value === null || value === undefined || Number.isNaN(value) ? NOTHING : format(value));

export const count = unless((value) => whole.format(value));
export const rate = unless((value) => (value >= 100 ? whole.format(Math.round(value)) : value >= 10 ? one.format(value) : two.format(value)));
export const percent = unless((value) => `${(value < 0.01 ? two : one).format(value * 100)} %`);
export const seconds = unless((value) => (value < 1 ? `${(value < 0.1 ? precise : three).format(value * 1000)} ms` : `${three.format(value)} s`));

export const bytes = unless((value) => {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let step = 0;
  while (value >= 1000 && step < units.length - 1) {
    value /= 1000;
    step += 1;
  }
  return `${three.format(value)} ${units[step]}`;
});

export const time = (at) => clock.format(at);
export const toMinute = (at) => minute.format(at);
export const fullTime = (at) => full.format(new Date(at));

/** With thousandths of a second, as in a log. */
export const exactTime = (at) => {
  const when = new Date(at);
  return `${clock.format(when)}.${String(when.getMilliseconds()).padStart(3, "0")}`;
};

/** The day, as short as can be. */
export const day = (at) => {
  const when = new Date(at);
  return (when.getFullYear() === new Date().getFullYear() ? shortDate : date).format(when);
};

export const isToday = (at) => new Date(at).toDateString() === new Date().toDateString();

/** "3 min", "2 h 5 min", "4 d 3 h" */
export function duration(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const parts = [["d", 86_400], ["h", 3_600], ["min", 60], ["s", 1]];
  const first = parts.findIndex(([, size]) => seconds >= size);
  if (first === -1) return "0 s";
  const [[unit, size], next] = [parts[first], parts[first + 1]];
  const words = `${Math.floor(seconds / size)} ${unit}`;
  const rest = next && unit !== "min" ? Math.floor((seconds % size) / next[1]) : 0;
  return rest > 0 ? `${words} ${rest} ${next[0]}` : words;
}

export const ago = (at, now = Date.now()) => duration(now - new Date(at));

export const plural = (number, word, many = `${word}s`) => `${whole.format(number)} ${number === 1 ? word : many}`;
