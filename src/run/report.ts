/** A finished job → the mail that vixie cron would send, or none. */
import { recipients, sender } from '../core/address.ts';
import { type Content, contentOf } from '../core/content.ts';
import { codedSize, type Coding, encoder } from '../core/encoding.ts';
import { type Environment, lookup } from '../core/environment.ts';
import { composeHead, senderOf } from '../core/message.ts';
import { Surveyor } from '../core/survey.ts';
import { fromText } from '../system/bytes.ts';
import { optimize } from '../system/compiler.ts';
import { reason } from '../system/failure.ts';
import type { Outgoing } from '../system/outgoing.ts';
import { type Exit, isTold } from '../system/program.ts';
import type { Log } from '../system/sink.ts';
import type { User } from '../system/users.ts';
import { type Excerpt, excerptOf } from './excerpt.ts';
import { leftOut } from './gap.ts';
import type { Body } from './output.ts';
import type { Firing } from './protocol.ts';

/** What stands in every mail of this machine. */
export interface Letterhead {
  /** As the Subject shows it: up to the first dot, or whole with cron's -n. */
  readonly host: string;
  /** The whole name of the host, for Message-ID. */
  readonly origin: string;
  /** Character set of the daemon's locale. */
  readonly charset: string;
  /** Whether the Subject says ` (failed)` (Debian: with -L 4). */
  readonly markFailed: boolean;
  /** Patterns of variables whose values are not shown. */
  readonly mask: readonly string[];
  /** Bytes of a message at most. */
  readonly limit: number;
}

/** What there is to tell. */
export interface Facts {
  readonly firing: Firing;
  readonly user: User;
  readonly exit: Exit | null;
  /** When it ended; milliseconds since the epoch. */
  readonly at: number;
  /** How long it ran, in milliseconds; null: not known, or it never started. */
  readonly duration: number | null;
  /** Its runner died: no `exit` means that nobody knows. */
  readonly isLost?: boolean;
  readonly environment: Environment;
  /** What mailcron itself has to say, before the output; a byte string of whole lines. */
  readonly preface: string;
  readonly body: Body;
  /** Have the body kept for longer than its mail takes; where it then lies. */
  readonly keep: (name: string) => string;
}

/** Compose the mail. Null: there is nothing to tell, or nobody wants it. */
export async function report(
  facts: Facts,
  letterhead: Letterhead,
  log: Log,
): Promise<Outgoing | null> {
  const { firing, user, exit, environment, body } = facts;
  const { host, charset, mask, markFailed } = letterhead;
  const failed = exit === null || exit.code !== 0;
  if (firing.noMail === true) return null;
  let { preface } = facts;
  if (body.size === 0 && preface === '') {
    // Vixie's rule: no output, no mail. Who asks to hear of failures hears of silent ones too.
    if (firing.mailSuccess === 'nonempty') return null;
    preface = `cron: this job ${ending(exit)} and printed nothing\n`;
  }
  if (firing.mailSuccess === 'never' && !failed) return null;

  const owner = fromText(user.name);
  const mailto = lookup(environment, 'MAILTO') ?? owner;
  const addressed = recipients(mailto);
  let to: readonly string[] = [owner];
  if (addressed.ok) {
    if (addressed.value.length === 0) return null;
    to = addressed.value;
  } else if (mailto !== owner) {
    // Debian's cron drops the mail; here the owner gets it, and reads why.
    log(user.name, 'UNSAFE MAIL', mailto, { level: 'error', tag: 'CRON' });
    preface = `cron: MAILTO is unsafe, this mail came to you instead: ${addressed.fault.message}\n${preface}`;
  }
  const mailfrom = lookup(environment, 'MAILFROM') ?? '';
  const from = sender(mailfrom);
  if (mailfrom.trim() !== '' && !from.ok) {
    log(user.name, 'UNSAFE MAIL', mailfrom, { level: 'error', tag: 'CRON' });
    preface = `cron: MAILFROM is unsafe, this mail is not from there: ${from.fault.message}\n${preface}`;
  }

  const told = (words: string): string => `${words}${preface}`;
  const { content, pieces, size } = await fit(facts, told, letterhead, log);
  const head = composeHead({
    user: owner,
    host: fromText(host),
    command: firing.command,
    to: addressed.ok ? mailto : owner,
    environment,
    charset,
    failed: failed && markFailed,
    content,
    mask,
    run: {
      at: facts.at,
      offset: -new Date(facts.at).getTimezoneOffset(),
      messageId: messageId(firing, letterhead.origin),
      status: status(facts),
      duration: facts.duration,
      scheduled: firing.scheduled ?? '',
      byHand: firing.byHand ?? '',
    },
  });
  return {
    run: firing.run,
    user,
    sender: senderOf({ environment })?.address ?? owner,
    recipients: to,
    head,
    size,
    async *chunks() {
      const { coding, prefaceCoding } = content;
      if (prefaceCoding === coding) yield* encoded(coding, ...pieces.map(bytesOf));
      // The job encodes by itself: so do we, with what is ours.
      else
        for (const piece of pieces)
          if ('own' in piece) yield* encoded(prefaceCoding, [whole(piece.own)]);
          else yield* bytesOf(piece);
    },
  };
}

