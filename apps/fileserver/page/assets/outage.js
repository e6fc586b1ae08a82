/** The notice while the journal cannot be reached. */

import { announce, byId } from "./dom.js";

const reason = () => navigator.onLine ? "The journal cannot be reached." : "You are offline.";

/** "Trying again in 4 s. What you typed is kept." */
function countdown({ failures, due }) {
  const seconds = due === null ? 0 : Math.ceil((due - Date.now()) / 1000);
  const next = failures === 0 ? "" : seconds > 0 ? `Trying again in ${seconds} s. ` : "Trying again. ";
  return `${next}What you typed is kept.`;
}

/** Show the notice whenever the connection is lost. */
export function showOutages(connection) {
  let shown = false;
  const update = () => {
    const lost = connection.lost;
    byId("outage").hidden = !lost;
    if (lost) {
      byId("outage-reason").textContent = reason();
      byId("outage-countdown").textContent = countdown(connection);
    }
    if (lost !== shown) announce(lost ? `${reason()} What you typed is kept.` : "The journal answers again.");
    shown = lost;
  };
  connection.addEventListener("change", update);
  byId("outage-retry").addEventListener("click", () => connection.retryNow());
  setInterval(() => { if (shown) update(); }, 1000);
  update();
}
