/** A booted Debian with our packages in /debs, and what its administrator and alice do there. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { type Box, boxed, holdBox, until } from '../support/system.ts';
import { type Mail, mailbox } from './mails.ts';

export type Suite = 'bookworm' | 'trixie';

/** The options of a test that boots. Its first use on a machine makes the systems, which takes a minute. */
export const booted = { ...boxed, timeout: 900_000 };

const project = new URL('../../../', import.meta.url).pathname;

/** Build the packages into a folder of the name below `folder`. */
export async function build(folder: string, name: string, ...options: string[]): Promise<string> {
  const into = join(folder, name);
  const script = join(project, 'packaging/debian/build');
  const child = spawn(script, [...options, into], { stdio: ['ignore', 'ignore', 'pipe'] });
  let complaint = '';
  child.stderr.on('data', (chunk: Buffer) => (complaint += chunk.toString()));
  await once(child, 'close');
  assert.equal(child.exitCode, 0, complaint);
  return into;
}

/** Boot it; it is gone when the test is. */
export async function boot(t: TestContext, suite: Suite, packages: string): Promise<Debian> {
  const program = join(project, 'test/support/booted');
  return debian(await holdBox(t, [program, suite, '--bind', `${packages}:/debs`], 'BOOTED_PID'));
}

export interface Debian extends Box {
  /** Type a command after a login as a user; what it prints on either output. */
  readonly as: (user: string, command: string) => Promise<string>;
  /** Have apt do something, without questions: what the administrator has written stays. */
  readonly apt: (...words: string[]) => Promise<void>;
  /** A property of cron.service. */
  readonly unit: (property: string) => Promise<string>;
  /** All crontabs of users, byte for byte, with their owners and modes. */
  readonly crontabs: () => Promise<string>;
  /** The mails in a user's mailbox, when there is one like this. */
  readonly mail: (user: string, wanted: (mail: Mail) => boolean) => Promise<Mail>;
  /** Start alice's job that waits, under a name. */
  readonly begin: (name: string) => Promise<Job>;
}

/** A job of alice's between its first and its last line. */
export interface Job {
  readonly pid: number;
  /** Let it go on to its end: its output must come whole and once. */
  finish(): Promise<void>;
}

/** What alice's entry for jobs by hand runs: it says its name, waits for a file, and says it again. */
export const WAITS = `#!/bin/sh
name=$(cat name)
echo "$name begins"
echo $$ > "pid.$name"
while [ ! -e "go.$name" ]; do sleep 0.1; done
echo "$name ends"
`;

function debian(box: Box): Debian {
  const as = (user: string, command: string): Promise<string> =>
    box.run(`su - ${user} -c '${command.replaceAll("'", String.raw`'\''`)}' 2>&1`);
  const mail = (user: string, wanted: (mail: Mail) => boolean): Promise<Mail> =>
    until(
      `${user} has the mail`,
      async () => (await mailbox(box, user)).find(wanted),
      () => box.run(`cat /var/mail/${user} || :; journalctl -n 60 --no-pager`),
    );
  return {
    ...box,
    as,
    mail,
    async apt(...words) {
      const options = '-y -q -o Dpkg::Options::=--force-confold -o APT::Sandbox::User=root';
      await box.run(`DEBIAN_FRONTEND=noninteractive apt-get ${options} ${words.join(' ')} 2>&1`);
    },
    unit: async (property) => (await box.run(`systemctl show -P ${property} cron`)).trim(),
    crontabs: () => box.run('cd /var/spool/cron/crontabs; stat -c "%n %U:%G %a" . *; tail -n +1 *'),
    async begin(name) {
      await as('alice', `echo ${name} > name; cronctl run --detach waits`);
      const pid = await until(`${name} begins`, async () => {
        const text = await box.read(`/home/alice/pid.${name}`);
        return text.endsWith('\n') ? Number(text) : undefined;
      });
      return {
        pid,
        async finish() {
          await as('alice', `kill -0 ${pid}; touch go.${name}`);
          const { body } = await mail('alice', (each) => each.body.startsWith(`${name} begins\n`));
          assert.equal(body, `${name} begins\n${name} ends\n`);
        },
      };
    },
  };
}

/** Take one step after the other, each a subtest; after one that fails there is nothing to go on from. */
export async function story(
  t: TestContext,
  steps: Readonly<Record<string, () => Promise<void>>>,
): Promise<void> {
  for (const [name, step] of Object.entries(steps)) {
    let done = false;
    await t.test(name, async () => {
      await step();
      done = true;
    });
    if (!done) return;
  }
}
