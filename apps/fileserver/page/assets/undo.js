/** The while in which a deletion can be undone. */

import { byId } from "./dom.js";

export const SECONDS = 8;

/** Call `leave` when the page is hidden or left, and before a sign-out, after which nothing could be sent. */
export function whenLeaving(leave, signal) {
  addEventListener("pagehide", leave, { signal });
  document.addEventListener("visibilitychange", () => { if (document.hidden) leave(); }, { signal });
  byId("sign-out").addEventListener("click", leave, { signal, capture: true });
}

/** Resolves with true when the button is pressed; with false when the time is over, or at once when the page is left. */
export function undone(button) {
  return new Promise((resolve) => {
    const end = new AbortController();
    const answer = (pressed) => { end.abort(); clearTimeout(timer); resolve(pressed); };
    const timer = setTimeout(() => answer(false), SECONDS * 1000);
    button.addEventListener("click", () => answer(true), { signal: end.signal });
    whenLeaving(() => answer(false), end.signal);
    // The key that pressed Delete is still held down.
    button.addEventListener("keydown", (event) => { if (event.repeat) event.preventDefault(); });
  });
}
