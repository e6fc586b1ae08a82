/** The list of entries: first page, more pages, a new entry, an entry gone. */

import { announce, byId } from "./dom.js";
import { Days } from "./days.js";
import { EntryView } from "./entry.js";

const PAGE = 20;

export class Journal {
  #api;
  #connection;
  #days = new Days();
  #cursor = null;
  #loaded = false;
  #loading = false;

  constructor(api, connection) {
    this.#api = api;
    this.#connection = connection;
    byId("failure-retry").addEventListener("click", () => this.load());
    byId("load-more").addEventListener("click", () => this.#loadMore());
  }

  /** The next page onto the list. Gives the elements that are new, or null where it failed. */
  async load() {
    if (this.#loading) return null;
    this.#loading = true;
    this.#showState();
    try {
      const page = await this.#api.list(PAGE, this.#cursor);
      this.#cursor = page.next;
      this.#loaded = true;
      return page.entries.filter((entry) => !this.#days.has(entry.id)).map((entry) => this.#add(entry));
    } catch (error) {
      this.#showFailure(error);
      return null;
    } finally {
      this.#loading = false;
      this.#showState();
    }
  }

  /** Who reads has changed: what could not be loaded before is asked for again. */
  async reload() {
    if (!this.#loaded) await this.load();
  }

  /** A just saved entry. The same one may come twice, by a page loaded meanwhile. */
  add(entry) {
    if (this.#days.has(entry.id)) return;
    this.#add(entry).classList.add("new");
    this.#showState();
  }

  #add(entry) {
    const view = new EntryView(entry, {
      api: this.#api,
      connection: this.#connection,
      deleted: (gone) => this.#remove(gone),
    });
    view.element.dataset.id = entry.id;
    this.#days.add(view);
    return view.element;
  }

  #remove(view) {
    const focused = view.element.contains(document.activeElement);
    const next = this.#days.remove(view);
    this.#showState();
    if (focused) (next ?? byId("entries")).focus({ preventScroll: true });
  }

  async #loadMore() {
    const added = await this.load();
    if (added === null) return;
    announce(`${added.length} more ${added.length === 1 ? "entry" : "entries"} shown.`);
    added[0]?.focus();
  }

  #showFailure(error) {
    byId("failure").hidden = false;
    byId("failure-detail").textContent = error.message;
    announce(`The entries could not be loaded. ${error.message}`);
  }

  #showState() {
    const failed = !byId("failure").hidden && !this.#loading;
    byId("failure").hidden = !failed;
    byId("entries").setAttribute("aria-busy", String(this.#loading));
    byId("loading").hidden = !this.#loading || this.#loaded;
    byId("empty").hidden = !this.#loaded || failed || this.#days.size > 0 || this.#cursor !== null;
    byId("more").hidden = this.#cursor === null || failed;
    byId("load-more").textContent = this.#loading ? "Loading…" : "Load more";
  }
}
