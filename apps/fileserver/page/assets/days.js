/** The entries in order, newest first, under a heading for each day. */

import { byId, fromTemplate } from "./dom.js";
import { refreshTimes } from "./entry.js";
import { dayName, dayOf } from "./time.js";

export class Days {
  #root = byId("days");
  #views = new Map();

  constructor() {
    setInterval(() => this.#refresh(), 20_000);
  }

  get size() {
    return this.#views.size;
  }

  has(id) {
    return this.#views.has(id);
  }

  /** Put the view in its place. */
  add(view) {
    this.#views.set(view.id, view);
    const list = this.#section(dayOf(view.created)).querySelector("ol");
    const next = [...list.children].find((element) => this.#createdOf(element) < view.created);
    list.insertBefore(view.element, next ?? null);
  }

  /** Take the view away. Gives the element to read on from: the next entry, else the one before, else null. */
  remove(view) {
    const all = [...this.#root.querySelectorAll(".entry")];
    const at = all.indexOf(view.element);
    const section = view.element.closest(".day");
    this.#views.delete(view.id);
    view.element.remove();
    if (section.querySelector(".entry") === null) section.remove();
    return all[at + 1] ?? all[at - 1] ?? null;
  }

  #createdOf(element) {
    return this.#views.get(element.dataset.id).created;
  }

  /** The day's section, made where it belongs if it is not there. */
  #section(day) {
    const sections = [...this.#root.children];
    const found = sections.find((section) => section.dataset.day === day);
    if (found !== undefined) return found;
    const section = fromTemplate("day-template");
    const heading = section.querySelector("h2");
    section.dataset.day = day;
    heading.id = `day-${day}`;
    heading.textContent = dayName(day, new Date());
    section.setAttribute("aria-labelledby", heading.id);
    section.querySelector("ol").setAttribute("aria-labelledby", heading.id);
    this.#root.insertBefore(section, sections.find((other) => other.dataset.day < day) ?? null);
    return section;
  }

  #refresh() {
    const now = new Date();
    refreshTimes(this.#root, now);
    for (const section of this.#root.children) {
      section.querySelector("h2").textContent = dayName(section.dataset.day, now);
    }
  }
}
