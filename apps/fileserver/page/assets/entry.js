/** One entry on the page: read, edited, deleted. */

import { announce, fromTemplate } from "./dom.js";
import { TextForm } from "./form.js";
import { exact, relative } from "./time.js";

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
    this.#part("[data-action=delete]").addEventListener("click", () => this.#askToDelete());
    this.#show(entry);
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
    const now = Date.now();
    const times = this.#part(".times");
    times.id = `times-${entry.id}`;
    times.replaceChildren(timeElement(entry.created, now));
    if (entry.updated !== entry.created) times.append(" · edited ", timeElement(entry.updated, now));
    this.#part(".text").textContent = entry.text;
    for (const button of this.element.querySelectorAll(".actions button")) button.setAttribute("aria-describedby", times.id);
  }

  #say(words) {
    this.element.querySelector(":scope > .message").textContent = words;
  }

  /** Put `panel` in the place of the text or below it; gives the function that takes it away again. */
  #open(panel, { hidesText, opener }) {
    this.#say("");
    const actions = this.#part(".actions");
    actions.hidden = true;
    this.#part(".text").hidden = hidesText;
    this.element.append(panel);
    return () => {
      panel.remove();
      actions.hidden = false;
      this.#part(".text").hidden = false;
      this.#part(`[data-action=${opener}]`).focus();
    };
  }

  #edit() {
    const form = fromTemplate("editor-template");
    const textarea = form.querySelector("textarea");
    const before = this.#entry.text;
    textarea.value = before;
    const close = this.#open(form, { hidesText: true, opener: "edit" });
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

  #askToDelete() {
    const panel = fromTemplate("confirm-template");
    const close = this.#open(panel, { hidesText: false, opener: "delete" });
    const keep = panel.querySelector("[data-action=keep]");
    const confirm = panel.querySelector("[data-action=confirm]");
    keep.addEventListener("click", close);
    panel.addEventListener("keydown", (event) => { if (event.key === "Escape" && !confirm.ariaBusy) close(); });
    confirm.addEventListener("click", () => this.#delete({ close, keep, confirm }));
    keep.focus();
  }

  async #delete({ close, keep, confirm }) {
    if (confirm.ariaBusy) return this.#connection.retryNow();
    confirm.ariaBusy = "true";
    confirm.textContent = "Deleting…";
    keep.hidden = true;
    try {
      await this.#api.delete(this.id);
      this.#deleted(this);
    } catch (error) {
      close();
      this.#say(error.message);
    }
  }
}
