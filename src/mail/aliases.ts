/** The aliases of /etc/aliases and recipients → those whom the mail is for in the end. */
import { quoted } from '../core/escape.ts';
import { type NoAddress, readAddresses, whyNot } from './addresses.ts';
import { localPart } from './local.ts';

/** A name of this machine, in small letters → what stands behind its colon. */
export type Aliases = ReadonlyMap<string, readonly string[]>;

/** A line that is none, for people. */
export interface AliasFault {
  readonly line: number;
  readonly reason: string;
}

/** Where recipients lead to. */
export interface Expanded {
  /** Each once, in their order. */
  readonly recipients: readonly string[];
  readonly wrong: readonly NoAddress[];
  /** Names whose mail the aliases send to /dev/null. */
  readonly discarded: readonly string[];
}

/** How many aliases may lie between a name and its recipients; as sendmail(8) has it. */
const DEPTH_LIMIT = 10;
/** More than these are a mailing list, and the business of other programs. */
const RECIPIENT_LIMIT = 1000;

/** Read the text of an aliases file: `name: value, value`, continued on lines that begin with a blank. */
export function readAliases(text: string): { aliases: Aliases; faults: readonly AliasFault[] } {
  const aliases = new Map<string, readonly string[]>();
  const faults: AliasFault[] = [];
  for (const { number, line } of logicalLines(text)) {
    const [, quotedName, plainName, values = ''] =
      /^(?:"((?:[^"\\]|\\.)*)"|([^\s:"]+))\s*:(.*)$/s.exec(line) ?? [];
    const name = quotedName?.replaceAll(/\\(.)/g, '$1') ?? plainName;
    if (name === undefined)
      faults.push({ line: number, reason: `${quoted(line)} is no "name: address"` });
    else if (aliases.has(name.toLowerCase()))
      faults.push({ line: number, reason: `${quoted(name)} has an alias already` });
    else aliases.set(name.toLowerCase(), splitValues(values));
  }
  return { aliases, faults };
}

function logicalLines(text: string): { number: number; line: string }[] {
  const lines: { number: number; line: string }[] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (/^\s*(?:#|$)/.test(line)) continue;
    const last = lines.at(-1);
    if (/^[ \t]/.test(line) && last !== undefined) last.line += line;
    else lines.push({ number: index + 1, line });
  }
  return lines;
}

/** Split at commas that stand in no quotes. */
function splitValues(text: string): string[] {
  const values = text.match(/(?:"(?:[^"\\]|\\.)*"|\\.|[^,\\])+/gs) ?? [];
  return values.map((value) => value.trim()).filter((value) => value !== '');
}

/**
 * Follow the aliases of local names.
 *
 * - A name that an alias comes back to is meant itself: `alice: alice, bob`. So is `\alice`.
 * - Programs, files and lists in files are refused: they would have to run as somebody.
 *   `/dev/null` is the one file that is heeded.
 * @param hosts what this machine is called, in small letters
 */
export function expandRecipients(
  recipients: readonly string[],
  aliases: Aliases,
  hosts: readonly string[],
): Expanded {
  const found = new Set<string>();
  const followed = new Set<string>();
  const wrong: NoAddress[] = [];
  const discarded: string[] = [];
  const follow = (address: string, way: readonly string[]): void => {
    const name = localPart(address, hosts)?.toLowerCase() ?? null;
    const values = name === null ? undefined : aliases.get(name);
    if (name === null || values === undefined || way.includes(name)) {
      if (found.size < RECIPIENT_LIMIT) found.add(address);
      else
        wrong.push({ text: address, reason: `there are more than ${RECIPIENT_LIMIT} recipients` });
      return;
    }
    if (way.length === DEPTH_LIMIT) {
      const reason = `the aliases of ${quoted(way[0] ?? name)} are more than ${DEPTH_LIMIT} deep`;
      wrong.push({ text: address, reason });
      return;
    }
    // Two ways to a name lead on to the same recipients.
    if (followed.has(name)) return;
    followed.add(name);
    for (const value of values) {
      const special = specialValue(value, name);
      if (special === 'discard') discarded.push(name);
      else if (special !== null) wrong.push({ text: address, reason: special });
      else if (value.startsWith('\\'))
        follow(value.slice(1), [...way, name, value.slice(1).toLowerCase()]);
      else {
        const list = readAddresses(value);
        for (const next of list.addresses) follow(next, [...way, name]);
        wrong.push(
          ...list.wrong.map(({ reason }) => ({
            text: address,
            reason: `the alias of ${quoted(name)} is wrong: ${reason}`,
          })),
        );
      }
    }
  };
  for (const recipient of recipients) {
    const reason = whyNot(recipient);
    if (reason === null) follow(recipient, []);
    else wrong.push({ text: recipient, reason });
  }
  return { recipients: [...found], wrong, discarded };
}

const SPECIAL = [
  [/^\|/, 'a program'],
  [/^\//, 'a file'],
  [/^:include:/i, 'a list in a file'],
  [/^:/, 'a word of another mail system'],
] as const;

/** Why a value is no address, or that it means to throw the mail away; null: it is one. */
function specialValue(value: string, name: string): string | null {
  const text = value.replace(/^"(.*)"$/s, '$1').trim();
  if (text === '/dev/null') return 'discard';
  const what = SPECIAL.find(([pattern]) => pattern.test(text))?.[1];
  if (what === undefined) return null;
  return `the alias of ${quoted(name)} is ${what}, ${quoted(text)}: cron-sendmail sends to addresses only`;
}
