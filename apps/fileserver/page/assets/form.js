/** A form with one text that is sent until the journal has it. */

const LONGEST = 10_000;
const CHANGED = "Not saved yet: the text has changed since. Save it when it is ready.";

/** What the API would refuse, in words, or null. Asked here because a proxy may lose the answer to a very large request. */
export function mistake(text) {
  const characters = [...text].length;
  if (text.trim() === "") return "Write something first.";
  if (characters <= LONGEST) return null;
  return `The text has ${characters.toLocaleString("en")} characters: ${LONGEST.toLocaleString("en")} are allowed.`;
}

/** `send(text, signal)` saves; `saved(result)` is called once after it did. */
export class TextForm {
  #form;
  #textarea;
  #message;
  #button;
  #label;
  #connection;
  #send;
  #saved;
  #sending = null;

  constructor({ form, connection, send, saved }) {
    this.#form = form;
    this.#textarea = form.querySelector("textarea");
    this.#message = form.querySelector(".message");
    this.#button = form.querySelector("button[type=submit]");
    this.#label = this.#button.textContent;
    this.#connection = connection;
    this.#send = send;
    this.#saved = saved;
    form.addEventListener("submit", (event) => this.#submit(event));
    form.addEventListener("keydown", (event) => this.#onKey(event));
    this.#textarea.addEventListener("input", () => this.#onInput());
    connection.addEventListener("change", () => this.#showState());
  }

  /** Not to be sent again. What is on its way still arrives. */
  abandon() {
    this.#sending?.abort();
    this.#sending = null;
    this.#showState();
  }

  #onKey(event) {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    this.#form.requestSubmit();
  }

  #onInput() {
    if (this.#sending !== null) {
      this.abandon();
      this.#say(CHANGED);
    } else if (this.#textarea.hasAttribute("aria-invalid")) {
      this.#say("");
    }
  }

  async #submit(event) {
    event.preventDefault();
    if (this.#sending !== null) return this.#connection.retryNow();
    const text = this.#textarea.value.trimEnd();
    const wrong = mistake(text);
    if (wrong !== null) return this.#refuse(wrong);
    this.#say("");
    const sending = new AbortController();
    this.#sending = sending;
    this.#showState();
    try {
      const result = await this.#send(text, sending.signal);
      this.#finish(sending);
      this.#saved(result, { abandoned: sending.signal.aborted });
    } catch (error) {
      this.#finish(sending);
      if (!sending.signal.aborted) this.#refuse(error.message);
    }
  }

  #finish(sending) {
    if (this.#sending === sending) this.#sending = null;
    this.#showState();
  }

  #refuse(words) {
    this.#say(words);
    this.#textarea.setAttribute("aria-invalid", "true");
    this.#textarea.focus();
  }

  #say(words) {
    this.#message.textContent = words;
    this.#textarea.removeAttribute("aria-invalid");
  }

  /** On its way: the text is fixed. Waiting for the journal: it may be changed, and then is not sent by itself. */
  #showState() {
    const sending = this.#sending !== null;
    const waiting = sending && this.#connection.due !== null;
    this.#textarea.readOnly = sending && !waiting;
    this.#form.setAttribute("aria-busy", String(sending));
    this.#button.textContent = waiting ? "Waiting to save…" : sending ? "Saving…" : this.#label;
  }
}
