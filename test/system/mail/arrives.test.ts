/**
 * Does it arrive? Jobs of alice under the real daemon, through all the mail systems that people run.
 *
 * Nothing counts but a mail in the mailbox, or in what the relay has taken, whose body decodes to what the job printed,
 * byte for byte, once. The table in docs/mail.md is what was seen here.
 */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { type Box, boxed, openBox, until } from '../../support/system.ts';
import { installTab, own, startMailcron } from '../crons.ts';
import { type Job, JOBS, LATER, tabOf } from './jobs.ts';
import { type Read, read } from './reading.ts';
import { arrivals, mailboxes, type MailSystem, SYSTEMS } from './systems.ts';
import { checkTable } from './table.ts';

const COLUMNS = ['mailer', ...JOBS.map(({ title }) => title), LATER.title, 'when it is back'];

void test('mail arrives', { ...boxed, timeout: 900_000, concurrency: 2 }, async (t) => {
  const rows = new Map<MailSystem, readonly string[]>();
  await Promise.all(
    SYSTEMS.map((system) =>
      t.test(`through ${system.name}`, { timeout: 400_000 }, async (each) => {
        rows.set(system, [system.name, ...(await tryOut(each, system))]);
      }),
    ),
  );
  await t.test('as docs/mail.md says', () => {
    const table = SYSTEMS.map((system) => rows.get(system) ?? []);
    checkTable('arrives', COLUMNS, table);
  });
});

/** Send everything through one mail system, and say what became of it. */
async function tryOut(t: TestContext, system: MailSystem): Promise<string[]> {
  const box = await openBox(t, { mail: system.box });
  for (const { name, prints } of [...JOBS, LATER]) await box.write(`/srv/jobs/${name}`, prints);
  await box.run(`${system.prepare ?? ''}\ninstall -d -g mail -m 3777 /srv/first/mailbox`);
  const look = inbox(box, system);
  const arrived = async (): Promise<Read[]> => {
    await box.run(system.hurry ?? '');
    return await look();
  };
  const evidence = async (): Promise<string> => await tell(box, await arrived());

  await runJobs(box, system, 'first', JOBS);
  const first = await until(
    'all mail has come, and word of whom nobody knows',
    async () => {
      const mails = await arrived();
      return JOBS.every((job) => isThere(job, mails)) && bouncer(mails) !== null
        ? mails
        : undefined;
    },
    evidence,
  );
  const { statuses } = await logged(box, 'first');
  const told = [...statuses, `bounce from ${bouncer(first)}`].join(', ');

  let away = '–';
  let back = '–';
  if (system.stop !== undefined) {
    await box.run(system.stop);
    await runJobs(box, system, 'second', [LATER]);
    const log = await logged(box, 'second');
    const what = isThere(LATER, await arrived())
      ? 'delivered'
      : log.kept
        ? 'kept by cron'
        : 'queued';
    away = [...log.statuses, what].join(', ');
    await box.run(system.start ?? '');
    await until(
      'what waited has come',
      async () => isThere(LATER, await arrived()) || undefined,
      evidence,
    );
    back = 'yes';
  }
  for (const name of ['first', 'second'])
    await until(
      'nothing waits any more',
      async () => (await box.list(`/srv/${name}/state/outbox/queue`)).length === 0 || undefined,
      evidence,
    );

  const mails = await arrived();
  for (const job of system.stop === undefined ? JOBS : [...JOBS, LATER])
    assert.deepEqual(
      mails
        .filter(({ command }) => command === commandOf(job))
        .map(({ mailbox }) => mailbox)
        .toSorted(),
      job.recipients.toSorted(),
      `who has the mail of "${job.name}"`,
    );
  return [...JOBS.map(({ unknown }) => (unknown === undefined ? 'yes' : told)), away, back];
}

/** Start a daemon whose crontab has these jobs, and wait until it has handed over what they printed. */
async function runJobs(
  box: Box,
  { settings = '' }: MailSystem,
  name: string,
  jobs: readonly Job[],
): Promise<void> {
  await installTab(box, own(name), 'alice', tabOf(jobs));
  await startMailcron(box, {
    name,
    settings: `[mail]\n${settings}\n[mail.outbox]\nkeep = 0\nfirst_pause = 0.1\n`,
  });
  const journal = `/srv/${name}/state/journal`;
  await until(
    'all jobs are done with',
    async () => {
      const texts = await Promise.all(
        (await box.list(journal)).map((file) => box.read(`${journal}/${file}`)),
      );
      return texts.join('').split('{"done":').length > jobs.length || undefined;
    },
    () => box.read(own(name).log),
  );
}

function commandOf({ name }: Job): string {
  return `cat /srv/jobs/${name}`;
}

/** Read all that has arrived, each mail once. */
function inbox(box: Box, system: MailSystem): () => Promise<Read[]> {
  const known = new Map<string, Promise<Read>>();
  return async () => {
    const all = [
      ...(await arrivals(box, system)),
      ...(await mailboxes(box, '/srv/first/mailbox')), // where cron itself puts a bounce
    ];
    const found = all.map((arrival) => {
      const key = `${arrival.mailbox} ${arrival.message}`;
      const mail = known.get(key) ?? read(arrival);
      known.set(key, mail);
      return mail;
    });
    return await Promise.all(found);
  };
}

/** Whether each recipient has a mail of a job, and nothing is wrong with it. */
function isThere(job: Job, mails: readonly Read[]): boolean {
  return job.recipients.every((recipient) =>
    mails.some(
      ({ mailbox, command, body }) =>
        mailbox === recipient && command === commandOf(job) && body.equals(job.prints),
    ),
  );
}

/** Who tells alice that nobody knows one of the recipients. */
function bouncer(mails: readonly Read[]): string | null {
  const bounce = mails.find(
    ({ mailbox, command, message }) =>
      mailbox === 'alice' && command === '' && message.includes('nosuchuser'),
  );
  if (bounce === undefined) return null;
  const [head = ''] = bounce.message.split('\n\n');
  return /^From: .*\(Cron Daemon\)/m.test(head) ? 'cron' : 'the mailer';
}

/** What a daemon's log says of its mailer. */
async function logged(box: Box, name: string): Promise<{ statuses: string[]; kept: boolean }> {
  const log = await box.read(own(name).log);
  const statuses = [...log.matchAll(/got status 0x(\w+) from MTA/g)].map(
    ([, hex = '']) => `${Number.parseInt(hex, 16)}`,
  );
  return { statuses: [...new Set(statuses)], kept: log.includes(', kept in ') };
}

async function tell(box: Box, mails: readonly Read[]): Promise<string> {
  const lines = mails.map(
    ({ mailbox, command, body }) =>
      `${mailbox}: ${command}: ${body.length} bytes: ${JSON.stringify(body.toString('latin1', 0, 200))}`,
  );
  const logs = await Promise.all(['first', 'second'].map((name) => box.read(own(name).log)));
  return [...lines, ...logs].join('\n');
}
