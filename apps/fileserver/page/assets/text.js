/** An entry's text in short. Pure. */

/** White space, control characters, and what has no shape: nothing to see. */
const UNSEEN = /^[\s\p{Cc}\p{Default_Ignorable_Code_Point}]*$/u;

/** Whether there is nothing to read. The API gives "null" for the null that its older interface takes. */
export const isBlank = (text) => text === "null" || UNSEEN.test(text);

/** The beginning in one line, whole words where they fit: "Called Ana. She moves to Porto in March…". */
export function firstWords(text) {
  if (isBlank(text)) return "blank entry";
  const line = text.trim().replace(/\s+/gu, " ");
  const [start] = /^.{1,40}(?= |$)|^.{40}/u.exec(line);
  return start === line ? line : `${start}…`;
}
