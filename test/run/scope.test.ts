import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Limits } from '../../src/core/settings.ts';
import { until } from '../support/wait.ts';
import { openScope, scopeWords } from '../../src/run/scope.ts';

const none: Limits = { memory: 0, memoryPercent: 0, cpu: 0, tasks: 0 };
const evil: Limits = JSON.parse('{"memory":"1 --x","memoryPercent":-1,"cpu":1.5,"tasks":null}');

const properties: readonly [limits: Limits | undefined, words: readonly string[]][] = [
  [undefined, []],
  [none, []],
  [evil, []],
  [{ ...none, memory: 1024 ** 4 }, ['--property=MemoryMax=1099511627776']],
  [{ ...none, memoryPercent: 50 }, ['--property=MemoryMax=50%']],
  [{ ...none, cpu: 200, tasks: 20 }, ['--property=CPUQuota=200%', '--property=TasksMax=20']],
];

for (const [limits, words] of properties) {
  test(`scopeWords() of ${JSON.stringify(limits)} is ${words.join(' ') || 'no property'}`, () => {
    const all = scopeWords('alice', { run: 'a-1-b', ...(limits !== undefined && { limits }) });
    assert.deepEqual(
      all.filter((word) => word.startsWith('--property')),
      words,
    );
  });
}

// As systemd-escape(1) writes them.
const names: readonly [user: string, escaped: string][] = [
  ['alice', 'alice'],
  ['www-data', String.raw`www\x2ddata`],
  ['.hidden.x', String.raw`\x2ehidden.x`],
  ['DOM\\jo$', String.raw`DOM\x5cjo\x24`],
  ['a/b c', String.raw`a-b\x20c`],
  ['jörg', String.raw`j\xc3\xb6rg`],
];

for (const [user, escaped] of names) {
  test(`scopeWords() names the unit of "${user}"`, () => {
    assert.ok(scopeWords(user, { run: 'a-1-b' }).includes(`--unit=cron-${escaped}-a-1-b.scope`));
  });
}

test('openScope() gives none where systemd is missing, and says so once', () => {
  const logged: string[] = [];
  const log = (_user: string, _event: string, detail: string): void => void logged.push(detail);
  assert.equal(openScope(log, ['/', '/nonexistent/systemd']), null);
  assert.equal(logged.length, 1);
  assert.match(logged[0] ?? '', /there is no \/nonexistent\/systemd; jobs run without scopes/);
  assert.deepEqual(
    openScope(log, ['/'])?.words('alice', { run: 'a-1-b' }),
    scopeWords('alice', { run: 'a-1-b' }),
  );
  assert.equal(logged.length, 1);
});

test('openScope() gives none for a while when systemd has not answered', async () => {
  const scope = openScope(() => {}, ['/'], 200);
  scope?.hung();
  assert.equal(scope?.words('alice', { run: 'a-1-b' }), null);
  await until('there are scopes again', () => scope?.words('alice', { run: 'a-1-b' }) !== null);
});
