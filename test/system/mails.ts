/** What became of the output: mails in /var/mail, and calls of a recorder that stood in for sendmail. */
import { decodeWords } from 'postal-mime';
import type { Box } from '../support/system.ts';

/** A mail: the lines of its header as they stand there, and its body. */
export interface Mail {
  readonly header: readonly string[];
  readonly body: string;
}

/** Take a message apart at its first empty line. */
export function parseMail(message: string): Mail {
  const end = message.indexOf('\n\n');
  return { header: message.slice(0, end).split('\n'), body: message.slice(end + 2) };
}

/** The command that a mail of cron is about, as its Subject tells; a byte string. */
export function commandOf(mail: Mail): string {
  const subject = fieldsOf(mail.header).find((line) => line.startsWith('Subject: ')) ?? '';
  return subject.replace(/^Subject: Cron <[^>]*> /, '');
}

/** The fields of a header, each on one line, with what is encoded in them as the bytes that it stands for. */
export function fieldsOf(header: readonly string[]): string[] {
  const lines = header
    .join('\n')
    .replaceAll(/\n(?=[ \t])/g, '')
    .split('\n');
  return lines.map((line) =>
    line.includes('=?') ? Buffer.from(decodeWords(line)).toString('latin1') : line,
  );
}

/** The mails in a user's mailbox (mbox form: each begins with a line "From ", and ends with an empty one). */
export async function mailbox(box: Box, user: string): Promise<Mail[]> {
  const text = await box.read(`/var/mail/${user}`);
  return text
    .split(/^From .*\n/m)
    .slice(1)
    .map((message) => parseMail(message.replace(/\n$/, '')));
}

/** One call of the recorder: what the kernel says of it, and what it was given to read. */
export interface Call {
  readonly argv: readonly string[];
  readonly environment: readonly string[];
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
  readonly stdin: string;
}

/** Put the recorder where a mailer is expected. */
export async function installRecorder(box: Box, ...paths: readonly string[]): Promise<void> {
  await box.run('install -d -m 1777 /var/recorder');
  for (const path of paths) await box.run(`install -D -m 755 /opt/recorder ${path}`);
}

/** Every call that has ended so far, of the recorder at a path. */
export async function calls(box: Box, path: string): Promise<Call[]> {
  const known = read.get(box) ?? new Map<string, Call>();
  read.set(box, known);
  for (const name of await box.list('/var/recorder'))
    if (name.startsWith('call.') && !known.has(name))
      known.set(name, await call(box, `/var/recorder/${name}`));
  return [...known.values()].filter(({ argv }) => argv[0] === path);
}

/** Calls do not change once they are there. */
const read = new WeakMap<Box, Map<string, Call>>();

async function call(box: Box, folder: string): Promise<Call> {
  const text = (name: string): Promise<string> => box.read(`${folder}/${name}`);
  const status = await text('status');
  const numbers = (name: string): number[] =>
    [...(new RegExp(`^${name}:(.*)$`, 'm').exec(status)?.[1] ?? '').matchAll(/\d+/g)].map(Number);
  return {
    argv: words(await text('argv')).slice(1), // without the interpreter
    environment: words(await text('environment')),
    uid: numbers('Uid')[1] ?? -1,
    gid: numbers('Gid')[1] ?? -1,
    groups: numbers('Groups'),
    stdin: await text('stdin'),
  };
}

function words(text: string): string[] {
  return text.split('\0').slice(0, -1);
}
