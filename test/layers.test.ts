import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { test } from 'node:test';

/** Who may import whom, folder by folder or file by file: the architecture, as a table. */
const may: Record<string, readonly string[]> = {
  'core/': ['core/'],
  'system/': ['system/', 'core/zone.ts', 'node:'],
  'spool/': ['core/', 'system/', 'spool/', 'node:'],
  'run/': ['core/', 'system/', 'run/', 'node:'],
  'mail/': ['core/', 'system/', 'mail/', 'node:'],
  'history/': ['core/', 'system/', 'history/', 'node:'],
  'control/': ['core/', 'system/', 'control/', 'node:'],
  'index.ts': ['core/', 'system/bytes.ts'],
  'daemon.ts': ['core/', 'system/clock.ts', 'system/sink.ts', 'spool/tab.ts'],
  'cli/': [
    'core/',
    'system/',
    'spool/',
    'run/',
    'mail/',
    'history/',
    'control/',
    'daemon.ts',
    'cli/',
    'node:',
  ],
};

/** Each package is imported in one file, so that it can be replaced there. */
const packages: Record<string, string> = {
  chokidar: 'spool/watch.ts',
  'cron-parser': 'core/forecast.ts',
  koffi: 'system/libc/native.ts',
  libsql: 'history/database.ts',
  'nodemailer/lib/smtp-connection': 'mail/smtp.ts',
  pino: 'system/log.ts',
  'posix-getopt': 'cli/options.ts',
  'smol-toml': 'system/config.ts',
  valibot: 'system/config.ts',
};

/** What speaks to the network: no process of root's has it. */
const SMTP = 'nodemailer/lib/smtp-connection';

/** What would make a process of every job's, or of every mail's, a large one. */
const NOT_SMALL = [
  'cron-parser',
  'pino',
  'chokidar',
  'smol-toml',
  'valibot',
  'posix-getopt',
  'libsql',
];

/** What a program must not load, however it comes there: a runner is small, `crontab -l` is quick. */
const lean: Record<string, readonly string[]> = {
  'cli/runner.ts': [...NOT_SMALL, SMTP],
  'cli/deposit.ts': [...NOT_SMALL, SMTP],
  'cli/checker.ts': [...NOT_SMALL, SMTP],
  'cli/hold.ts': [...NOT_SMALL, SMTP],
  'cli/cron.ts': ['cron-parser', 'pino', 'libsql', 'smol-toml', 'valibot', SMTP],
  'cli/cronctl.ts': ['libsql', SMTP],
  'cli/crontab.ts': [
    'cron-parser',
    'pino',
    'chokidar',
    'koffi',
    'libsql',
    'smol-toml',
    'valibot',
    SMTP,
  ],
  'cli/postman.ts': Object.keys(packages).filter((name) => name !== SMTP),
  'cli/sendmail.ts': ['cron-parser', 'pino', 'chokidar', 'posix-getopt', 'libsql', SMTP],
};

const root = new URL('../../src/', import.meta.url).pathname;
const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((file) =>
  /(?<!\.d)\.ts$/.test(file),
);

interface Import {
  readonly path: string;
  readonly typeOnly: boolean;
}

/** What a file loads with itself. */
function importsOf(file: string): Import[] {
  const text = readFileSync(join(root, file), 'utf8');
  const found = text.matchAll(
    /^(?:import|export)\b(?<type> type)?[^;]*?\bfrom '(?<path>[^']+)'/gms,
  );
  const required = text.matchAll(/\bcreateRequire\([^)]*\)\(\s*'(?<path>[^']+)'/g);
  return [...found, ...required].map(({ groups }) => ({
    path: pathOf(file, groups?.['path']),
    typeOnly: groups?.['type'] !== undefined,
  }));
}

/** What it loads when it needs it. */
function laterImportsOf(file: string): Import[] {
  const text = readFileSync(join(root, file), 'utf8');
  const found = text.matchAll(/(?<!typeof )\bimport\('(?<path>[^']+)'\)/g);
  return [...found].map(({ groups }) => ({
    path: pathOf(file, groups?.['path']),
    typeOnly: false,
  }));
}

function pathOf(file: string, path = ''): string {
  return path.startsWith('.') ? normalize(join(dirname(file), path)) : path;
}

const covers = (rule: string, path: string): boolean =>
  rule.endsWith('/') || rule.endsWith(':') ? path.startsWith(rule) : path === rule;

for (const file of files) {
  test(`${file} imports only what its layer may`, () => {
    const allowed = Object.entries(may).find(([rule]) => covers(rule, file))?.[1];
    assert.ok(allowed, 'no layer has this file');
    for (const { path } of [...importsOf(file), ...laterImportsOf(file)]) {
      const isOurs = allowed.some((rule) => covers(rule, path));
      assert.ok(isOurs || packages[path] === file, `imports ${path}`);
    }
    assert.doesNotMatch(readFileSync(join(root, file), 'utf8'), /\brequire\(/);
  });
}

test('daemon.ts sees only types of what it drives', () => {
  const seen = importsOf('daemon.ts').filter(({ path }) => /^(spool|run|mail|system)\//.test(path));
  assert.deepEqual(
    seen.filter(({ typeOnly }) => !typeOnly),
    [],
  );
});

test('core has no clock, no randomness and no Node of its own', () => {
  for (const file of files.filter((name) => name.startsWith('core/'))) {
    const text = readFileSync(join(root, file), 'utf8');
    assert.doesNotMatch(
      text,
      /Date\.now|new Date\(\)|Math\.random|\bprocess\.|\bBuffer\b|console\./,
    );
  }
});

for (const [program, heavy] of Object.entries(lean)) {
  test(`${program} loads none of ${heavy.join(', ')}`, () => {
    const loaded = new Set<string>();
    const load = (file: string): void => {
      if (loaded.has(file)) return;
      loaded.add(file);
      if (!files.includes(file)) return;
      for (const { path, typeOnly } of importsOf(file)) if (!typeOnly) load(path);
    };
    load(program);
    assert.deepEqual(
      heavy.filter((name) => loaded.has(name)),
      [],
    );
  });
}

test('the dependencies are those that are imported', () => {
  const file = new URL('../../package.json', import.meta.url);
  const read: Record<'dependencies' | 'optionalDependencies', object> = JSON.parse(
    readFileSync(file, 'utf8'),
  );
  // Optional: cron runs on machines for which there is no SQLite, without a history.
  const dependencies = { ...read.dependencies, ...read.optionalDependencies };
  const imported = new Set(Object.keys(packages).map((name) => name.replace(/\/.*/, '')));
  assert.deepEqual(Object.keys(dependencies).toSorted(), [...imported].toSorted());
});
