/** The postman's process: mails through it, and what becomes of them when it is bad or dead. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { lineOf } from '../../src/mail/frames.ts';
import { Postman, type PostmanSettings } from '../../src/mail/postman.ts';
import type { Relay } from '../../src/mail/relay.ts';
import type { Launcher } from '../../src/system/program.ts';
import type { Users } from '../../src/system/users.ts';
import { launcher, self } from '../run/started.ts';
import { isAlive, isRoot } from '../support/sandbox.ts';
import { openRelay, openSocket, PASSWORD, replies, USER } from '../support/relay.ts';
import { until } from '../support/wait.ts';
import { mailOf } from './mail.ts';

const PROGRAM = fileURLToPath(new URL('../../src/cli/postman.js', import.meta.url));

const folder = mkdtempSync(join(tmpdir(), 'postman-'));
chmodSync(folder, 0o755);
after(() => rmSync(folder, { recursive: true }));

/** As whom it runs: nobody, where the tests are root. */
const postal = isRoot
  ? { ...self, name: 'postal', uid: 65_534, gid: 65_534, groups: [] }
  : { ...self, name: 'postal' };
const users: Users = { find: (name) => Promise.resolve(name === 'postal' ? postal : null) };

const RELAY: Relay = {
  protocol: 'smtp',
  host: '127.0.0.1',
  port: 1,
  security: 'off',
  acceptAny: false,
  domain: 'web1.example.com',
  timeout: 20_000,
  pool: 3,
  dsn: [],
};

interface Opened {
  readonly postman: Postman;
  /** The processes that there have been. */
  readonly pids: number[];
}

function openPostman(
  t: TestContext,
  relay: Partial<Relay>,
  changed: Partial<PostmanSettings> = {},
): Opened {
  const pids: number[] = [];
  const counting: Launcher = {
    async start(program) {
      const running = await launcher.start(program);
      pids.push(running.pid);
      return running;
    },
  };
  const settings = {
    relay: { ...RELAY, ...relay },
    user: 'postal',
    argv: [process.execPath, PROGRAM] as const,
    ...changed,
  };
  const postman = new Postman(settings, users, counting);
  t.after(async () => {
    await postman.close();
    assert.deepEqual(
      pids.filter((pid) => isAlive(pid)),
      [],
    );
  });
  return { postman, pids };
}

test('hand() brings mails by one process, which is nobody and has nothing', async (t) => {
  const relay = await openRelay(t);
  const { postman, pids } = openPostman(t, { port: relay.port });
  const mails = Array.from({ length: 20 }, (_, index) => mailOf(`mail ${index}\n`));
  const refused = await Promise.all(mails.map((mail) => postman.hand(mail)));
  assert.deepEqual(refused.flat(), []);
  assert.equal(new Set(relay.mails.map(({ bytes }) => bytes.toString())).size, 20);
  assert.equal(pids.length, 1);
  assert.ok(relay.sessions() <= RELAY.pool);
  const [pid = 0] = pids;
  const status = readFileSync(`/proc/${pid}/status`, 'latin1');
  assert.match(status, new RegExp(`^Uid:\t${postal.uid}\t${postal.uid}\t${postal.uid}\t`, 'm'));
  if (isRoot) assert.match(status, /^Groups:\s*$/m);
  if (isRoot) assert.match(status, /^CapEff:\t0+$/m);
  const environment = readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0').filter(Boolean);
  assert.deepEqual(environment, ['PATH=/usr/bin:/bin']);
  const files = readdirSync(`/proc/${pid}/fd`);
  assert.ok(files.includes('0') && files.includes('1'));
});

test('hand() hands on what the relay says of each recipient', async (t) => {
  const relay = await openRelay(t, {
    rcpt: (address) => {
      if (address.startsWith('bob')) return { code: 550, text: '5.1.1 who is b\u00f6b?' };
      return address.startsWith('carol') ? { code: 451, text: 'later' } : undefined;
    },
  });
  const { postman } = openPostman(t, { port: relay.port });
  const refused = await postman.hand(mailOf('x\n', { recipients: ['alice', 'bob', 'carol'] }));
  assert.deepEqual(
    refused.map(({ recipient, permanent }) => [recipient, permanent]),
    [
      ['bob', true],
      ['carol', false],
    ],
  );
  assert.match(refused[0]?.reason ?? '', /550 5\.1\.1 who is b\u00c3\u00b6b\?$/);
  assert.deepEqual(relay.mails[0]?.recipients, ['alice@web1.example.com']);
});

