/** The few ways in which this page touches the document. Text only ever goes in as text. */

export const byId = (id) => document.getElementById(id);

/** A fresh copy of the only element in a <template>. */
export const fromTemplate = (id) => byId(id).content.firstElementChild.cloneNode(true);

/** Tell screen readers. The same words twice are two events. */
export function announce(words) {
  const announcer = byId("announcer");
  announcer.textContent = "";
  setTimeout(() => { announcer.textContent = words; }, 50);
}
