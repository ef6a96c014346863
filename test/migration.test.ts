import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { lint } from '../src/core/lint.ts';
import { isSystemTab } from '../src/spool/names.ts';

const page = readFileSync(new URL('../../docs/migration.md', import.meta.url), 'utf8');
const cronctl = new URL('../../bin/cronctl', import.meta.url).pathname;

const transcripts = [
  ...page.matchAll(
    /^```console\n\$ cat tab\n(?<tab>[^]*?)^\$ cronctl check tab\n(?<said>[^]*?)^```$/gm,
  ),
].map(({ groups }) => ({ tab: groups?.['tab'] ?? '', said: groups?.['said'] ?? '' }));

test('docs/migration.md has transcripts, and no others', () => {
  assert.ok(transcripts.length >= 3);
  assert.equal(page.match(/^```/gm)?.length, 2 * transcripts.length);
});

for (const { tab, said } of transcripts) {
  const [first = ''] = tab.split('\n', 1);
  test(`docs/migration.md: cronctl check says of ${first} what is shown`, () => {
    const folder = mkdtempSync(join(tmpdir(), 'migration-'));
    try {
      writeFileSync(join(folder, 'tab'), tab);
      const { stdout, stderr } = spawnSync(process.execPath, [cronctl, 'check', 'tab'], {
        cwd: folder,
        encoding: 'utf8',
      });
      assert.equal(stdout + stderr, said);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
}

/** The rows of the table of a section: the left and the right cell. */
function rows(section: string): (readonly [string, string])[] {
  const text = page.split(/^## /m).find((one) => one.startsWith(section)) ?? '';
  return [...text.matchAll(/^\| (?<left>.*?) \| (?<right>.*?) \|$/gm)]
    .slice(1)
    .map(({ groups }) => [groups?.['left'] ?? '', groups?.['right'] ?? ''] as const);
}

/** What stands between backquotes. */
const quoted = (cell: string): string[] =>
  [...cell.matchAll(/`(?<text>[^`]+)`/g)].map(({ groups }) => groups?.['text'] ?? '');

test('what docs/migration.md gives for timers is right in a crontab', () => {
  const given = rows('From systemd timers').flatMap(([left, right]) =>
    /^`(?:On(?:Calendar|BootSec|UnitActiveSec)|Persistent|Randomized|RuntimeMax|Environment)/.test(
      left,
    )
      ? quoted(right)
      : [],
  );
  assert.ok(given.length >= 12);
  for (const text of given.filter((one) => !one.startsWith('-'))) {
    const isWhole = text.includes('=') || text.includes('COMMAND');
    const line = `${text}${isWhole ? '' : ' true'}\n`;
    const problems = lint(line, { kind: 'user', owner: 'alice' });
    assert.deepEqual(
      problems.filter(({ severity }) => severity === 'error'),
      [],
      text,
    );
  }
});

test('a file of cron.d with a dot in its name is ignored, as docs/migration.md says', () => {
  assert.equal(isSystemTab('backup.cron', false), false);
  assert.equal(isSystemTab('backup', false), true);
});
