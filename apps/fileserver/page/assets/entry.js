/** One entry on the page: read, folded, edited, deleted. */

import { announce, fromTemplate } from "./dom.js";
import { TextForm } from "./form.js";
import { firstWords, isBlank } from "./text.js";
import { exact, relative } from "./time.js";
import { SECONDS, undone, whenLeaving } from "./undo.js";

/** A <time> that `refreshTimes` keeps in words. */
function timeElement(iso, now) {
  const element = document.createElement("time");
  const date = new Date(iso);
  element.dateTime = iso;
  element.title = exact(date);
  element.textContent = relative(date, now);
  return element;
}

/** Bring all times under `root` up to date. */
export function refreshTimes(root, now) {
  for (const element of root.querySelectorAll("time[datetime]")) {
    element.textContent = relative(new Date(element.dateTime), now);
  }
}

export class EntryView {
  element = fromTemplate("entry-template");
  #entry;
  #api;
  #connection;
  #deleted;

  /** `deleted(view)` is called after the entry is gone. */
  constructor(entry, { api, connection, deleted }) {
    this.#api = api;
    this.#connection = connection;
    this.#deleted = deleted;
    this.#part("[data-action=edit]").addEventListener("click", () => this.#edit());
    this.#part("[data-action=delete]").addEventListener("click", () => this.#delete());
    this.#part("[data-action=unfold]").addEventListener("click", () => this.#unfold());
    this.#show(entry);
    new ResizeObserver(() => this.#showCut()).observe(this.#part(".text"));
  }

  get id() {
    return this.#entry.id;
  }

  get created() {
    return new Date(this.#entry.created);
  }

  #part(selector) {
    return this.element.querySelector(selector);
  }

  #show(entry) {
    this.#entry = entry;
    if (this.#part(".text") === null) return; // Deleted while a change was on its way: shown if that is undone.
    const now = Date.now();
    const times = this.#part(".times");
    times.id = `times-${entry.id}`;
    times.replaceChildren(timeElement(entry.created, now));
    if (entry.updated !== entry.created) times.append(" · edited ", timeElement(entry.updated, now));
    const text = this.#part(".text");
    const blank = isBlank(entry.text);
    text.textContent = blank ? "(blank)" : entry.text;
    text.classList.toggle("empty", blank);
    for (const button of this.element.querySelectorAll("[data-action]")) button.setAttribute("aria-describedby", times.id);
    this.#label();
    this.#showCut();
  }

  /** Each button says of which entry it is. */
  #label() {
    const words = firstWords(this.#entry.text);
    for (const button of this.element.querySelectorAll("[data-action]")) button.ariaLabel = `${button.textContent}: ${words}`;
  }

  /** The button that unfolds is there only where something is cut, or was. */
  #showCut() {
    const text = this.#part(".text");
    const button = this.#part("[data-action=unfold]");
    if (text === null) return;
    button.hidden = text.hidden || !(button.ariaExpanded === "true" || text.scrollHeight > text.clientHeight);
  }

  #unfold() {
    const button = this.#part("[data-action=unfold]");
    const whole = this.#part(".text").classList.toggle("whole");
    button.ariaExpanded = String(whole);
    button.textContent = whole ? "Show less" : "Show all";
    this.#label();
    if (!whole) this.element.scrollIntoView({ block: "nearest" });
  }

  #say(words) {
    this.element.querySelector(":scope > .message").textContent = words;
  }

  /** Put `panel` in the place of the text; gives the function that takes it away again. */
  #open(panel) {
    this.#say("");
    const actions = this.#part(".actions");
    actions.hidden = true;
    this.#part(".text").hidden = true;
    this.element.append(panel);
    return () => {
      panel.remove();
      actions.hidden = false;
      this.#part(".text").hidden = false;
      this.#part("[data-action=edit]").focus();
    };
  }

  #edit() {
    const form = fromTemplate("editor-template");
    const textarea = form.querySelector("textarea");
    const before = this.#entry.text;
    textarea.value = before;
    const close = this.#open(form);
    const editor = new TextForm({
      form,
      connection: this.#connection,
      send: (text, signal) => this.#api.update(this.id, text, signal),
      saved: (entry, { abandoned }) => {
        this.#show(entry);
        if (abandoned) return;
        close();
        announce("Changes saved.");
      },
    });
    const cancel = () => { editor.abandon(); close(); };
    form.querySelector("[data-action=cancel]").addEventListener("click", cancel);
    form.addEventListener("keydown", (event) => { if (event.key === "Escape" && textarea.value === before) cancel(); });
    textarea.focus();
  }

  /** Gone from the page at once; from the journal when it cannot be undone any more. */
  async #delete() {
    this.#say("");
    const line = fromTemplate("undo-template");
    const undo = line.querySelector("button");
    const row = [...this.element.children];
    const putBack = () => {
      const focused = this.element.contains(document.activeElement);
      this.element.classList.remove("gone");
      this.element.replaceChildren(...row);
      this.#show(this.#entry);
      if (focused) this.#part("[data-action=delete]").focus({ preventScroll: true });
    };
    undo.ariaLabel = `Undo: ${firstWords(this.#entry.text)}`;
    this.element.classList.add("gone");
    this.element.replaceChildren(line);
    undo.focus({ preventScroll: true });
    announce(`Entry deleted. It can be undone for ${SECONDS} seconds.`);
    if (await undone(undo)) {
      putBack();
      announce("Entry restored.");
      return;
    }
    if (document.activeElement === undo) this.element.focus({ preventScroll: true });
    undo.remove();
    try {
      await this.#send(line.querySelector("p"));
      this.#deleted(this);
    } catch (error) {
      putBack();
      this.#say(`Not deleted. ${error.message}`);
    }
  }

  /** While the journal is away the line says so. Who leaves the page then makes one more try. */
  async #send(words) {
    const sent = new AbortController();
    const { signal } = sent;
    const update = () => { if (this.#connection.due !== null) words.textContent = "Waiting to delete…"; };
    this.#connection.addEventListener("change", update, { signal });
    whenLeaving(() => this.#connection.retryNow(), signal);
    try {
      await this.#api.delete(this.id);
    } finally {
      sent.abort();
    }
  }
}
