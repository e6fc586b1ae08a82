/** Whether the journal answers, and one wait, shared by all requests, until it is time to ask again. */

const LONGEST = 30;

/** Seconds before the next try: what the server asked for, else doubling from one second. */
export function delay(failures, retryAfter) {
  return retryAfter === null ? Math.min(LONGEST, 2 ** (failures - 1)) : Math.max(1, retryAfter);
}

/** Fires "change" when the journal is lost, when a wait starts or ends, and when it answers again. */
export class Connection extends EventTarget {
  failures = 0;
  /** When the next try is due, in milliseconds, or null while none is waited for. */
  due = null;
  #waiting = null;
  #wake = () => {};

  constructor() {
    super();
    addEventListener("online", () => this.retryNow());
    addEventListener("offline", () => this.#changed());
  }

  get lost() {
    return this.failures > 0 || !navigator.onLine;
  }

  /** Resolves when it is time for another try. */
  wait(retryAfter) {
    this.#waiting ??= this.#startWait(retryAfter);
    return this.#waiting;
  }

  retryNow() {
    this.#wake();
    this.#changed();
  }

  answered() {
    if (this.failures === 0) return;
    this.failures = 0;
    this.#changed();
  }

  async #startWait(retryAfter) {
    this.failures += 1;
    const seconds = delay(this.failures, retryAfter);
    this.due = Date.now() + seconds * 1000;
    this.#changed();
    let timer;
    await new Promise((resolve) => {
      this.#wake = resolve;
      timer = setTimeout(resolve, seconds * 1000);
    });
    clearTimeout(timer);
    this.due = null;
    this.#waiting = null;
    this.#changed();
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}
