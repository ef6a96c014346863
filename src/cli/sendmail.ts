/** sendmail(8): a message on standard input → handed on, and an exit status that says so. */
import { randomUUID } from 'node:crypto';
import { basename } from 'node:path';
import { keepDeadLetter } from '../mail/deadletter.ts';
import { type Letter, readLetter } from '../mail/intake.ts';
import { readAddresses } from '../mail/addresses.ts';
import { expandRecipients } from '../mail/aliases.ts';
import { composeSubmission } from '../mail/submission.ts';
import { toBytes, toText } from '../system/bytes.ts';
import type { Config } from '../system/config.ts';
import { configuration } from '../system/defaults.ts';
import { EXIT, Failure, reason } from '../system/failure.ts';
import { mailDate } from '../core/date.ts';
import { openAliases } from './aliases.ts';
import { type Caller, whoCalls } from './caller.ts';
import { handOn, type Unreached } from './handon.ts';
import { type Duty, SENDMAIL_USAGE, type SendmailLine } from './sendmail-line.ts';
import { readSendmailLine } from './sendmail-options.ts';
import { flushQueue, queueOf } from './queue.ts';
import { submit } from './submit.ts';
import { print, say, undisturbed } from './terminal.ts';
import { version } from './version.ts';

/** Run sendmail; returns its exit status. */
export async function main(argv: readonly string[]): Promise<number> {
  const [, script = '', ...words] = argv;
  let quiet = false;
  try {
    const line = readSendmailLine(basename(script), words);
    quiet = line.quiet;
    return await DUTIES[line.duty](line);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    if (!quiet) complain(error.message);
    return error.exit;
  }
}

const DUTIES: Readonly<Record<Duty, (line: SendmailLine) => Promise<number>>> = {
  send,
  queue,
  flush,
  aliases: checkAliases,
  verify,
  help: async () => {
    await print(Buffer.from(`${SENDMAIL_USAGE}\n`));
    return EXIT.OK;
  },
  version: async () => {
    await print(Buffer.from(`mailcron ${version()}\n`));
    return EXIT.OK;
  },
};

async function send(line: SendmailLine): Promise<number> {
  const config = await configuration({ config: line.config }, process.env);
  const caller = whoCalls();
  const letter = await readLetter(process.stdin, {
    size: config.submit.max_size,
    directory: caller.temporary,
    dotEnds: line.dotEnds,
  });
  try {
    return await sendLetter(letter, line, config, caller);
  } catch (error) {
    await bury(letter, caller, line.quiet);
    throw error;
  } finally {
    letter.close();
  }
}

async function sendLetter(
  letter: Letter,
  line: SendmailLine,
  config: Config,
  caller: Caller,
): Promise<number> {
  const { aliases } = openAliases(config.submit.aliases);
  const now = new Date();
  const moment = { date: mailDate(now.getTime(), -now.getTimezoneOffset()), id: randomUUID() };
  const mail = composeSubmission(letter.head, line, caller.sender, aliases, moment);
  const tell = line.verbose ? complain : (): void => {};
  for (const name of mail.discarded) tell(`${toText(name)}: discarded, as the aliases say`);
  const wrong = mail.wrong.map(({ text, reason: why }) => refusal(text, why));
  const outgoing = {
    ...mail,
    run: moment.id,
    user: caller.user,
    size: letter.size,
    chunks: () => letter.chunks(),
  };
  const bring = async (): Promise<readonly Unreached[]> => {
    if (mail.recipients.length === 0) return [];
    const refused = await submit(outgoing, config);
    if (refused === null) return handOn(outgoing, config, caller.temporary, tell);
    if (refused.length < mail.recipients.length) tell('cron has it, and brings it on its way');
    return refused;
  };
  const all = [...wrong, ...(await bring())];
  if (!line.quiet)
    for (const one of all) complain(`${toText(one.recipient)}: ${toText(one.reason)}`);
  if (all.length > 0) await bury(letter, caller, line.quiet);
  return statusOf(all);
}

function refusal(recipient: string, why: string): Unreached {
  return { recipient, reason: why, permanent: true, exit: EXIT.DATA };
}

/** That of the first who is refused for good, or else that of one who has to wait. */
function statusOf(all: readonly Unreached[]): number {
  const [first] = all;
  return (all.find(({ permanent }) => permanent) ?? first)?.exit ?? EXIT.OK;
}

/** Keep what could not be sent where its sender finds it, as it was given; as sendmail(8) always did. */
async function bury(letter: Letter, caller: Caller, quiet: boolean): Promise<void> {
  const { user } = caller;
  const tell = quiet ? (): void => {} : complain;
  try {
    const dead = {
      user: caller.sender.user,
      head: `${letter.head}\n`,
      chunks: () => letter.chunks(),
    };
    tell(`the message is kept in ${await undisturbed(() => keepDeadLetter(user.home, dead))}`);
  } catch (error) {
    tell(`the message is not kept: ${reason(error)}`);
  }
}

/** As newaliases(1); there is nothing to be built, for the file itself is read each time. */
async function checkAliases(line: SendmailLine): Promise<number> {
  const { aliases: file } = (await configuration({ config: line.config }, process.env)).submit;
  const { aliases, faults, size } = openAliases(file);
  for (const fault of faults) complain(`${file}:${fault.line}: ${toText(fault.reason)}`);
  await print(Buffer.from(`${file}: ${aliases.size} aliases, ${size} bytes total\n`));
  return faults.length > 0 ? EXIT.DATA : EXIT.OK;
}

/** Tell where each address leads to (`-bv`). */
async function verify(line: SendmailLine): Promise<number> {
  const config = await configuration({ config: line.config }, process.env);
  const aliases = line.noAliases ? new Map() : openAliases(config.submit.aliases).aliases;
  const { hosts } = whoCalls().sender;
  let status: number = EXIT.OK;
  for (const text of line.recipients) {
    const list = readAddresses(text);
    const found = expandRecipients(list.addresses, aliases, hosts);
    const wrong = [...list.wrong, ...found.wrong];
    if (wrong.length > 0) status = EXIT.DATA;
    const lines = [
      ...found.recipients.map((recipient) => `${text}... deliverable: ${recipient}`),
      ...found.discarded.map((name) => `${text}... discarded: ${name}`),
      ...wrong.map(({ reason: why }) => `${text}... not deliverable: ${why}`),
    ];
    await print(toBytes(lines.map((each) => `${each}\n`).join('')));
  }
  return status;
}

/** Tell what waits (`-bp`, mailq). */
async function queue(line: SendmailLine): Promise<number> {
  const config = await configuration({ config: line.config }, process.env);
  await print(Buffer.from(await queueOf(config)));
  return EXIT.OK;
}

async function flush(line: SendmailLine): Promise<number> {
  await flushQueue(await configuration({ config: line.config }, process.env));
  return EXIT.OK;
}

function complain(text: string): void {
  say(`cron-sendmail: ${text}`);
}