test('hand() lets its process end when there is no mail, and starts another', async (t) => {
  const relay = await openRelay(t);
  const { postman, pids } = openPostman(t, { port: relay.port }, { idle: 50 });
  assert.deepEqual(await postman.hand(mailOf('1\n')), []);
  await until('it has ended', () => pids.length === 1 && !isAlive(pids[0] ?? 0));
  assert.deepEqual(await postman.hand(mailOf('2\n')), []);
  assert.deepEqual([pids.length, relay.mails.length], [2, 2]);
});

test('hand() streams 50 MB, in neither process whole', async (t) => {
  const relay = await openRelay(t, { forget: true });
  const { postman, pids } = openPostman(t, { port: relay.port });
  await postman.hand(mailOf('warm\n'));
  const piece = Buffer.alloc(1_000_000, `${'x'.repeat(99)}\n`);
  let peak = 0;
  const mail = mailOf('', {
    size: 50 * piece.length,
    async *chunks() {
      for (let left = 50; left > 0; left -= 1) {
        const status = readFileSync(`/proc/${pids[0]}/status`, 'latin1');
        peak = Math.max(peak, Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]));
        yield piece;
      }
    },
  });
  const before = Number(
    /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pids[0]}/status`, 'latin1'))?.[1],
  );
  assert.deepEqual(await postman.hand(mail), []);
  assert.ok(relay.bytes() > 50_000_000);
  assert.ok(peak - before < 40_000, `${before} kB at first, ${peak} kB at most`);
});

test('hand() of one slow mail does not hold up the others', async (t) => {
  const relay = await openRelay(t);
  const { postman } = openPostman(t, { port: relay.port });
  let go = (): void => {};
  const gate = new Promise<void>((resolve) => (go = resolve));
  const slow = postman.hand(
    mailOf('', {
      async *chunks() {
        await gate;
        yield Buffer.from('at last\n');
      },
    }),
  );
  for (let count = 0; count < 5; count += 1)
    assert.deepEqual(await postman.hand(mailOf('x\n')), []);
  assert.equal(relay.mails.length, 5);
  go();
  assert.deepEqual(await slow, []);
});

test('hand() of a mail that cannot be read to its end sends nothing of it', async (t) => {
  const relay = await openRelay(t);
  const { postman } = openPostman(t, { port: relay.port });
  const [refused] = await postman.hand(
    mailOf('', {
      async *chunks() {
        yield Buffer.from('half\n');
        throw new Error('EIO');
      },
    }),
  );
  assert.equal(refused?.permanent, false);
  assert.match(refused?.reason ?? '', /the rest of the message cannot be read/);
  assert.equal(relay.mails.length, 0);
});

test('hand() reads the password in the process alone', async (t) => {
  const relay = await openRelay(t, {
    server: { disabledCommands: ['STARTTLS'], authOptional: false, allowInsecureAuth: true },
  });
  const credentials = join(folder, 'credentials');
  writeFileSync(credentials, `user = ${USER}\npassword = ${PASSWORD}\n`, { mode: 0o600 });
  const first = openPostman(t, { port: relay.port, credentials });
  const [refused] = await first.postman.hand(mailOf('x\n'));
  if (isRoot)
    assert.match(refused?.reason ?? '', /Cannot read credentials ".*": permission denied/);
  if (isRoot) {
    chownSync(credentials, postal.uid, postal.gid);
  }
  const second = openPostman(t, { port: relay.port, credentials });
  assert.deepEqual(await second.postman.hand(mailOf('x\n')), []);
  assert.equal(relay.mails.at(-1)?.user, USER);
  chmodSync(credentials, 0o640);
  const third = openPostman(t, { port: relay.port, credentials });
  const [open] = await third.postman.hand(mailOf('x\n'));
  assert.match(open?.reason ?? '', /must belong to uid \d+ and have mode 0600/);
  assert.equal(open?.permanent, false);
});

test('hand() names what is missing where there is nobody to be, or only root', async (t) => {
  const none = openPostman(t, {}, { user: 'mailcron' });
  const [refused] = await none.postman.hand(mailOf('x\n'));
  assert.match(
    refused?.reason ?? '',
    /^there is no user "mailcron", .*: create it \(adduser --system .*\), or name another one by \[mail\.smtp\] run_as$/,
  );
  assert.equal(refused?.permanent, false);
  const root: Users = { find: () => Promise.resolve({ ...self, uid: 0 }) };
  const settings = { relay: RELAY, user: 'root', argv: [process.execPath, PROGRAM] as const };
  const [never] = await new Postman(settings, root, launcher).hand(mailOf('x\n'));
  assert.match(never?.reason ?? '', /does not run as root/);
});

/** A bad postman, a script → the reason that its mails are tried again. */
const BAD: Record<string, readonly [string, RegExp]> = {
  'ends at once': ['exit 3', /^the postman ended with status 3$/],
  'explains its death': [
    'echo "Error: no such module" >&2; exit 1',
    /with status 1: Error: no such module$/,
  ],
  'says nonsense': ['echo "{}"; exec sleep 600', /ended by SIGKILL: it said what is no answer/],
  'answers for another mail': [
    'echo \'{"done":7,"refused":[]}\'; exec sleep 600',
    /a mail that it does not have/,
  ],
  'asks for another mail': ['echo \'{"more":7}\'; exec sleep 600', /a mail that it does not have/],
  'asks twice at a time': ['echo \'{"more":0}\n{"more":0}\'; exec sleep 600', /asked twice/],
  'refuses a recipient that there is not': [
    'echo \'{"done":0,"refused":[{"at":9,"reason":"x","permanent":true}]}\'; exec sleep 600',
    /recipients that a mail does not have/,
  ],
  'talks without end': ['exec tr "\\\\000" x < /dev/zero', /a line of more than/],
  'is not there': ['exec /nonexistent/postman', /with status 12[67]/],
};

for (const [name, [script, reason]] of Object.entries(BAD))
  test(`hand() keeps the mail for later when the postman ${name}`, async (t) => {
    // The first line of its orders is read, so that what it says comes after the mail is its.
    const argv = ['/bin/sh', '-c', `read -r relay; read -r mail; ${script}`] as const;
    const { postman } = openPostman(t, {}, { argv });
    const [refused] = await postman.hand(mailOf('x\n'));
    assert.equal(refused?.permanent, false);
    assert.match(refused?.reason ?? '', reason);
  });

test('hand() after the death of its process starts another', async (t) => {
  const relay = await openRelay(t);
  const { postman, pids } = openPostman(t, { port: relay.port });
  const hanging = postman.hand(
    mailOf('', {
      async *chunks() {
        process.kill(pids[0] ?? 0, 'SIGKILL');
        yield Buffer.from('x\n');
      },
    }),
  );
  assert.match((await hanging)[0]?.reason ?? '', /the postman was ended by SIGKILL/);
  assert.deepEqual(await postman.hand(mailOf('again\n')), []);
  assert.equal(pids.length, 2);
  assert.equal(relay.mails.length, 1);
});

test('close() lets what is on its way arrive, and takes no more', async (t) => {
  const relay = await openRelay(t, {
    server: {
      onRcptTo(_address, _session, callback) {
        setTimeout(callback, 300);
      },
    },
  });
  const { postman } = openPostman(t, { port: relay.port, pool: 1 });
  const first = postman.hand(mailOf('1\n'));
  const second = postman.hand(mailOf('2\n'));
  await postman.close();
  assert.deepEqual(await first, []);
  assert.deepEqual(
    (await second).map(({ reason }) => reason),
    ['cron is stopping'],
  );
  assert.equal(relay.mails.length, 1);
});

test('a postman whose scheduler is gone ends, and sends no mail that it has not whole', async (t) => {
  const seen: string[] = [];
  const port = await openSocket(t, (socket) => {
    socket.on('data', (data: Buffer) => seen.push(data.toString('latin1')));
    replies({ EHLO: '250 x', MAIL: '250 ok', RCPT: '250 ok', DATA: '354 go', '.': '250 ok' })(
      socket,
    );
  });
  // A scheduler that hands over half a mail and dies.
  const child = spawn(process.execPath, [PROGRAM], { stdio: ['pipe', 'pipe', 'inherit'] });
  const head = 'Subject: x\n\n';
  child.stdin.write(lineOf({ relay: { ...RELAY, port } }));
  child.stdin.write(
    lineOf({ mail: 0, length: head.length, run: 'r', sender: 'a', recipients: ['b'], size: 9 }) +
      head,
  );
  await until('the head has come', () => seen.join('').includes('Subject: x'));
  child.stdin.end(`${lineOf({ piece: 0, length: 5 })}half\n`);
  await until('it has ended', () => child.exitCode !== null);
  assert.equal(child.exitCode, 0);
  assert.doesNotMatch(seen.join(''), /\r\n\.\r\n/);
});
