/** Options of sendmail(8), by letter or name → what each changes of a line. */
import { type Duty, misused, type SendmailLine } from './sendmail-line.ts';

/** A line while it is being read. */
export type Draft = { -readonly [Key in keyof SendmailLine]: SendmailLine[Key] };

/** What an option does. */
type Letter = (draft: Draft, value: string) => void;

const ignore: Letter = () => {};

/** Without a value. */
export const FLAGS: Readonly<Record<string, Letter>> = {
  t: (draft) => (draft.fromMessage = true),
  i: (draft) => (draft.dotEnds = false),
  v: (draft) => (draft.verbose = true),
  n: (draft) => (draft.noAliases = true),
  I: (draft) => (draft.duty = 'aliases'),
  // The sender too, a mail from elsewhere, the first submission, a SMTP's verbatim mail, From
  // lines, a terminal's session, another log: nothing that would be done differently here.
  m: ignore,
  G: ignore,
  U: ignore,
  s: ignore,
  c: ignore,
  T: ignore,
  x: ignore,
};

/** With a value, in the same word or the next one. */
export const VALUED: Readonly<Record<string, Letter>> = {
  f: setSender,
  r: setSender,
  F: (draft, value) => (draft.name = value),
  b: chooseDuty,
  o: setOption,
  O: setLongOption,
  B: checkBody,
  e: (draft, value) => (draft.quiet = value === 'q'),
  // Notifications, their extent and name; hop count, tag of the log, files, protocol, sendmail.cf.
  N: ignore,
  R: ignore,
  V: ignore,
  h: ignore,
  L: ignore,
  M: ignore,
  A: ignore,
  C: ignore,
  D: ignore,
  X: ignore,
  p: ignore,
};

/** With a value in the same word or none. */
export const JOINED: Readonly<Record<string, Letter>> = {
  q: (draft) => (draft.duty = 'flush'),
  d: ignore,
};

/** By name. */
export const LONG: Readonly<Record<string, Letter>> = {
  '--help': (draft) => (draft.duty = 'help'),
  '--version': (draft) => (draft.duty = 'version'),
};

function setSender(draft: Draft, value: string): void {
  draft.sender = value;
}

/** What `-b` chooses; what others serve with it is none of our business. */
const DUTIES: Readonly<Record<string, Duty>> = {
  m: 'send',
  p: 'queue',
  i: 'aliases',
  v: 'verify',
};

const REFUSED: Readonly<Record<string, string>> = {
  s: 'SMTP on standard input',
  S: 'SMTP on standard input',
  d: 'a daemon that receives mail',
  D: 'a daemon that receives mail',
  t: 'tests of rewriting rules',
  h: 'statistics of hosts',
  H: 'statistics of hosts',
  P: 'the number of mails that wait',
  a: 'the protocol of ARPANET',
};

function chooseDuty(draft: Draft, mode: string): void {
  const duty = own(DUTIES, mode);
  if (duty !== undefined) {
    draft.duty = duty;
    return;
  }
  const what = own(REFUSED, mode);
  throw misused(
    what === undefined
      ? `there is no mode "-b${mode}"`
      : `"-b${mode}", ${what}, is not what this program does: it sends one message and ends`,
  );
}

/** `-oX...`: those that mean something here; all others are for other mail systems. */
function setOption(draft: Draft, text: string): void {
  const [letter, value] = [text.charAt(0), text.slice(1)];
  if (letter === 'i') draft.dotEnds = isFalse(value);
  if (letter === 'v') draft.verbose = !isFalse(value);
  if (letter === 'e') draft.quiet = value === 'q';
}

/** `-O Name=value`. */
function setLongOption(draft: Draft, text: string): void {
  const [, name = '', value = ''] = /^([^=]*)=?(.*)$/s.exec(text) ?? [];
  if (/^ignoredots$/i.test(name)) draft.dotEnds = isFalse(value);
  if (/^errormode$/i.test(name)) draft.quiet = value.startsWith('q');
}

function isFalse(value: string): boolean {
  return /^[fn0]/i.test(value);
}

function checkBody(_draft: Draft, type: string): void {
  if (!/^(7bit|8bitmime)$/i.test(type))
    throw misused(`"${type}" is no type of a body; there are 7BIT and 8BITMIME`);
}

/** What a table has of its own: "constructor" is in none. */
export function own<T>(table: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(table, key) ? table[key] : undefined;
}
