import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { test } from 'node:test';
import { packed } from './support/packed.ts';

const project = new URL('../../', import.meta.url).pathname;
const read = (file: string): string => readFileSync(join(project, file), 'utf8');

interface Locked {
  readonly version: string;
  readonly integrity?: string;
  readonly dev?: boolean;
  readonly devOptional?: boolean;
  readonly os?: readonly string[];
}

interface Lock {
  readonly version: string;
  readonly packages: Readonly<Record<string, Locked>>;
}

interface Manifest {
  readonly version: string;
  readonly bin: Readonly<Record<string, string>>;
  readonly exports: { readonly '.': { readonly types: string; readonly default: string } };
}

const manifest: Manifest = JSON.parse(read('package.json'));
const lock: Lock = JSON.parse(read('package-lock.json'));

/** Run a script or a program of ours, which must succeed. */
function output(argv: readonly string[], env: Record<string, string> = {}): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, argv, {
    cwd: project,
    encoding: 'utf8',
    env: { ...process.env, ...env },
  });
  assert.equal(status, 0, stderr);
  return stdout;
}

test('the version of package.json is that of the lock file and of the programs', () => {
  assert.match(manifest.version, /^\d+\.\d+\.\d+(?:-[\w.]+)?$/);
  assert.equal(lock.version, manifest.version);
  assert.equal(lock.packages['']?.version, manifest.version);
  const programs = Object.values(manifest.bin);
  assert.ok(programs.length > 3);
  for (const program of programs)
    assert.equal(output([program, '--version']), `mailcron ${manifest.version}\n`);
  for (const program of ['bin/crontab', 'bin/cronctl'])
    assert.equal(output([program, '-V']), `mailcron ${manifest.version}\n`);
});

