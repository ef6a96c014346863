/** What is wrong with a table → lines for its author: vixie's, the cause, the line, a caret. */
import type { Problem } from '../core/problem.ts';
import { toText } from '../system/bytes.ts';

/** Shown at most; who hands in ten thousand bad lines has handed in the wrong file. */
const SHOWN = 1000;

/**
 * Word the problems of a table. The first line of each is Debian's, `"FILE":LINE: bad minute`, but
 * with the true number of the line: Debian's is one too low.
 */
export function complaints(file: string, text: string, problems: readonly Problem[]): string {
  const lines = text.split('\n');
  const shown = problems
    .slice(0, SHOWN)
    .map((problem) => complaint(file, lines[problem.line - 1] ?? '', problem));
  const rest = problems.length - SHOWN;
  if (rest > 0) shown.push(`and ${rest} more`);
  return shown.join('\n');
}

function complaint(file: string, line: string, problem: Problem): string {
  const { reason, message, severity, column } = problem;
  const words = severity === 'warning' ? `warning: ${reason}` : reason;
  const { excerpt, caret } = point(line, column);
  const cause = harmless(toText(message));
  return `"${harmless(file)}":${problem.line}: ${words}\n    ${cause}\n    ${excerpt}\n    ${caret}`;
}

/** Bytes of a long line that are shown before and behind the column. */
const BEFORE = 60;
const BEHIND = 40;

/** Cut the line around the column, and put a caret under it. */
function point(line: string, column: number): { excerpt: string; caret: string } {
  const at = Math.min(column - 1, line.length);
  const from = at > BEFORE ? at - BEFORE : 0;
  const to = Math.min(at + BEHIND, line.length);
  const left = (from > 0 ? '...' : '') + harmless(toText(line.slice(from, at)));
  const right = harmless(toText(line.slice(at, to))) + (to < line.length ? '...' : '');
  return { excerpt: left + right, caret: `${left.replaceAll(/[^]/gu, ' ')}^` };
}

/** Text that moves no cursor and hides nothing: one column a character, also for a tab. */
function harmless(text: string): string {
  return text.replaceAll('\t', ' ').replaceAll(/[\p{Cc}\p{Bidi_Control}]/gu, '?');
}
