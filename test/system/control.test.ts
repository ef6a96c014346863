/** The control socket as its users see it: root, alice, bob and carol, each with processes of their own. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Asked } from '../support/asker.ts';
import { type Box, boxed, openBox, type Program, until } from '../support/system.ts';
import { startMailcron } from './crons.ts';

const SOCKET = '/run/mailcron/cron.sock';
const SPOOL = '/var/spool/cron/crontabs';
const asker = ['node', '/src/dist/test/support/asker.js'];

/** An answer, as test/support/asker.ts prints it. */
interface Told {
  readonly word: string;
  readonly body: string;
  readonly jobs?: readonly string[];
  readonly entries?: number;
  readonly backups?: number;
  readonly time: number;
}

const quoted = (word: string): string => `'${word.replaceAll("'", "'\\''")}'`;

/** Ask as that user; `by` is a command in front, such as unshare(1). */
async function ask(
  box: Box,
  user: string,
  requests: readonly Asked[],
  { by = [], socket = SOCKET }: { by?: readonly string[]; socket?: string } = {},
): Promise<Told[]> {
  const command = [...by, ...asker, socket, 'ask', ...requests.map((each) => JSON.stringify(each))];
  const output = await box.run(`runuser -u ${user} -- ${command.map(quoted).join(' ')}`);
  return output
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

async function words(
  box: Box,
  user: string,
  requests: readonly Asked[],
  how?: Parameters<typeof ask>[3],
): Promise<string[]> {
  return (await ask(box, user, requests, how)).map(({ word }) => word);
}

/** A box with a spool as Debian's package makes it, and our cron at Debian's paths. */
async function open(t: Parameters<typeof openBox>[0]): Promise<{ box: Box; cron: Program }> {
  const box = await openBox(t);
  await box.run(`groupadd -f crontab; install -d -g crontab -m 1730 ${SPOOL}`);
  return { box, cron: await startMailcron(box) };
}

test('who may what, by the kernel’s word', boxed, async (t) => {
  const { box, cron } = await open(t);

  await t.test('everybody has a crontab of their own', async () => {
    for (const user of ['alice', 'bob', 'root']) {
      const table = `@reboot echo ${user}\n`;
      const told = await ask(box, user, [
        ['list'],
        ['install', {}, table],
        ['list', { user }],
        ['install', {}, `${table}#\n`],
        ['backup', { number: 1 }],
        ['status'],
      ]);
      assert.deepEqual(
        told.map(({ word }) => word),
        [`none: no crontab for ${user}`, 'ok', 'ok', 'ok', 'ok', 'ok'],
      );
      assert.deepEqual([told[2]?.body, told[4]?.body], [table, table]);
      const stat = await box.run(`stat -c '%U %a %h' ${SPOOL}/${user}`);
      assert.equal(stat, `${user} 600 1\n`);
      assert.match(await box.read(`${SPOOL}/${user}`), /^# DO NOT EDIT/);
      assert.equal(await box.run(`tail -n +4 ${SPOOL}/${user}`), `${table}#\n`);
    }
  });

  await t.test('nobody learns of, reads or changes another’s', async () => {
    const before = await box.read(`${SPOOL}/bob`);
    for (const request of ['list', 'remove', 'backups', 'backup', 'status', 'install']) {
      const body = request === 'install' ? '@daily mine\n' : '';
      const others = ['bob', 'carol', 'root', 'ghost', '../bob', 'alice/', '0', 'ALICE'];
      const asked = others.map((user): Asked => [request, { user }, body]);
      for (const word of await words(box, 'alice', asked)) {
        const expected = `denied: You (alice) may ask for "${request}" of your own only`;
        assert.equal(word, expected);
      }
    }
    assert.equal(await box.read(`${SPOOL}/bob`), before);
    assert.equal(await box.read(`${SPOOL}/carol`), '');
    const [told] = await ask(box, 'alice', [['status']]);
    assert.equal(told?.entries, 1);
  });

  await t.test('a field says nothing of who asks', async () => {
    const forged = { uid: 0, gid: 0, pid: 1, caller: 'root', name: 'root', as: 'root' };
    assert.deepEqual(await words(box, 'alice', [['reload', forged]]), [
      'denied: Only root may ask for "reload"',
    ]);
    const [told] = await ask(box, 'alice', [['list', forged]]);
    assert.equal(told?.body, '@reboot echo alice\n#\n');
  });

  await t.test('root of a namespace of one’s own is still who made it', async () => {
    const by = ['unshare', '--map-root-user'];
    const [told, denied] = await ask(box, 'alice', [['list'], ['list', { user: 'bob' }]], { by });
    assert.equal(told?.body, '@reboot echo alice\n#\n');
    assert.match(denied?.word ?? '', /^denied: You \(alice\)/);
  });

  await t.test('root may ask for everybody’s', async () => {
    const told = await ask(box, 'root', [
      ['install', { user: 'carol' }, '@daily carol\n'],
      ['list', { user: 'carol' }],
      ['remove', { user: 'carol' }],
      ['backups', { user: 'carol' }],
      ['reload'],
      ['status'],
      ['list', { user: 'ghost' }],
    ]);
    assert.deepEqual(
      told.map(({ word }) => word),
      [...Array.from({ length: 6 }, () => 'ok'), 'unknown-user: There is no user "ghost"'],
    );
    assert.deepEqual([told[1]?.body, told[3]?.backups], ['@daily carol\n', 1]);
    assert.ok(Number(told[5]?.entries) >= 3);
  });

  await t.test('users see jobs of their own', async () => {
    const sleep = '* * * * * exec sleep 50\n';
    for (const user of ['alice', 'bob']) await ask(box, user, [['install', {}, sleep]]);
    const jobs = async (user: string): Promise<string> => {
      const [told] = await ask(box, user, [['status']]);
      return (told?.jobs ?? []).toSorted().join();
    };
    await until('both jobs run', async () => (await jobs('root')) === 'alice,bob' || undefined);
    assert.deepEqual(
      [await jobs('alice'), await jobs('bob'), await jobs('carol')],
      ['alice', 'bob', ''],
    );
  });

  await t.test('users have a hand in jobs of their own, root in all', async () => {
    const cronctl = (user: string, line: string): Promise<string> =>
      box.run(
        `{ runuser -u ${user} -- node /src/bin/cronctl ${line}; } 2>&1 && echo "= 0" || echo "= $?"`,
      );
    const runOf = async (user: string): Promise<string> => {
      const text = await cronctl('root', 'status --json');
      return new RegExp(`"run":"([^"]+)","user":"${user}"`).exec(text)?.[1] ?? 'none';
    };
    const [alices, bobs] = [await runOf('alice'), await runOf('bob')];
    const noJob = `cronctl: no job "${bobs}" is running\n= 1\n`;
    assert.equal(await cronctl('alice', `kill ${bobs}`), noJob);
    for (const line of [`log ${bobs}`, `log -f ${bobs}`])
      assert.equal(await cronctl('alice', line), `cronctl: there is no run "${bobs}"\n= 1\n`, line);
    assert.doesNotMatch(await cronctl('alice', 'history --user alice'), /bob/);
    assert.match(
      await cronctl('alice', 'history --user bob'),
      /^cronctl: You \(alice\) .*\n= 77\n$/,
    );
    assert.match(await cronctl('alice', 'run bob:1'), /^cronctl: no entry of alice is called/);
    assert.match(await cronctl('alice', 'run --user bob 1'), /^cronctl: You \(alice\) .*\n= 77\n$/);
    assert.match(await cronctl('alice', `kill --now ${alices}`), /^SIGKILL was sent to .*\n= 0\n$/);
    assert.match(await cronctl('root', `kill ${bobs.slice(0, -1)}`), / of bob; .*\n= 0\n$/);

    await ask(box, 'carol', [['install', {}, '@yearly id -un; tty -s || echo $LOGNAME\n']]);
    const shown = /^cronctl: \S+, as carol: .*\ncarol\ncarol\n= 0\n$/;
    for (const [user, line] of [
      ['carol', 'run 1'],
      ['root', 'run carol:1'],
      ['root', 'run --user carol --no-mail id'],
    ] as const)
      assert.match(await cronctl(user, line), shown, line);
    await box.write('/etc/cron.deny', 'carol\n', 'root', 0o644);
    assert.match(await cronctl('carol', 'run 1'), /not allowed to use .*\n= 77\n$/);
    await box.run('rm /etc/cron.deny');
    await ask(box, 'carol', [['remove']]);
  });

  await t.test('cron.deny and cron.allow are the daemon’s to read', async () => {
    await box.write('/etc/cron.deny', 'bob\n', 'root', 0o600);
    assert.match((await words(box, 'bob', [['list']])).join(), /^not-allowed: You \(bob\)/);
    assert.deepEqual(await words(box, 'bob', [['status']]), ['ok']);
    await box.write('/etc/cron.allow', 'bob\n', 'root', 0o600);
    assert.deepEqual(await words(box, 'bob', [['list']]), ['ok']);
    assert.match((await words(box, 'alice', [['list']])).join(), /^not-allowed: You \(alice\)/);
    assert.deepEqual(await words(box, 'root', [['list']]), ['ok']);
    await box.run('rm /etc/cron.allow /etc/cron.deny');
  });

  await t.test('nobody but root can put another socket in its place', async () => {
    for (const command of [`rm -f ${SOCKET}`, `mv ${SOCKET} /tmp/`, 'touch /run/mailcron/x'])
      await assert.rejects(box.run(`runuser -u alice -- ${command}`), /denied|not permitted/);
  });

  await t.test('a cron that was stopped has no socket, and leaves none to start it', async () => {
    await box.run('kill $(cat /run/crond.pid)');
    await until('cron has ended', () => cron.status() ?? undefined);
    await assert.rejects(ask(box, 'alice', [['list']]), /ENOENT/);
  });
});

test('whatever one user does, all others are served', boxed, async (t) => {
  const { box, cron } = await open(t);
  const attacks = ['hold', 'slow', 'garbage', 'huge', 'half', 'work'];
  for (const attack of attacks)
    await t.test(`while alice tries "${attack}"`, async () => {
      const attacker = box.start(['runuser', '-u', 'alice', '--', ...asker, SOCKET, attack]);
      const pid = await until(
        'alice is at it',
        () => /^(\d+) begins$/m.exec(attacker.output())?.[1],
        () => attacker.output(),
      );
      const times: number[] = [];
      for (let turn = 0; turn < 5; turn++) {
        const table = `@daily ${attack} ${turn}\n`;
        const [installed, listed] = await ask(box, 'bob', [['install', {}, table], ['list']]);
        assert.deepEqual([installed?.word, listed?.body], ['ok', table]);
        times.push(installed?.time ?? Infinity);
      }
      const [, , median = Infinity] = times.toSorted((a, b) => a - b);
      assert.ok(median < 1000, `bob waited for ${times.join()} ms`);
      await box.run(`kill -KILL ${pid}`);
      await until('alice has given up', () => attacker.status() ?? undefined);
      assert.equal(cron.status(), null, cron.output());
    });

  await t.test('and alice herself, when she behaves', async () => {
    await until('alice is served', async () => {
      const [word] = await words(box, 'alice', [['install', {}, '@daily good\n']]).catch(() => []);
      return word === 'ok' || undefined;
    });
    const complaints = (await box.read('/var/log/mailcron')).match(/^.* ERROR .*$/gm) ?? [];
    assert.deepEqual(complaints, []);
  });
});

test('an ordinary user’s cron serves that user, and root', boxed, async (t) => {
  const box = await openBox(t);
  await box.run(
    'install -d -o alice -m 711 /srv/alice; install -d -o alice -m 700 /srv/alice/spool',
  );
  const names = ['spool', 'system_crontab', 'cron_d', 'allow', 'deny', 'run', 'pidfile', 'reboot'];
  const paths = [...names, 'state', 'mailbox'].map((name) => `${name} = "/srv/alice/${name}"\n`);
  const config = `[paths]\n${paths.join('')}[log]\nto = "/srv/alice/log"\n`;
  await box.write('/srv/alice/mailcron.toml', config, 'alice');
  box.start([
    'runuser',
    '-u',
    'alice',
    '--',
    'node',
    '/src/bin/cron',
    '-f',
    '--config',
    '/srv/alice/mailcron.toml',
  ]);
  await until(
    'it has started',
    async () => (await box.read('/srv/alice/log')).includes('STARTUP') || undefined,
  );
  const socket = '/srv/alice/run/cron.sock';
  const install: Asked = ['install', {}, '@daily mine\n'];
  assert.deepEqual(await words(box, 'alice', [install, ['list'], ['reload']], { socket }), [
    'ok',
    'ok',
    'ok',
  ]);
  assert.equal(await box.run('stat -c "%U %a" /srv/alice/spool/alice'), 'alice 600\n');
  for (const [user, request, expected] of [
    ['bob', install, 'This cron is not root’s, and has crontabs of alice only'],
    ['bob', ['list', { user: 'alice' }], 'You (bob) may ask for "list" of your own only'],
    ['alice', ['list', { user: 'bob' }], 'This cron is not root’s, and has crontabs of alice only'],
    ['root', install, 'This cron is not root’s, and has crontabs of alice only'],
  ] as const) {
    const told = await words(box, user, [request], { socket });
    assert.deepEqual(told, [`denied: ${expected.replace('’', "'")}`], user);
  }
  assert.deepEqual(await words(box, 'root', [['list', { user: 'alice' }]], { socket }), ['ok']);
});

// The bench in small; `npm run bench:installs` has the figures.
test(
  'no install is lost under load, and one that is answered before a minute runs at it',
  boxed,
  async (t) => {
    const box = await openBox(t);
    await box.run(
      'for i in $(seq 200); do echo "u$i:x:$((20000 + i)):100::/tmp:/bin/sh"; done >> /etc/passwd',
    );
    const told = await box.run('node /src/dist/bench/installs.js 2000 4000 200');
    const [, before = 0, after = 0] = (/ (\d+) MB, (\d+) MB/.exec(told) ?? []).map(Number);
    assert.ok(before > 0 && after < before + 100, told);
    const [, answered, ran] = /(\d+) answered before it, .*; (\d+) of them ran/.exec(told) ?? [];
    assert.ok(Number(answered) > 0 && answered === ran, told);
  },
);
