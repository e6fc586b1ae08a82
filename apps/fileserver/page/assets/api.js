/** The journal's API. A request that finds nobody waits and asks again; every other error is thrown. */

import { retryAfter } from "./time.js";

const PATIENCE = 15_000;
const AWAY = new Set([429, 502, 503, 504]);

/** An answer that asking again would not change. `message` is for the reader. */
export class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** What a problem document (RFC 9457) says to the reader. */
export function problemMessage(status, problem) {
  return problem?.detail ?? problem?.title ?? `The server answered with status ${status}.`;
}

const json = (text) => {
  try { return JSON.parse(text); } catch { return null; }
};

export class Api {
  #connection;
  #heard;
  #refused;

  /** `heard` is told the version of each answer, or null where it says none; `refused` when one asks to sign in. */
  constructor(connection, heard, refused) {
    this.#connection = connection;
    this.#heard = heard;
    this.#refused = refused;
  }

  version() {
    return this.#request("GET", "/api/version");
  }

  /** {entries, next}: a page, newest first. `cursor` is the `next` of the page before, or null. */
  list(limit, cursor) {
    const query = new URLSearchParams({ limit });
    if (cursor !== null) query.set("cursor", cursor);
    return this.#request("GET", `/api/entries?${query}`);
  }

  /** The key makes the server take the same entry once, however often it is sent. */
  create(text, key, signal) {
    return this.#request("POST", "/api/entries", { text }, signal, { "Idempotency-Key": key });
  }

  update(id, text, signal) {
    return this.#request("PUT", `/api/entries/${encodeURIComponent(id)}`, { text }, signal);
  }

  /** An entry that is gone already counts as deleted. The request outlives the page. */
  async delete(id) {
    try {
      await this.#request("DELETE", `/api/entries/${encodeURIComponent(id)}`);
    } catch (error) {
      if (error.status !== 404) throw error;
    }
  }

  /** A request given up while it waits is not sent again; a harmless one in its place finds out when the journal is back. */
  async #request(method, path, body, signal, headers = {}) {
    for (;;) {
      const givenUp = signal?.aborted === true;
      const response = givenUp ? await this.#send("GET", "/api/version") : await this.#send(method, path, body, headers);
      if (response !== null && !AWAY.has(response.status)) {
        this.#connection.answered();
        this.#heard(response.headers.get("Journal-Version"));
        if (givenUp) throw signal.reason;
        if (response.status === 401) this.#refused();
        return this.#read(response);
      }
      const seconds = response === null ? null : retryAfter(response.headers.get("Retry-After"), Date.now());
      await this.#connection.wait(seconds);
    }
  }

  /** The response with its text read, or null when nobody answered. */
  async #send(method, path, body, headers = {}) {
    const content = body === undefined ? {} : { "Content-Type": "application/json" };
    try {
      const response = await fetch(path, {
        method,
        headers: { Accept: "application/json", ...content, ...headers },
        body: body === undefined ? undefined : JSON.stringify(body),
        signal: AbortSignal.timeout(PATIENCE),
        cache: "no-store",
        keepalive: method === "DELETE",
      });
      return { status: response.status, ok: response.ok, headers: response.headers, text: await response.text() };
    } catch {
      return null;
    }
  }

  #read(response) {
    const document = json(response.text);
    if (!response.ok) throw new ApiError(response.status, problemMessage(response.status, document));
    if (document === null && response.status !== 204) throw new ApiError(response.status, "The server's answer is not JSON.");
    return document;
  }
}
