import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { lint } from '../src/core/lint.ts';
import { SETTINGS } from '../src/core/variable.ts';

const folder = new URL('../../man/', import.meta.url);
const read = (page: string): string => readFileSync(new URL(page, folder), 'utf8');

const pages = readdirSync(folder);

/** A checker of manual pages: without it a test is skipped, but not in CI. */
function checker(program: string): { skip: string | false } {
  const there = spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;
  return { skip: there || process.env['CI'] === 'true' ? false : `needs ${program}` };
}

for (const page of pages) {
  const file = new URL(page, folder).pathname;
  test(`${page} is right to groff`, checker('groff'), () => {
    const { stderr, status } = spawnSync('groff', ['-mandoc', '-ww', '-z', file], {
      encoding: 'utf8',
    });
    assert.deepEqual([status, stderr], [0, '']);
  });

  // What it says of the form of the source, of our name as the system's, of section names that it does not know, and of
  // pages that a machine lacks, is no fault.
  test(`${page} is right to mandoc`, checker('mandoc'), () => {
    const { stdout, error } = spawnSync('mandoc', ['-T', 'lint', '-W', 'style', file], {
      encoding: 'utf8',
    });
    assert.equal(error, undefined);
    const complaints = stdout.split('\n').filter((line) => line !== '');
    const noFault =
      /input text line longer than 80 bytes|operating system explicitly specified|possible typo in section name|referenced manual not found|mandoc\.db/;
    assert.deepEqual(
      complaints.filter((line) => !noFault.test(line)),
      [],
    );
  });
}

/** The pages that a page names, `cron.8`, in all of it or behind SEE ALSO only. */
function references(page: string, from = ''): string[] {
  const text = read(page);
  const found = text
    .slice(from === '' ? 0 : text.indexOf(from))
    .matchAll(/^\.(?:[A-Z][a-z] .*)?Xr (?<name>\S+) (?<section>\d)/gm);
  return [...new Set([...found].map(({ groups }) => `${groups?.['name']}.${groups?.['section']}`))];
}

/** Names that are ours, whatever the section: a reference to them must be right. */
const ours = new Set(pages.map((page) => page.replace(/\.\d$/, '')));

test('every page of ours that is named exists, and SEE ALSO has it', () => {
  for (const page of pages)
    for (const other of references(page).filter((one) => ours.has(one.replace(/\.\d$/, '')))) {
      assert.ok(pages.includes(other), `${page} names ${other}`);
      if (other !== page)
        assert.ok(
          references(page, '.Sh SEE ALSO').includes(other),
          `${page} names ${other} not in SEE ALSO`,
        );
    }
});

test('SEE ALSO leads both ways', () => {
  // Debian's package has no mailcron-setup(8): nothing may lead to it.
  for (const page of pages.filter((one) => one !== 'mailcron-setup.8'))
    for (const other of references(page, '.Sh SEE ALSO').filter((one) => pages.includes(one)))
      assert.ok(
        references(other, '.Sh SEE ALSO').includes(page),
        `${page} leads to ${other}, which does not lead back`,
      );
  for (const page of pages) assert.ok(!references(page).includes('mailcron-setup.8'), page);
});

test('cronctl.1 has each command of cronctl, and no other', () => {
  const source = readFileSync(new URL('../../src/cli/cronctl.ts', import.meta.url), 'utf8');
  const commands = [...source.matchAll(/^ {2}'?(?<name>[a-z-]+)'?: async \(\) =>/gm)].map(
    ({ groups }) => groups?.['name'],
  );
  const page = read('cronctl.1');
  const told = [...page.matchAll(/^\.Ss cronctl (?<name>\S+)$/gm)].map(
    ({ groups }) => groups?.['name'],
  );
  assert.ok(commands.length > 5);
  assert.deepEqual(new Set(told), new Set(commands));
  const synopsis = page.slice(page.indexOf('.Sh SYNOPSIS'), page.indexOf('.Sh DESCRIPTION'));
  for (const name of commands) assert.match(synopsis, new RegExp(`^\\.Cm ${name}$`, 'm'));
});

/** Command lines of ours in displays of a page, each up to a pipe or what follows it. */
function commandLines(page: string): string[] {
  return [...read(page).matchAll(/^\.(?:Dl|D1) (?<line>.*)$/gm)].flatMap(({ groups }) =>
    (groups?.['line'] ?? '')
      .replaceAll(/\\&/g, '')
      .split(/\||;|>|&&/)
      .map((part) => part.trim())
      .filter((part) => /^(?:cronctl|crontab|cron|cron-sendmail|mailcron-setup) /.test(part)),
  );
}

/** The exit status of a wrong command line; crontab has none of its own, but says so. */
const USAGE = /usage error/;

test('each command line that a page shows is taken', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'man-'));
  const config = join(scratch, 'mailcron.toml');
  const paths = [
    'spool',
    'system_crontab',
    'cron_d',
    'allow',
    'deny',
    'run',
    'pidfile',
    'reboot',
    'state',
    'mailbox',
  ];
  writeFileSync(
    config,
    `[paths]\n${paths.map((name) => `${name} = "${scratch}/${name}"`).join('\n')}\n`,
  );
  try {
    const lines = pages.flatMap((page) => commandLines(page));
    assert.ok(lines.length >= 8, lines.join('\n'));
    for (const line of lines.filter((one) => /^(?:cronctl|crontab) /.test(one))) {
      const { stderr, error } = spawnSync(
        '/bin/sh',
        [
          '-c',
          `exec ${process.execPath} ${new URL('../../bin/', import.meta.url).pathname}${line}`,
        ],
        {
          encoding: 'utf8',
          input: '',
          cwd: scratch,
          timeout: 60_000,
          env: { PATH: '/usr/bin:/bin', CRON_CONFIG: config },
        },
      );
      assert.equal(error, undefined, line);
      assert.doesNotMatch(stderr, USAGE, line);
    }
  } finally {
    rmSync(scratch, { recursive: true });
  }
});

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
