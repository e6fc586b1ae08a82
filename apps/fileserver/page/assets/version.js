/** Which versions there are: the page's own, and those of the API that have answered since it was loaded. */

import { byId } from "./dom.js";

const list = new Intl.ListFormat("en-GB");

/** "1.0.0+0123abcd", a version with its commit → "1.0.0 (0123abcd)". */
export function versionName(version) {
  const [number, commit] = version.split("+");
  return commit ? `${number} (${commit})` : number;
}

/** "API 1.0.0 (0123abcd) and 1.1.0 (4567cdef)". While two answer, a release is under way, or was. */
export function versionsInWords(versions) {
  return versions.length === 0 ? "" : `API ${list.format(versions.map(versionName))}`;
}

export function showPageVersion() {
  const { pageVersion, pageCommit } = byId("version").dataset;
  byId("version").textContent = `Journal ${versionName(`${pageVersion}+${pageCommit}`)}`;
}

/** Takes the version of each answer, and shows all that came so far. */
export function apiVersions() {
  const heard = new Set();
  return (version) => {
    if (version === null || heard.has(version)) return;
    heard.add(version);
    byId("api-versions").textContent = `· ${versionsInWords([...heard])}`;
  };
}
