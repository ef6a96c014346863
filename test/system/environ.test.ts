import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';

const environ = new URL('../../src/system/environ.js', import.meta.url);

test('ownVariables() gives those that are named, byte for byte, and no others', () => {
  const names = ['TZ', 'UMLAUT', 'EMPTY', 'UNSET', 'EQUALS'];
  const program = `
    import { ownVariables } from ${JSON.stringify(environ.href)};
    process.env.TZ = 'changed';
    process.stdout.write(JSON.stringify(ownVariables(${JSON.stringify(names)})));`;
  const shell = `SECRET=x TZ=UTC UMLAUT=$(printf '\\374') EMPTY= EQUALS=a=b exec "$@"`;
  const node = [process.execPath, '--input-type=module', '-e', program];
  const { stdout } = spawnSync('sh', ['-c', shell, 'sh', ...node], { encoding: 'utf8' });
  assert.deepEqual(JSON.parse(stdout), [
    ['TZ', 'UTC'],
    ['UMLAUT', '\xfc'],
    ['EMPTY', ''],
    ['EQUALS', 'a=b'],
  ]);
});
