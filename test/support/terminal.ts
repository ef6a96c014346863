/** A shell on a terminal that tmux keeps: what is typed → what is on the screen. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { Needs } from './sandbox.ts';
import { until } from './wait.ts';

/** For tests that need a terminal. */
export const needsTerminal: Needs = { skip: !existsSync('/usr/bin/tmux') && 'needs /usr/bin/tmux' };

export interface Terminal {
  /** Type lines; what is no printable text is sent as it is. */
  readonly type: (...texts: readonly string[]) => void;
  /** Press keys, by tmux's names: `q`, `Up`, `C-c`. */
  readonly press: (...keys: readonly string[]) => void;
  readonly resize: (columns: number, rows: number) => void;
  /** What is on it now; trailing blanks are cut off. */
  readonly screen: () => string;
  /** Wait until the screen is so; tells the whole of it. */
  readonly shows: (what: RegExp) => Promise<string>;
}

/** Open one; it ends with the sandbox, whose root is in its environment. */
export function openTerminal(
  root: string,
  env: NodeJS.ProcessEnv,
  [columns, rows]: readonly [number, number] = [100, 60],
): Terminal {
  const tmux = (...args: readonly string[]): string => {
    const { status, stdout, stderr } = spawnSync(
      'tmux',
      ['-f/dev/null', '-S', `${root}/tmux`, ...args],
      { env, cwd: root, encoding: 'utf8' },
    );
    assert.equal(status, 0, stderr);
    return stdout;
  };
  tmux('new-session', '-d', '-x', `${columns}`, '-y', `${rows}`, 'exec /bin/sh');
  const screen = (): string => tmux('capture-pane', '-p').trimEnd();
  return {
    type(...lines) {
      for (const line of lines) tmux('send-keys', '-l', line >= ' ' ? `${line}\n` : line);
    },
    press: (...keys) => void tmux('send-keys', ...keys),
    resize: (width, height) => void tmux('resize-window', '-x', `${width}`, '-y', `${height}`),
    screen,
    shows: (what) =>
      until(`${what} on the screen`, () => what.test(screen()) && screen(), { evidence: screen }),
  };
}
