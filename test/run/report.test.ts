/** Who gets a mail, and when: a finished job, or one whose runner died, becomes a mail or none. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Environment } from '../../src/core/environment.ts';
import type { Firing } from '../../src/run/protocol.ts';
import { report } from '../../src/run/report.ts';
import type { Outgoing } from '../../src/system/outgoing.ts';
import type { Exit } from '../../src/system/program.ts';
import type { User } from '../../src/system/users.ts';
import { firing } from './firings.ts';

const ALICE: User = {
  name: 'alice',
  uid: 1000,
  gid: 1000,
  home: '/home/alice',
  shell: '/bin/sh',
  groups: [1000],
};
const EXITS: Record<string, Exit | null> = {
  ok: { code: 0, signal: null },
  failed: { code: 1, signal: null },
  killed: { code: null, signal: 'SIGKILL' },
  lost: null,
};

interface Case {
  readonly exit?: keyof typeof EXITS;
  readonly output?: string;
  readonly preface?: string;
  readonly environment?: Environment;
  readonly firing?: Partial<Firing>;
  readonly markFailed?: boolean;
}

const logged: string[] = [];

function mailOf({ exit = 'ok', output = 'x', preface = '', ...rest }: Case): Outgoing | null {
  logged.length = 0;
  const body = Buffer.from(output, 'latin1');
  return report(
    {
      firing: firing('backup', { command: 'backup', ...rest.firing }),
      user: ALICE,
      exit: EXITS[exit] ?? null,
      environment: rest.environment ?? [],
      preface,
      body: {
        size: body.length,
        async *chunks() {
          if (body.length > 0) yield body;
        },
      },
    },
    { host: 'web1', charset: 'UTF-8', markFailed: rest.markFailed ?? false },
    (who, event, detail) => logged.push(`(${who}) ${event} (${detail})`),
  );
}

async function bodyOf(mail: Outgoing | null): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of mail?.chunks() ?? []) chunks.push(chunk);
  return Buffer.concat(chunks).toString('latin1');
}

const field = (mail: Outgoing | null, name: string): string | undefined =>
  new RegExp(`^${name}: (.*)$`, 'm').exec(mail?.head ?? '')?.[1];

/** Recipients, or `nobody`. */
const recipients: Record<string, readonly [environment: Environment, to: string]> = {
  unset: [[], 'alice'],
  'one address': [[['MAILTO', 'bob@example.org']], 'bob@example.org'],
  'several addresses': [[['MAILTO', 'bob, eve@x.org root']], 'bob eve@x.org root'],
  empty: [[['MAILTO', '']], 'nobody'],
  'only blanks': [[['MAILTO', ' , ']], 'nobody'],
};
for (const [mailto, [environment, expected]] of Object.entries(recipients))
  test(`report() with MAILTO ${mailto} goes to ${expected}`, () => {
    const mail = mailOf({ environment });
    assert.equal(mail?.recipients.join(' ') ?? 'nobody', expected);
    const shown = environment[0]?.[1] ?? 'alice';
    if (mail !== null) assert.equal(field(mail, 'To'), shown);
    assert.deepEqual(logged, []);
  });

for (const unsafe of ['-oQ/tmp', 'a;rm -rf /', 'a$(id)', 'bob\rBcc: eve', 'bob -t', '|cat', 'a\nb'])
  test(`report() sends to the owner what is for ${JSON.stringify(unsafe)}, and says why`, async () => {
    const mail = mailOf({ environment: [['MAILTO', unsafe]], output: 'hello\n' });
    assert.deepEqual(mail?.recipients, ['alice']);
    assert.equal(field(mail, 'To'), 'alice');
    const body = await bodyOf(mail);
    assert.match(body, /^cron: MAILTO is unsafe, this mail came to you instead: .*\nhello\n$/);
    assert.equal(mail?.size, Buffer.byteLength(body, 'latin1'));
    assert.deepEqual(logged, [`(alice) UNSAFE MAIL (${unsafe})`]);
  });

/** Exit, output and setting → whether there is a mail. */
const mailed: readonly (readonly [Case, boolean])[] = [
  [{ exit: 'ok', output: 'x' }, true],
  [{ exit: 'ok', output: '' }, false],
  [{ exit: 'failed', output: '' }, false],
  [{ exit: 'killed', output: '' }, false],
  [{ exit: 'failed', output: 'x' }, true],
  [{ exit: 'lost', output: '' }, false],
  [{ exit: 'lost', output: '', preface: 'cron: it died\n' }, true],
  [{ exit: 'ok', output: 'x', firing: { mailSuccess: 'never' } }, false],
  [{ exit: 'ok', output: '', firing: { mailSuccess: 'never' } }, false],
  [{ exit: 'failed', output: 'x', firing: { mailSuccess: 'never' } }, true],
  [{ exit: 'killed', output: 'x', firing: { mailSuccess: 'never' } }, true],
  [{ exit: 'lost', output: 'x', firing: { mailSuccess: 'never' } }, true],
  [{ exit: 'failed', output: 'x', environment: [['MAILTO', '']] }, false],
];
for (const [facts, expected] of mailed)
  test(`report() of ${JSON.stringify(facts)}: ${expected ? 'a mail' : 'no mail'}`, () => {
    assert.equal(mailOf(facts) !== null, expected);
  });

test('report() puts its own words before the output, and counts them', async () => {
  const mail = mailOf({ exit: 'lost', preface: 'cron: it died\n\n', output: 'half' });
  assert.equal(await bodyOf(mail), 'cron: it died\n\nhalf');
  assert.equal(mail?.size, 19);
  assert.equal(await bodyOf(mail), 'cron: it died\n\nhalf', 'as often as it is asked for');
});

test('report() hands every byte of the output on', async () => {
  const output = Array.from({ length: 256 }, (_, byte) => String.fromCharCode(byte)).join('');
  assert.equal(await bodyOf(mailOf({ output })), output);
});

test('report() marks the Subject of a failed job when it is to', () => {
  const subject = (facts: Case): string | undefined => field(mailOf(facts), 'Subject');
  const plain = 'Cron <alice@web1> backup';
  assert.equal(subject({ exit: 'failed' }), plain);
  assert.equal(subject({ exit: 'ok', markFailed: true }), plain);
  for (const exit of ['failed', 'killed', 'lost'] as const)
    assert.equal(subject({ exit, markFailed: true }), `${plain} (failed)`);
});

test('report() names its run and its user', () => {
  const mail = mailOf({});
  assert.equal(mail?.run, 'backup');
  assert.equal(mail?.user, ALICE);
});
