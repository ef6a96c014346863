/** The path of a mailer → which mail system it belongs to, by its links, its name and its bytes; it is not run. */
import { closeSync, constants, fstatSync, openSync, readSync, realpathSync } from 'node:fs';
import { basename } from 'node:path';
import { markOf } from '../system/mark.ts';
import type { PresetName } from './presets.ts';

/** Who a mailer is, and why that is believed. */
export interface Detected {
  readonly name: PresetName;
  readonly because: string;
}

/** Names of the files behind the links: of Debian's packages, and of Red Hat's alternatives. */
const NAMES: Readonly<Record<string, PresetName>> = {
  exim: 'exim4',
  exim4: 'exim4',
  'sendmail.exim': 'exim4',
  'sendmail.postfix': 'postfix',
  'sendmail.sendmail': 'sendmail',
  'sendmail-msp': 'sendmail',
  'sendmail-mta': 'sendmail',
  smtpctl: 'opensmtpd',
  'sendmail.opensmtpd': 'opensmtpd',
  dma: 'dma',
  msmtp: 'msmtp',
  ssmtp: 'ssmtp',
  'sendmail.ssmtp': 'ssmtp',
  'sendmail.nullmailer': 'nullmailer',
  'mail.mailutils': 'mailutils',
  'bsd-mailx': 'bsd-mailx',
  's-nail': 's-nail',
};

/** What stands in the program where the name is just "sendmail" or "mail"; the first that is found. */
const MARKS: readonly (readonly [mark: string, name: PresetName])[] = [
  ['the Postfix sendmail command', 'postfix'],
  ['nullmailer-inject', 'nullmailer'],
  ['/libexec/opensmtpd/', 'opensmtpd'],
  ['DragonFly Mail Agent', 'dma'],
  ['not supported by sSMTP', 'ssmtp'],
  ['(Exim $version_number)', 'exim4'],
  ['msmtprc', 'msmtp'],
  ['This is Sendmail version', 'sendmail'],
  ['(GNU Mailutils', 'mailutils'],
  ['/bsd-mailx/', 'bsd-mailx'],
  ['s-mailx@lists', 's-nail'],
];

/** The largest of them, Exim, has 1.4 MB. */
const READ_LIMIT = 4 * 1024 * 1024;

interface Known {
  readonly mark: string;
  readonly detected: Detected | null;
}

const known = new Map<string, Known>();

/** Find out who a mailer is; looked at again when the file behind its links has changed. Null: nobody whom we know. */
export function detect(program: string): Detected | null {
  const mark = markOf(program);
  const before = known.get(program);
  if (before !== undefined && before.mark === mark?.text) return before.detected;
  known.delete(program);
  try {
    const detected = look(program);
    // One that has just changed may do so again and have the same mark.
    if (mark?.young === false) known.set(program, { mark: mark.text, detected });
    return detected;
  } catch {
    return null; // it cannot be opened now
  }
}

function look(program: string): Detected | null {
  const file = resolve(program);
  const name = NAMES[basename(file)];
  if (name !== undefined) return { name, because: `${program} is ${file}` };
  const fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stat = fstatSync(fd);
    return stat.isFile() ? byItsBytes(fd, Math.min(stat.size, READ_LIMIT), file) : null;
  } finally {
    closeSync(fd);
  }
}

function resolve(program: string): string {
  try {
    return realpathSync(program);
  } catch {
    return program;
  }
}

function byItsBytes(fd: number, size: number, file: string): Detected | null {
  const bytes = Buffer.alloc(size);
  const text = bytes.subarray(0, readSync(fd, bytes, 0, size, 0));
  if (text.toString('latin1', 0, 2) === '#!') return null; // a script may name any of them
  const found = MARKS.find(([mark]) => text.includes(mark));
  return found ? { name: found[1], because: `${file} has "${found[0]}" in it` } : null;
}
