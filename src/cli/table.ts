/** A table on its way in by crontab(1) → checked, and complained of. */
import { toBytes } from '../system/bytes.ts';
import type { Problem } from '../core/problem.ts';
import { checkTable } from './check.ts';
import { complaints } from './complaint.ts';
import { say } from './terminal.ts';

/** Where a table comes from, and what to say of it. */
export interface Provenance {
  /** The name in the complaints. */
  readonly file: string;
  readonly owner: string;
  /** What is said last if there are errors. */
  readonly verdict: string;
  /** Warnings that were found besides. */
  readonly warnings?: readonly Problem[];
  /** From an editor, which may leave the last newline out; a FILE without it may be cut short. */
  readonly edited?: boolean;
}

/**
 * Check a table, and say everything that is wrong with it at once.
 * @returns the bytes to install, or null: it has errors
 */
export function acceptTable(
  bytes: Buffer,
  { file, owner, verdict, warnings = [], edited = false }: Provenance,
): Buffer | null {
  const checked = checkTable(bytes, owner);
  const { text, crlf, unfinished } = checked;
  const problems = [...checked.problems, ...warnings].toSorted((a, b) => a.line - b.line);
  if (problems.length > 0) say(complaints(file, text, problems));
  const bad = problems.some(({ severity }) => severity === 'error');
  if (bad) say(verdict);
  const cut = unfinished && !edited;
  if (cut) say("new crontab file is missing newline before EOF, can't install.");
  if (bad || cut) return null;
  if (crlf) say('crontab: CRLF line ends were changed to LF');
  return toBytes(text);
}
