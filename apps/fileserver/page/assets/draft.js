/** What is typed and not saved yet: kept over a reload, with the key under which it was sent. */

const NAME = "journal.draft";

function read() {
  try { return JSON.parse(localStorage.getItem(NAME)) ?? {}; } catch { return {}; }
}

function write(draft) {
  try { localStorage.setItem(NAME, JSON.stringify(draft)); } catch { /* Storage is off or full: the text stays in the form. */ }
}

export const draftText = () => read().text ?? "";

export function keepDraft(text) {
  write({ ...read(), text });
}

/** The idempotency key of this very text: the same text sent again has the same key, a changed one has a new key. */
export function keyFor(text) {
  const draft = read();
  if (draft.sent === text) return draft.key;
  const key = crypto.randomUUID();
  write({ text, sent: text, key });
  return key;
}

export function clearDraft() {
  try { localStorage.removeItem(NAME); } catch { /* Storage is off: nothing was kept. */ }
}