test('the changelog begins with what is unreleased, then has the versions, the newest first', () => {
  const headings = [...read('CHANGELOG.md').matchAll(/^## (?<heading>.*)$/gm)].map(
    ({ groups }) => groups?.['heading'] ?? '',
  );
  assert.equal(headings[0], '[Unreleased]');
  const releases = headings.slice(1).map((heading) => {
    const found = /^\[(?<version>\d+\.\d+\.\d+(?:-[\w.]+)?)\] - \d{4}-\d\d-\d\d$/.exec(heading);
    assert.ok(found, heading);
    return found.groups?.['version'];
  });
  assert.ok(releases.length === 0 || releases[0] === manifest.version, releases[0]);
});

test('no manual page has a version of its own', () => {
  for (const page of readdirSync(join(project, 'man')))
    assert.match(read(`man/${page}`), /^\.Os mailcron$/m, page);
});

const files = packed();
const paths = files.map(({ path }) => path);

/** What the npm package may have, each with what it is for. */
const CONTENTS: Readonly<Record<string, RegExp>> = {
  'what npm wants': /^(?:package\.json|README\.md|LICENSE)$/,
  'what changed, and how it is used': /^(?:CHANGELOG\.md|docs\/[a-z-]+\.(?:md|svg))$/,
  'manual pages': /^man\/[a-z.-]+\.[158]$/,
  programs: /^bin\/(?:[a-z-]+|package\.json)$/,
  'what they run': /^dist\/src\/(?:[a-z]+\/)*[a-z0-9-]+\.js$/,
  'crontab in one file': /^dist\/src\/cli\/crontab\.cjs$/,
  'lines of the sources in stack traces': /^dist\/src\/(?:[a-z]+\/)*[a-z0-9-]+\.c?js\.map$/,
  'types of the library': /^dist\/src\/(?:index|core\/[a-z0-9-]+|system\/bytes)\.d\.ts$/,
  'crontabs to look at': /^crontabs\/[a-z]+$/,
  'what mailcron-setup installs': /^packaging\/(?:openrc|systemd|sysusers|sysvinit)\/[a-z.]+$/,
};

test('npm pack has what the table names, and nothing else', () => {
  for (const path of paths)
    assert.ok(
      Object.values(CONTENTS).some((rule) => rule.test(path)),
      `${path} is in the package for no reason`,
    );
  for (const [what, rule] of Object.entries(CONTENTS))
    assert.ok(
      paths.some((path) => rule.test(path)),
      `${what} missing`,
    );
});

test('npm pack has every program, executable, and all that is imported', () => {
  for (const program of [
    ...Object.values(manifest.bin),
    'bin/cron',
    'bin/crontab',
    'bin/cronctl',
    'bin/cron-sendmail',
  ])
    assert.equal((files.find(({ path }) => path === program)?.mode ?? 0) & 0o111, 0o111, program);
  for (const file of Object.values(manifest.exports['.']))
    assert.ok(paths.includes(normalize(file)), file);
  for (const path of paths.filter((one) => /^bin\/[^.]+$|\.c?js$|\.d\.ts$/.test(one)))
    for (const { groups } of read(path).matchAll(
      /(?:\bfrom |\bimport\(|\bimport )['"](?<target>\.[^'"]+)['"]/g,
    )) {
      const target = normalize(join(dirname(path), groups?.['target'] ?? ''));
      // Types are imported by the names of their sources.
      const file = path.endsWith('.d.ts') ? target.replace(/\.[jt]s$/, '.d.ts') : target;
      assert.ok(paths.includes(file), `${path} imports ${target}`);
    }
});

test('npm pack has every file that its pages link to', () => {
  for (const page of paths.filter((path) => path.endsWith('.md')))
    for (const { groups } of read(page).matchAll(/\]\((?<link>[^)#:\s]+)(?:#[^)]*)?\)/g)) {
      const target = normalize(join(dirname(page), groups?.['link'] ?? ''));
      assert.ok(existsSync(join(project, target)), `${page} links to ${target}`);
      assert.ok(
        paths.some((path) => path === target || path.startsWith(`${target}/`)),
        `${page} links to ${target}, which is not in the package`,
      );
    }
});

test('a map stands beside each script, and a script beside each map', () => {
  const scripts = paths.filter((path) => /^dist\/.*\.c?js$/.test(path));
  const maps = paths.filter((path) => path.endsWith('.map')).map((path) => path.slice(0, -4));
  assert.deepEqual(maps.toSorted(), scripts.toSorted());
});

test('docs/licences.md is current', () => {
  const current = output(['packaging/release/licences.mjs']);
  assert.ok(read('docs/licences.md') === current, 'call `npm run licences`, and look what changed');
});

test('every package that is shipped has a licence that lets it be', () => {
  const rows = read('docs/licences.md')
    .split('\n')
    .filter((line) => line.startsWith('| '));
  assert.ok(rows.length > 10);
  for (const row of rows.slice(1)) {
    const [, name = '', , licence = ''] = row.split('|').map((cell) => cell.trim());
    assert.ok(
      ['MIT', 'MIT-0', 'ISC', 'BSD-3-Clause', 'Apache-2.0'].includes(licence),
      `${name}: ${licence}`,
    );
  }
});

interface Bill {
  readonly bomFormat: string;
  readonly specVersion: string;
  readonly serialNumber: string;
  readonly metadata: { readonly timestamp: string; readonly component: Component };
  readonly components: readonly Component[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[];
}

interface Component {
  readonly 'bom-ref': string;
  readonly type: string;
  readonly name: string;
  readonly version: string;
  readonly purl: string;
  readonly hashes?: readonly { readonly alg: string; readonly content: string }[];
  readonly licenses: readonly { readonly license: { readonly id: string } }[];
}

test('the bill of materials has what the lock file has, and is always the same', () => {
  const env = { SOURCE_DATE_EPOCH: '1790000000' };
  const text = output(['packaging/release/sbom.mjs'], env);
  assert.equal(output(['packaging/release/sbom.mjs'], env), text);
  const bill: Bill = JSON.parse(text);
  assert.deepEqual([bill.bomFormat, bill.specVersion], ['CycloneDX', '1.5']);
  assert.match(bill.serialNumber, /^urn:uuid:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  assert.equal(bill.metadata.timestamp, '2026-09-21T14:13:20.000Z');
  assert.equal(bill.metadata.component.purl, `pkg:npm/mailcron@${manifest.version}`);

  const locked = Object.entries(lock.packages).filter(
    ([path, { dev, devOptional, os = ['linux'] }]) =>
      path !== '' &&
      dev !== true &&
      devOptional !== true &&
      os.includes('linux') &&
      !path.includes('/@typescript/'), // of a compiler that valibot could do with, which is no dependency
  );
  const hashOf = ({ integrity = '' }: Locked): string =>
    Buffer.from(integrity.replace('sha512-', ''), 'base64').toString('hex');
  assert.deepEqual(
    new Set(
      bill.components.map(
        ({ name, version, hashes }) => `${name} ${version} ${hashes?.[0]?.content}`,
      ),
    ),
    new Set(
      locked.map(
        ([path, one]) => `${path.replace(/^.*node_modules\//, '')} ${one.version} ${hashOf(one)}`,
      ),
    ),
  );

  const refs = new Set([...bill.components, bill.metadata.component].map((one) => one['bom-ref']));
  for (const { ref, dependsOn } of bill.dependencies)
    for (const name of [ref, ...dependsOn]) assert.ok(refs.has(name), name);
  assert.equal(bill.dependencies.length, refs.size);
  assert.doesNotMatch(text, /"(?:distribution|resolved)"/); // no address of where this machine got it
});
