/** mailcron-setup for a machine whose files are below a directory. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { isRoot } from '../support/sandbox.ts';

const program = new URL('../../../bin/mailcron-setup', import.meta.url).pathname;

interface Said {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

function setup(args: readonly string[], input = ''): Said {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], {
    encoding: 'utf8',
    input,
  });
  return { status, out: stdout, err: stderr };
}

/** A machine's files, as little as tells the init. */
function machine(t: TestContext, sign: string): string {
  const root = mkdtempSync(join(tmpdir(), 'setup-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  const file = join(root, sign);
  mkdirSync(join(file, '..'), { recursive: true });
  writeFileSync(file, '');
  return root;
}

const list = (root: string): string[] =>
  readdirSync(root, { recursive: true, encoding: 'utf8' }).toSorted();

const inits: Record<string, { readonly sign: string; readonly files: readonly string[] }> = {
  systemd: {
    sign: 'usr/lib/systemd/systemd',
    files: ['etc/systemd/system/cron.service', 'etc/sysusers.d/mailcron.conf'],
  },
  openrc: { sign: 'sbin/openrc-run', files: ['etc/init.d/cron', 'etc/conf.d/cron'] },
  sysvinit: { sign: 'etc/inittab', files: ['etc/init.d/cron'] },
  none: { sign: 'etc/os-release', files: [] },
};

for (const [init, { sign, files }] of Object.entries(inits)) {
  test(`setup() finds ${init}, does what it said, and undoes it`, (t) => {
    const root = machine(t, sign);
    const before = list(root);
    const tried = setup(['--root', root, '--dry-run']);
    assert.deepEqual([tried.status, tried.err], [0, '']);
    assert.match(tried.out, new RegExp(`^init +${init}\\b`, 'm'));
    assert.deepEqual(list(root), before);

    const done = setup(['--root', root, '--yes']);
    assert.deepEqual([done.status, done.err], [0, '']);
    assert.ok(done.out.startsWith(tried.out));
    for (const file of files) {
      assert.ok(done.out.includes(`  write   /${file}\n`), done.out);
      const text = readFileSync(join(root, file), 'utf8');
      assert.ok(!text.includes('/usr/sbin/cron'), text);
    }
    const cron = spawnSync(join(root, 'usr/local/sbin/cron'), ['--version'], { encoding: 'utf8' });
    assert.match(cron.stdout, /^mailcron \d/);

    assert.match(setup(['--root', root]).out, /All of it is in place\.\n$/);
    const undone = setup(['--root', root, '--undo', '--yes']);
    assert.deepEqual([undone.status, undone.err], [0, '']);
    assert.deepEqual(
      list(root).filter((path) => !/^var(\/lib)?$/.test(path)),
      before,
    );
  });
}

test('setup() does nothing without a yes', (t) => {
  const root = machine(t, 'etc/inittab');
  const before = list(root);
  for (const answer of ['n\n', '', 'perhaps\nno\n'])
    assert.equal(setup(['--root', root], answer).status, 0);
  assert.deepEqual(list(root), before);
  assert.equal(setup(['--root', root], 'y\n').status, 0);
  assert.ok(existsSync(join(root, 'etc/init.d/cron')));
});

test('setup() leaves what is not ours, and what was changed', (t) => {
  const root = machine(t, 'sbin/openrc-run');
  mkdirSync(join(root, 'etc/init.d'), { recursive: true });
  const script = join(root, 'etc/init.d/cron');
  writeFileSync(script, 'foreign');
  const before = list(root);
  const refused = setup(['--root', root, '--yes']);
  assert.equal(refused.status, 1);
  assert.match(refused.err, /\/etc\/init\.d\/cron is there and not ours/);
  assert.deepEqual(list(root), before);

  rmSync(script);
  assert.equal(setup(['--root', root, '--yes']).status, 0);
  const options = join(root, 'etc/conf.d/cron');
  writeFileSync(options, 'cron_opts="-L 7"\n');
  chmodSync(options, 0o644);
  rmSync(script); // what is missing is made again
  const again = setup(['--root', root, '--yes']);
  assert.deepEqual([again.status, again.err], [0, '']);
  assert.match(again.out, / leave +\/etc\/conf\.d\/cron +\(it was changed since\)/);
  assert.ok(existsSync(script));
  assert.equal(setup(['--root', root, '--undo', '--yes']).status, 0);
  assert.equal(existsSync(script), false);
  assert.equal(readFileSync(options, 'utf8'), 'cron_opts="-L 7"\n');
});

test('setup() is for one init at a time', (t) => {
  const root = machine(t, 'sbin/openrc-run');
  assert.equal(setup(['--root', root, '--yes']).status, 0);
  const other = setup(['--root', root, '--yes', '--init', 'sysvinit']);
  assert.equal(other.status, 1);
  assert.match(other.err, /was set up for openrc: take that away with --undo first/);
});

test('setup() says what is wrong with its command line', (t) => {
  const root = machine(t, 'etc/inittab');
  assert.match(setup(['--root', root, '--init', 'upstart']).err, /--init is one of systemd, /);
  assert.equal(setup(['--root', root, 'now']).status, 64);
  if (!isRoot) assert.equal(setup([]).status, 77);
});
