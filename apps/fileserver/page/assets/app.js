/** Puts the page together. */

import { Api } from "./api.js";
import { Connection } from "./connection.js";
import { announce, byId } from "./dom.js";
import { clearDraft, draftText, keepDraft, keyFor } from "./draft.js";
import { TextForm } from "./form.js";
import { Journal } from "./journal.js";
import { showOutages } from "./outage.js";
import { SignIn } from "./signin.js";
import { dayOf, longDay } from "./time.js";
import { apiVersions, showPageVersion } from "./version.js";

const connection = new Connection();
const signIn = new SignIn(() => journal.reload());
const api = new Api(connection, apiVersions(), () => signIn.refused());
const journal = new Journal(api, connection);

function startComposer() {
  const textarea = byId("new-text");
  if (textarea.value === "") textarea.value = draftText();
  textarea.addEventListener("input", () => keepDraft(textarea.value));
  new TextForm({
    form: byId("composer"),
    connection,
    send: (text, signal) => api.create(text, keyFor(text), signal),
    saved: (entry, { abandoned }) => {
      journal.add(entry);
      if (abandoned) return;
      clearDraft();
      textarea.value = "";
      textarea.focus();
      announce("Entry saved.");
    },
  });
}

async function showEnvironment() {
  try {
    const { environment, login } = await api.version();
    byId("environment").textContent = environment;
    byId("environment").hidden = false;
    await signIn.start(login);
  } catch { /* The page does without. */ }
}

function showToday() {
  const now = new Date();
  byId("today").dateTime = dayOf(now);
  byId("today").textContent = longDay(now);
}

showToday();
showOutages(connection);
startComposer();
journal.load();
showPageVersion();
showEnvironment();
