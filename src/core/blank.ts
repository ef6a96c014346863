/** A position in a line → the position behind the blanks, or the word, that stand there. */

/** Skip blanks; to cron these are space and tab, never another space of isspace(3). */
export function skipBlanks(line: string, at: number): number {
  while (line[at] === ' ' || line[at] === '\t') at++;
  return at;
}

/** Skip whatever is neither blank nor the end of the line. */
export function skipWord(line: string, at: number): number {
  while (at < line.length && line[at] !== ' ' && line[at] !== '\t') at++;
  return at;
}
