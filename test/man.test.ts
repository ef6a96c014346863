import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { lint } from '../src/core/lint.ts';
import { SETTINGS } from '../src/core/variable.ts';

const folder = new URL('../../man/', import.meta.url);
const read = (page: string): string => readFileSync(new URL(page, folder), 'utf8');

const groff = spawnSync('groff', ['--version']).status === 0;
for (const page of readdirSync(folder)) {
  test(`${page} is right to groff`, { skip: groff ? false : 'needs groff' }, () => {
    const { stderr, status } = spawnSync(
      'groff',
      ['-mandoc', '-ww', '-z', new URL(page, folder).pathname],
      {
        encoding: 'utf8',
      },
    );
    assert.deepEqual([status, stderr], [0, '']);
  });
}

const crontab5 = read('crontab.5');

interface Example {
  readonly text: string;
  readonly kind: 'user' | 'system';
  /** The reasons of warnings that it is an example of. */
  readonly reasons: readonly string[];
}

/** Displays, each announced by a comment: `crontab: user, reason, reason`. */
function examples(page: string): Example[] {
  const displays = page.matchAll(
    /^\.\\" crontab: (?<kind>user|system)(?<reasons>(?:, [^,\n]+)*)\n\.Bd -literal[^\n]*\n(?<text>[^]*?)^\.Ed$/gm,
  );
  return [...displays].map(({ groups }) => ({
    kind: groups?.['kind'] === 'system' ? 'system' : 'user',
    reasons: (groups?.['reasons'] ?? '').split(', ').slice(1),
    text: (groups?.['text'] ?? '').replaceAll(/\\&/g, '').replaceAll(/\\e/g, '\\'),
  }));
}

test('every display of crontab.5 is an example that is read here', () => {
  assert.equal(examples(crontab5).length, crontab5.split('.Bd -literal').length - 1);
});

for (const { text, kind, reasons } of examples(crontab5)) {
  const [first = ''] = text.split('\n', 1);
  test(`crontab.5: ${first}`, () => {
    const problems = lint(text, { kind, owner: 'alice' });
    assert.deepEqual(
      problems.filter(({ severity }) => severity === 'error'),
      [],
    );
    assert.deepEqual(
      [...new Set(problems.map(({ reason }) => reason))].toSorted(),
      reasons.toSorted(),
    );
  });
}

test('crontab.5 has each variable', () => {
  for (const name of [...SETTINGS, 'SHELL', 'HOME', 'PATH', 'LOGNAME', 'USER', 'TZ'])
    assert.match(crontab5, new RegExp(`^\\.It Ev ${name}$`, 'm'));
});

test('cronctl.1 has each warning of lint()', () => {
  const page = read('cronctl.1').replaceAll(/^\.(?:It )?Cm /gm, '');
  const core = new URL('../../src/core/', import.meta.url);
  for (const file of ['surprise.ts', 'command.ts', 'variable.ts', 'debian.ts', 'lint.ts'])
    for (const { groups } of readFileSync(new URL(file, core), 'utf8').matchAll(
      /(?:reason: |reason = |REASON = |column, )'(?<reason>[^'$]+)'/g,
    ))
      if (groups?.['reason'] !== '')
        assert.ok(page.includes(groups?.['reason'] ?? ''), groups?.['reason']);
});
