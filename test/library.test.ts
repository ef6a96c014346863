import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

const project = new URL('../../', import.meta.url);
const page = readFileSync(new URL('docs/library.md', project), 'utf8');
const examples = [...page.matchAll(/^```js\n(?<code>[^]*?)^```$/gm)].map(
  ({ groups }) => groups?.['code'] ?? '',
);

/** What an example says that it prints: behind a console.log, or in lines of comment alone. */
function promised(code: string): string[] {
  return code
    .split('\n')
    .map((line) => /(?:^|console\.log\(.*\); )\/\/ (?<output>.*)$/.exec(line)?.groups?.['output'])
    .filter((output) => output !== undefined);
}

/** Run a module in this package, so that it imports "mailcron" as others do; returns its output. */
function run(code: string, zone: string): string[] {
  const { stdout, stderr, status } = spawnSync(process.execPath, ['--input-type=module', '-'], {
    cwd: project,
    input: code,
    encoding: 'utf8',
    env: { TZ: zone },
  });
  assert.equal(status, 0, stderr);
  return stdout.split('\n').slice(0, -1);
}

test('there are examples of each function', () => {
  assert.ok(examples.length >= 6);
  const all = examples.join('\n');
  for (const name of ['parseCrontab', 'due', 'forecast', 'lint', 'fromText', 'toText'])
    assert.ok(all.includes(`${name}(`), name);
});

for (const code of examples) {
  const [first = ''] = code.split('\n', 1);
  test(`docs/library.md: ${first}`, () => {
    // Behind a console.log, words stand as the inspector of Node shows them.
    const plain = (line: string): string => line.replaceAll("'", '');
    for (const zone of ['UTC', 'Australia/Lord_Howe'])
      assert.deepEqual(run(code, zone).map(plain), promised(code).map(plain));
  });
}

interface Package {
  readonly exports: { readonly '.': { readonly types: string } };
}

test('every example imports only what the package exports, and the package has types', async () => {
  const library: Record<string, unknown> = await import('../src/index.ts');
  for (const { groups } of examples.join('\n').matchAll(/^import \{(?<names>[^}]*)\}/gm))
    for (const name of (groups?.['names'] ?? '').split(',').map((word) => word.trim()))
      assert.equal(typeof library[name], 'function', name);
  const { exports }: Package = JSON.parse(readFileSync(new URL('package.json', project), 'utf8'));
  const types = readFileSync(new URL(exports['.'].types, project), 'utf8');
  assert.match(types, /\bparseCrontab\b/);
});
