/** crontab -e as its user sees it, on a terminal that tmux keeps. */
import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { me, openSandbox } from '../support/sandbox.ts';
import { needsTerminal, openTerminal } from '../support/terminal.ts';
import { program } from './own-cron.ts';

const needsEditor = { skip: needsTerminal.skip || (!existsSync('/bin/ed') && 'needs /bin/ed') };

test('crontab -e shows an error, edits again, and installs', needsEditor, async (t) => {
  const sandbox = openSandbox(t);
  await sandbox.start();
  const { root } = sandbox;
  for (const name of ['bin', 'tmp']) mkdirSync(sandbox.path(name));
  writeFileSync(
    sandbox.path('bin/crontab'),
    `#!/bin/sh\nexec "${process.execPath}" "${program}" "$@"\n`,
  );
  chmodSync(sandbox.path('bin/crontab'), 0o755);
  sandbox.tab('# mine\n');
  const { type, shows } = openTerminal(root, {
    PATH: `${sandbox.path('bin')}:/usr/bin:/bin`,
    CRON_CONFIG: sandbox.config,
    TMPDIR: sandbox.path('tmp'),
    EDITOR: 'ed -p:',
    TERM: 'xterm',
    TZ: 'UTC',
  });
  await shows(/^[#$]$/);
  type('crontab -e');
  const session: readonly (readonly [typed: string, screen: RegExp])[] = [
    ['a', /\n:a$/],
    ['61 5 * * * backup --all', /--all$/],
    ['.', /\n:$/],
    ['w', /\n31\n:$/],
    ['q', /\(y\/n\)$/],
    ['y', /\(y\/n\) y\n31\n:$/],
    ['2s/61/6/', /\/6\/\n:$/],
    ['w', /\n30\n:$/],
    ['q', /\d (?:h|min|s).*: backup --all\n[#$]$/],
  ];
  await shows(/\n7\n:$/); // ed tells how long it is
  for (const [typed, screen] of session) {
    type(typed);
    await shows(screen);
  }
  type('crontab -l');
  const screen = await shows(/\n6 5 \* \* \* backup --all\n[#$]$/);
  const file = String.raw`\/.*\/tmp\/crontab\.\w+\/crontab`;
  const lines = [
    '[#$] crontab -e',
    '7',
    ':a',
    String.raw`61 5 \* \* \* backup --all`,
    String.raw`\.`,
    ':w',
    '31',
    ':q',
    'crontab: installing new crontab',
    `"${file}":2: bad minute`,
    '    "61" .*',
    String.raw`    61 5 \* \* \* backup --all`,
    String.raw`    \^`,
    "errors in crontab file, can't install.",
    String.raw`Do you want to retry the same edit\? \(y\/n\) y`,
    '31',
    ':2s\\/61\\/6\\/',
    ':w',
    '30',
    ':q',
    'crontab: installing new crontab',
    'New or changed entries start first:',
    String.raw`  line 2: \w{3} \d{4}-\d\d-\d\d 05:06 \+0000, in .*: backup --all`,
    '[#$] crontab -l',
    '# mine',
    String.raw`6 5 \* \* \* backup --all`,
    '[#$]',
  ];
  assert.match(screen, new RegExp(`^${lines.join('\n')}$`));
});

test(
  `crontab -e of ${me} at a terminal is not ended by Ctrl-C and Ctrl-\\\\`,
  needsTerminal,
  async (t) => {
    const sandbox = openSandbox(t);
    await sandbox.start();
    const { type, shows } = openTerminal(sandbox.root, {
      PATH: '/usr/bin:/bin',
      CRON_CONFIG: sandbox.config,
      TMPDIR: sandbox.root,
      EDITOR: `sh -c 'echo ready; read a; echo "$a" > "$0"'`,
      TERM: 'xterm',
    });
    await shows(/^[#$]$/);
    type(`"${process.execPath}" "${program}" -e; echo "ended $?"`);
    await shows(/\nready$/);
    for (const key of ['\x03', '\x1c']) {
      type(key);
      await shows(/\^[C\\]$/);
    }
    type('@daily x');
    await shows(/\nended 0\n[#$]$/);
  },
);
