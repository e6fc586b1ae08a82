/** Times in words. Pure: each function is told what time it is. */

const STEPS = [["second", 60], ["minute", 60], ["hour", 24], ["day", 30], ["month", 12], ["year", Infinity]];
const words = new Intl.RelativeTimeFormat("en", { numeric: "always" });
const exactly = new Intl.DateTimeFormat("en-GB", { dateStyle: "full", timeStyle: "medium" });

/** "just now", "5 minutes ago", "1 day ago", "2 months ago". A time ahead of this clock counts as now. */
export function relative(date, now) {
  let amount = Math.floor(Math.max(0, now - date) / 1000);
  if (amount < 45) return "just now";
  for (const [unit, size] of STEPS) {
    if (amount < size) return words.format(-Math.max(1, amount), unit);
    amount = Math.floor(amount / size);
  }
}

/** "Saturday, 21 November 2026 at 10:14:03", in the reader's time zone. */
export function exact(date) {
  return exactly.format(date);
}

/** The local day as "2026-11-21". */
export function dayOf(date) {
  const two = (number) => String(number).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

/** "Today", "Yesterday", "Thursday, 19 November", "1 March 2025". */
export function dayName(day, now) {
  const yesterday = new Date(now.getFullYear(), now.getMonth(), now.getDate() - 1);
  if (day === dayOf(now)) return "Today";
  if (day === dayOf(yesterday)) return "Yesterday";
  const date = new Date(`${day}T12:00`);
  return date.getFullYear() === now.getFullYear() ? longDay(date) : date.toLocaleDateString("en-GB", { dateStyle: "long" });
}

/** "Saturday, 21 November". */
export function longDay(date) {
  const part = (name, style) => date.toLocaleDateString("en-GB", { [name]: style });
  return `${part("weekday", "long")}, ${part("day", "numeric")} ${part("month", "long")}`;
}

/** Seconds to wait by a Retry-After header: seconds or an HTTP date. Null where it says neither. */
export function retryAfter(header, now) {
  if (header === null || header.trim() === "") return null;
  const seconds = Number(header);
  if (Number.isFinite(seconds)) return Math.max(0, seconds);
  const date = Date.parse(header);
  return Number.isNaN(date) ? null : Math.max(0, (date - now) / 1000);
}
