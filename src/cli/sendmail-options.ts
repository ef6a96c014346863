/** The command line of sendmail(8) → what it asks for, as the original reads it. */
import { fromText } from '../system/bytes.ts';
import { type Draft, FLAGS, JOINED, LONG, own, VALUED } from './sendmail-letters.ts';
import { type Duty, misused, type SendmailLine } from './sendmail-line.ts';

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
    const read = word.startsWith('--') ? readLong : readCluster;
    at += read(draft, word, words[at + 1]);
  }
  draft.recipients = words.slice(at).map(fromText);
  return checked(draft);
}

/** Read `-tioi` or `-f sender`; returns how many words of the following it took. */
function readCluster(draft: Draft, word: string, next: string | undefined): 0 | 1 {
  for (let at = 1; at < word.length; at++) {
    const letter = word.charAt(at);
    const flag = own(FLAGS, letter);
    if (flag === undefined) return readValue(draft, letter, word.slice(at + 1), next);
    flag(draft, '');
  }
  return 0;
}

/** Read the last letter of a cluster, and its value: the rest of the word, or the next one. */
function readValue(draft: Draft, letter: string, rest: string, next: string | undefined): 0 | 1 {
  const joined = own(JOINED, letter);
  const valued = joined ?? own(VALUED, letter);
  if (valued === undefined) throw misused(`there is no option "-${letter}"`);
  if (joined !== undefined || rest !== '') {
    valued(draft, fromText(rest));
    return 0;
  }
  if (next === undefined) throw misused(`option "-${letter}" needs a value`);
  valued(draft, fromText(next));
  return 1;
}

/** Read `--config FILE`; the same. */
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

function checked(draft: Draft): SendmailLine {
  const { duty, recipients, fromMessage } = draft;
  if (duty === 'send' && recipients.length === 0 && !fromMessage)
    throw misused('recipient names must be specified');
  if (duty === 'verify' && recipients.length === 0) throw misused('addresses must be specified');
  return draft;
}