/** A part of a mail's body: cron's own words, or a part of the output. */
type Piece = { readonly own: Buffer } | { chunks(): AsyncIterable<Uint8Array> };

function bytesOf(piece: Piece): Iterable<Uint8Array> | AsyncIterable<Uint8Array> {
  return 'own' in piece ? [piece.own] : piece.chunks();
}

interface Fitting {
  readonly content: Content;
  readonly pieces: readonly Piece[];
  /** Bytes of all pieces. */
  readonly size: number;
}

/** The header has no more than 30,000 bytes. */
const HEAD_ROOM = 32_000;
/** What is said of a cut, twice. */
const WORDS_ROOM = 1000;
/** To look at each of so many bytes is hard work. */
const MUCH = 256 * 1024;
/** Where less fits in than was thought, the next try leaves so much of the room free. */
const SLACK = 0.97;

/**
 * Make the body fit into a message: whole if it can be, else its head and tail, with the whole of
 * it kept as a file. How much encoding adds is known only when the bytes have been looked at.
 */
async function fit(
  facts: Facts,
  told: (words: string) => string,
  letterhead: Letterhead,
  log: Log,
): Promise<Fitting> {
  const { body, environment, firing, user } = facts;
  const limit = letterhead.limit - HEAD_ROOM;
  if (body.size > MUCH) optimize();
  let place: string | undefined;
  for (let room = limit - told('').length - WORDS_ROOM; ;) {
    const excerpt = await excerptOf(body, room);
    const count = excerpt.tail - excerpt.head;
    if (count > 0) place ??= kept(facts, log);
    const words = `cron: this output is too long for a mail, ${count} bytes in its middle are left out; `;
    const pieces = piecesOf(body, excerpt, told(count > 0 ? `${words}${place}\n` : ''));
    const surveyor = new Surveyor();
    for (const piece of pieces) for await (const chunk of bytesOf(piece)) surveyor.add(chunk);
    const survey = surveyor.result;
    const content = contentOf(
      environment,
      letterhead.charset,
      survey,
      told('') !== '' || count > 0,
    );
    const size = codedSize(survey, content.coding);
    if (size <= limit) {
      if (count > 0) log(user.name, 'LONG OUTPUT', `${firing.run}: ${place}`, { tag: 'CRON' });
      return { content, pieces, size: survey.size };
    }
    room = Math.floor(Math.min(room, body.size) * (limit / size) * SLACK);
  }
}

function kept({ keep, firing, user }: Facts, log: Log): string {
  try {
    return `all of it is in "${fromText(keep(`${user.name}-${firing.run}`))}"`;
  } catch (error) {
    const problem = `they could not be kept: ${reason(error)}`;
    log(user.name, 'ERROR', `long output: ${problem}`, { level: 'error', tag: 'CRON' });
    return problem;
  }
}

function piecesOf(body: Body, { head, tail, isInLine }: Excerpt, preface: string): Piece[] {
  const start = { own: Buffer.from(preface, 'latin1') };
  if (head === tail) return [start, { chunks: () => body.chunks() }];
  return [
    start,
    { chunks: () => body.chunks(0, head) },
    { own: Buffer.from(`${isInLine ? '\n' : ''}${leftOut(tail - head)}`) },
    { chunks: () => body.chunks(tail) },
  ];
}

/** Encode pieces one after the other. */
async function* encoded(
  coding: Coding,
  ...sources: readonly (Iterable<Uint8Array> | AsyncIterable<Uint8Array>)[]
): AsyncIterable<Uint8Array> {
  const coder = encoder(coding);
  for (const source of sources)
    for await (const chunk of source) {
      const bytes = coder.add(chunk);
      if (bytes.length > 0) yield bytes;
    }
  const rest = coder.end();
  if (rest.length > 0) yield rest;
}

/** Fill up to what base64 writes without a sign of the end, since the job's own follows. */
function whole(preface: Buffer): Buffer {
  return Buffer.concat([preface, Buffer.from('\n\n').subarray(0, (3 - (preface.length % 3)) % 3)]);
}

/** The same whenever this run is told of; no other run has it, here or on another host. */
function messageId({ run, identity }: Firing, origin: string): string {
  const host = origin.replaceAll(/[^A-Za-z0-9.-]/g, '').replaceAll(/^\.+|\.+$|\.(?=\.)/g, '');
  return `${run}.${identity}@${host || 'localhost'}`;
}

function status({ exit, isLost = false }: Facts): string {
  if (exit === null) return isLost ? 'unknown' : 'not started';
  if (!isTold(exit)) return 'unknown';
  return exit.signal === null ? `exit ${exit.code}` : `signal ${exit.signal}`;
}

/** How a job ended, as a sentence has it. */
export function ending(exit: Exit | null): string {
  if (exit === null) return 'was not started';
  if (!isTold(exit)) return 'ended, how is unknown';
  if (exit.signal !== null) return `was ended by ${exit.signal}`;
  return exit.code === 0 ? 'succeeded' : `ended with exit status ${exit.code}`;
}
