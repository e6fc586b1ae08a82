/** Signing in and out. It appears only where the API says that something needs it. */

import { announce, byId } from "./dom.js";
import { problemMessage } from "./api.js";

const PATIENCE = 15_000;
const AWAY = "The sign-in cannot be reached. Try again.";

/** Why somebody is not signed in, in words. */
export function refusal(status, problem) {
  if (status === null || status >= 500) return AWAY;
  return status === 429 ? "Too many attempts. Wait half a minute, then try again." : problemMessage(status, problem);
}

/** {status, document} of an answer, or status null when nobody answered. A password is never sent a second time. */
async function ask(method, path, body) {
  const content = body === undefined ? {} : { "Content-Type": "application/json" };
  try {
    const response = await fetch(path, {
      method,
      headers: { Accept: "application/json", ...content },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.timeout(PATIENCE),
      cache: "no-store",
    });
    return { status: response.status, document: await response.json().catch(() => null) };
  } catch {
    return { status: null, document: null };
  }
}

/** `changed()` is called when somebody has signed in. Who signs out of a journal that is not open leaves an empty page. */
export class SignIn {
  #changed;
  #needed = false;
  #reads = false;

  constructor(changed) {
    this.#changed = changed;
    byId("sign-in").addEventListener("submit", (event) => this.#submit(event));
    byId("sign-out").addEventListener("click", () => this.#leave());
  }

  /** `login`: what the API says needs it, or undefined where there is no sign-in. */
  async start(login) {
    this.#needed = Boolean(login?.writes || login?.reads);
    this.#reads = Boolean(login?.reads);
    if (!this.#needed) return;
    const { status, document } = await ask("GET", "/auth/session");
    this.#show(status === 200 ? document.user : null);
  }

  /** A request was refused for want of a token: the one there was has ended. What is typed stays. */
  refused() {
    if (this.#needed) this.#show(null);
  }

  async #submit(event) {
    event.preventDefault();
    const password = byId("sign-in-password");
    byId("sign-in").setAttribute("aria-busy", "true");
    const { status, document } = await ask("POST", "/auth/login", {
      name: byId("sign-in-name").value.trim(),
      password: password.value,
    });
    byId("sign-in").setAttribute("aria-busy", "false");
    byId("sign-in-message").textContent = status === 200 ? "" : refusal(status, document);
    password.value = "";
    if (status !== 200) return password.focus();
    this.#show(document.user);
    announce(`Signed in as ${document.user}.`);
    this.#changed();
    byId("new-text").focus();
  }

  async #leave() {
    const { status } = await ask("POST", "/auth/logout");
    if (status !== 204) return announce(AWAY);
    if (this.#reads) return location.reload();
    this.#show(null);
    announce("Signed out.");
    byId("sign-in-name").focus();
  }

  #show(user) {
    byId("sign-in").hidden = user !== null;
    byId("composer").hidden = user === null;
    byId("signed-in").hidden = user === null;
    byId("user").textContent = user ?? "";
  }
}
