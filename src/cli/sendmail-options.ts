/** The command line of sendmail(8) → what it asks for, as the original reads it. */
import { fromText } from '../system/bytes.ts';
import { EXIT, Failure } from '../system/failure.ts';

/** What is to be done. */
export type Duty = 'send' | 'queue' | 'flush' | 'aliases' | 'verify' | 'help' | 'version';

/** A command line, read; texts are byte strings. */
export interface SendmailLine {
  readonly duty: Duty;
  /** As they stand there: each may be a list of addresses. */
  readonly recipients: readonly string[];
  /** `-t`: the message names recipients too. */
  readonly fromMessage: boolean;
  /** A line that is a dot ends the message. */
  readonly dotEnds: boolean;
  /** `-n`: names are not looked up in the aliases. */
  readonly noAliases: boolean;
  /** `-f`, `-r`: the address that errors go to; '' is nobody. */
  readonly sender: string | null;
  /** `-F`: the sender's name, for a From that is missing. */
  readonly name: string | null;
  readonly verbose: boolean;
  /** `-oeq`: errors are told by the exit status only. */
  readonly quiet: boolean;
  readonly config: string | undefined;
}

export const SENDMAIL_USAGE = `usage:\tcron-sendmail [-tinv] [-f sender] [-F name] [-B type] [-o option] [recipient...]
\tcron-sendmail -bp | -q | -bi | -bv address...

\tthe message is read from standard input
\t-t\t(recipients are in To, Cc and Bcc, too)
\t-i, -oi\t(a line with a single dot does not end the message)
\t-f, -r\t(where errors go to)
\t-F\t(the sender's name, if the message has no From)
\t-n\t(no aliases)
\t-v\t(say what happens)
\t-bp\t(show what waits; as mailq)
\t-q\t(try now what waits)
\t-bi\t(check the aliases; as newaliases)
\t-bv\t(tell where addresses lead to)
\t--config FILE\t(read this file and not /etc/mailcron.toml)
\t--version\t(show the version)`;

/** While it is being read. */
type Draft = { -readonly [Key in keyof SendmailLine]: SendmailLine[Key] };

type Letter = (draft: Draft, value: string) => void;

const ignore: Letter = () => {};

const FLAGS: Readonly<Record<string, Letter>> = {
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
const VALUED: Readonly<Record<string, Letter>> = {
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
const JOINED: Readonly<Record<string, Letter>> = {
  q: (draft) => (draft.duty = 'flush'),
  d: ignore,
};

const LONG: Readonly<Record<string, Letter>> = {
  '--help': (draft) => (draft.duty = 'help'),
  '--version': (draft) => (draft.duty = 'version'),
};

/** The program's other names, each of which is an option of its own. */
const NAMES: Readonly<Record<string, Duty>> = {
  mailq: 'queue',
  newaliases: 'aliases',
};

/**
 * Read a command line. As the original does, it stops at the first recipient: what follows one
 * is never an option.
 * @param called the name that the program was called by
 * @throws {Failure} with EXIT.USAGE
 */
export function readSendmailLine(called: string, words: readonly string[]): SendmailLine {
  const draft: Draft = {
    duty: NAMES[called] ?? 'send',
    recipients: [],
    fromMessage: false,
    dotEnds: true,
    noAliases: false,
    sender: null,
    name: null,
    verbose: false,
    quiet: false,
    config: undefined,
  };
  let at = 0;
  for (; at < words.length; at++) {
    const word = words[at] ?? '';
    if (!word.startsWith('-') || word === '-') break;
    if (word === '--') {
      at++;
      break;
    }
    at += word.startsWith('--') ? readLong(draft, word, words[at + 1]) : 0;
    if (!word.startsWith('--')) at += readCluster(draft, word, words[at + 1]);
  }
  draft.recipients = words.slice(at).map(fromText);
  return checked(draft);
}

/** Read `-tioi` or `-f sender`; returns how many words of the following it took. */
function readCluster(draft: Draft, word: string, next: string | undefined): 0 | 1 {
  for (let at = 1; at < word.length; at++) {
    const letter = word.charAt(at);
    const rest = word.slice(at + 1);
    const flag = own(FLAGS, letter);
    if (flag !== undefined) {
      flag(draft, '');
      continue;
    }
    const joined = own(JOINED, letter);
    if (joined !== undefined) {
      joined(draft, fromText(rest));
      return 0;
    }
    const valued = own(VALUED, letter);
    if (valued === undefined) throw misused(`there is no option "-${letter}"`);
    if (rest !== '') {
      valued(draft, fromText(rest));
      return 0;
    }
    if (next === undefined) throw misused(`option "-${letter}" needs a value`);
    valued(draft, fromText(next));
    return 1;
  }
  return 0;
}

function readLong(draft: Draft, word: string, next: string | undefined): 0 | 1 {
  const [name = '', ...value] = word.split('=');
  if (name === '--config') {
    const file = value.length > 0 ? value.join('=') : next;
    if (file === undefined) throw misused('option "--config" needs a value');
    draft.config = file;
    return value.length > 0 ? 0 : 1;
  }
  const long = own(LONG, word);
  if (long === undefined) throw misused(`there is no option "${word}"`);
  long(draft, '');
  return 0;
}

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

function checked(draft: Draft): SendmailLine {
  const { duty, recipients, fromMessage } = draft;
  if (duty === 'send' && recipients.length === 0 && !fromMessage)
    throw misused('recipient names must be specified');
  if (duty === 'verify' && recipients.length === 0) throw misused('addresses must be specified');
  return draft;
}

/** What a table has of its own: "constructor" is in none. */
function own<T>(table: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(table, key) ? table[key] : undefined;
}

function misused(problem: string): Failure {
  return new Failure(`usage error: ${problem}\n${SENDMAIL_USAGE}`, { exit: EXIT.USAGE });
}
