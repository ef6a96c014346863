/** A position in a line → the position behind the blanks, or the word, that stand there. */

/** Skip blanks; to cron these are space and tab, never another space of isspace(3). */
export function skipBlanks(line: string, at: number): number {
  while (isBlank(line.charCodeAt(at))) at++;
  return at;
}

/** Skip whatever is neither blank nor the end of the line. */
export function skipWord(line: string, at: number): number {
  while (at < line.length && !isBlank(line.charCodeAt(at))) at++;
  return at;
}

/** A character by its code, which costs no string: each of every line is looked at. */
function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}
