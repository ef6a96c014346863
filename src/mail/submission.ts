/** A message and the command line it came with → the mail that is sent, and who cannot get it. */
import { EXIT, Failure } from '../system/failure.ts';
import { type NoAddress, readAddresses } from './addresses.ts';
import { type Aliases, expandRecipients } from './aliases.ts';
import { completeHead, isCircling, namedRecipients, readFields } from './headers.ts';

/** Who sends, where, and when; byte strings. */
export interface Sender {
  /** The login name, or the number of a user who has none. */
  readonly user: string;
  readonly uid: number;
  /** The full name, '' for none. */
  readonly name: string;
  /** The domain of this machine's addresses, the host's own name, and all that it is called. */
  readonly domain: string;
  readonly host: string;
  readonly hosts: readonly string[];
}

/** What the command line says. */
export interface Wishes {
  readonly recipients: readonly string[];
  readonly fromMessage: boolean;
  readonly noAliases: boolean;
  readonly sender: string | null;
  readonly name: string | null;
}

export interface Submission {
  /** The address that errors go to; '' is nobody. */
  readonly sender: string;
  readonly recipients: readonly string[];
  readonly wrong: readonly NoAddress[];
  readonly discarded: readonly string[];
  /** Header lines and the empty line after them. */
  readonly head: string;
}

/**
 * Make it ready to be sent.
 * @param head lines that are fields or continue one
 * @param id unique, for its Message-ID
 * @throws {Failure} when there is nobody to send it to, or it goes round in circles
 */
export function composeSubmission(
  head: string,
  wishes: Wishes,
  from: Sender,
  aliases: Aliases,
  moment: { readonly date: string; readonly id: string },
): Submission {
  const fields = readFields(head);
  const circle = isCircling(fields, from.host);
  if (circle !== null) {
    const problem = `The message goes round in circles: ${circle}`;
    throw new Failure(problem, { exit: EXIT.UNAVAILABLE });
  }
  const lists = wishes.recipients.map(readAddresses);
  if (wishes.fromMessage) lists.push(namedRecipients(fields));
  const named = lists.flatMap(({ addresses }) => addresses);
  const unread = lists.flatMap(({ wrong }) => wrong);
  if (named.length === 0 && unread.length === 0) {
    const where = wishes.fromMessage ? 'in To, Cc or Bcc' : 'on the command line';
    throw new Failure(`Nobody to send to: there is no recipient ${where}`, { exit: EXIT.DATA });
  }
  const found = expandRecipients(named, wishes.noAliases ? new Map() : aliases, from.hosts);
  const sender = readSender(wishes.sender) ?? from.user;
  const address = qualified(sender === '' ? from.user : sender, from.domain);
  return {
    sender,
    recipients: found.recipients,
    wrong: [...unread, ...found.wrong],
    discarded: found.discarded,
    head: completeHead(fields, {
      name: wishes.name ?? (wishes.sender === null ? from.name : ''),
      from: address,
      recipients: named,
      date: moment.date,
      messageId: `${moment.id}@${from.domain}`,
      host: from.host,
      uid: from.uid,
    }),
  };
}

/** Read the value of `-f`; null: there is none. */
function readSender(text: string | null): string | null {
  if (text === null) return null;
  if (text === '' || text === '<>') return '';
  const { addresses, wrong } = readAddresses(text);
  const [address, second] = addresses;
  if (address !== undefined && second === undefined && wrong.length === 0) return address;
  const why = wrong[0]?.reason ?? 'one address is needed';
  throw new Failure(`Cannot send as the sender of "-f": ${why}`, { exit: EXIT.USAGE });
}

function qualified(address: string, domain: string): string {
  return address.includes('@') ? address : `${address}@${domain}`;
}
