/** Settings → what a runner is told at its start, and its start. */
import { hostname } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { MailSettings } from '../mail/mailer.ts';
import { FRUGAL } from '../system/compiler.ts';
import type { Config } from '../system/config.ts';
import { ownVariables } from '../system/environ.ts';
import { codeset } from '../system/libc/locale.ts';
import type { SinkChoice } from '../system/sink.ts';
import { forkDetached, UnknownOption, untilReady } from './fork.ts';
import { mailboxSettings } from './mailboxes.ts';
import type { Instructions } from './runner.ts';
import type { Settings } from './serve.ts';

const SENDMAIL = fileURLToPath(new URL('../../../bin/cron-sendmail', import.meta.url));
const RUNNER = fileURLToPath(new URL('./runner.js', import.meta.url));

/** Tell a runner of that name where everything is. */
export function instructions(id: string, settings: Settings, log: SinkChoice): Instructions {
  const { config, logBits, fqdn } = settings;
  const { paths, mail, jobs } = config;
  const host = hostname();
  const charset = codeset();
  return {
    id,
    journal: join(paths.state, 'journal', `${id}.journal`),
    socket: join(paths.run, `runner-${id}.sock`),
    output: join(paths.state, 'output'),
    record: { file: join(paths.state, 'record', id), output: config.history.output },
    passed: ownVariables(jobs.pass_environment),
    mail: mailSettings(config),
    mailboxes: mailboxSettings(config),
    letterhead: {
      host: fqdn ? host : host.replace(/\..*$/, ''),
      // Debian's cron knows the C locale's charset by its name in mail (RFC 2046).
      charset: charset === 'ANSI_X3.4-1968' ? 'US-ASCII' : charset,
      origin: host,
      markFailed: mail.subject_failed || (logBits & 4) !== 0,
      mask: mail.mask,
      limit: mail.max_size,
    },
    log: { ...log, impersonate: jobs.session === 'none' && !jobs.scope },
    logBits,
    outputLimit: jobs.max_output,
    long: {
      directory: join(paths.state, 'long'),
      age: jobs.keep_long * 86_400_000,
      room: jobs.max_long,
    },
    nofile: jobs.nofile,
    limits: { all: jobs.max_running, perUser: jobs.max_running_per_user },
    pam: jobs.pam === 'auto',
    session: jobs.session === 'pam',
    scope: jobs.scope,
    linger: jobs.linger * 1000,
  };
}

/** What the configuration says of mail, in milliseconds and bytes. */
export function mailSettings({ paths, mail, submit }: Config): MailSettings {
  const { keep, first_pause, per_user, per_user_bytes } = mail.outbox;
  return {
    mailcmd: mail.mailcmd,
    mailargs: mail.mailargs,
    mailer: mail.mailer,
    mailer_user: mail.mailer_user,
    timeout: mail.timeout * 1000,
    outbox: join(paths.state, 'outbox'),
    hasRelay: mail.smtp.host !== undefined,
    ownSendmail: SENDMAIL,
    toMailcmd: submit.to_mailcmd,
    limits: { mails: per_user, bytes: per_user_bytes },
    terms: { keep: keep * DAY, firstPause: first_pause * 1000 },
  };
}

/** In milliseconds. */
const DAY = 86_400_000;

/** Each lookup of a user holds a thread as long as it takes; files and syncs need some too. As in bin/cron. */
const THREADS = '64';

/**
 * Start a runner; it is ready when this returns. Its environment is empty but for the zone, by
 * which it dates its lines: jobs get nothing of the daemon's.
 * @param forked by a cron that leaves its terminal, whose outputs are not held open
 */
export async function startRunner(told: Instructions, forked: boolean): Promise<void> {
  try {
    await start(told, forked, FRUGAL);
  } catch (error) {
    if (!(error instanceof UnknownOption)) throw error;
    await start(told, forked, []); // a larger one is better than none
  }
}

async function start(
  told: Instructions,
  forked: boolean,
  options: readonly string[],
): Promise<void> {
  const zone = process.env['TZ'];
  const child = forkDetached(RUNNER, [], {
    environment: { UV_THREADPOOL_SIZE: THREADS, ...(zone !== undefined && { TZ: zone }) },
    outputs: forked
      ? ['ignore', 'ignore']
      : [told.log.to === 'stdout' ? 'inherit' : 'ignore', 'inherit'],
    options,
  });
  child.send(told, () => {}); // where it cannot be sent, an end follows
  await untilReady(child);
}
