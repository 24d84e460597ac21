// Days and times in the reader's language and time zone.

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "medium" });
const thisYear = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });
const otherYear = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "long", year: "numeric" });
const date = new Intl.DateTimeFormat(undefined, { dateStyle: "full" });
const short = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });

export const time = (at) => clock.format(at);
/** Without AM or PM, where there is little space. */
export const shortTime = (at) => clock.formatToParts(at).filter(({ type }) => type !== "dayPeriod").map(({ value }) => value).join("").trim();
export const fullTime = (at) => full.format(at);
export const dateOf = (at) => date.format(at);

/** A number that is the same for all times of a day. */
export function day(at) {
  const date = new Date(at);
  return date.getFullYear() * 400 + date.getMonth() * 32 + date.getDate();
}

export function dayName(at, now = Date.now()) {
  if (day(at) === day(now)) return "Today";
  const yesterday = new Date(now);
  yesterday.setDate(yesterday.getDate() - 1);
  if (day(at) === day(yesterday)) return "Yesterday";
  return (new Date(at).getFullYear() === new Date(now).getFullYear() ? thisYear : otherYear).format(at);
}

/** The time if it was today, else the day. */
export const timeOrDay = (at) => (day(at) === day(Date.now()) ? time(at) : short.format(at));
