/** A finished job → the mail that vixie cron would send, or none. */
import { recipients } from '../core/address.ts';
import { type Environment, lookup } from '../core/environment.ts';
import { composeHead } from '../core/message.ts';
import { fromText } from '../system/bytes.ts';
import type { Outgoing } from '../system/outgoing.ts';
import type { Exit } from '../system/program.ts';
import type { Log } from '../system/sink.ts';
import type { User } from '../system/users.ts';
import type { Firing } from './protocol.ts';

/** What stands in every mail of this machine. */
export interface Letterhead {
  /** As the Subject shows it: up to the first dot, or whole with cron's -n. */
  readonly host: string;
  /** Character set of the daemon's locale. */
  readonly charset: string;
  /** Whether the Subject says ` (failed)` (Debian: with -L 4). */
  readonly markFailed: boolean;
}

/** What there is to tell. */
export interface Facts {
  readonly firing: Firing;
  readonly user: User;
  readonly exit: Exit | null;
  readonly environment: Environment;
  /** What mailcron itself has to say, before the output; a byte string of whole lines. */
  readonly preface: string;
  readonly body: { readonly size: number; chunks(): AsyncIterable<Uint8Array> };
}

/** Compose the mail. Null: there is nothing to tell, or nobody wants it. */
export function report(facts: Facts, letterhead: Letterhead, log: Log): Outgoing | null {
  const { firing, user, exit, environment, body } = facts;
  const failed = exit === null || exit.code !== 0;
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
  } else {
    // Debian's cron drops the mail; here the owner gets it, and reads why.
    log(user.name, 'UNSAFE MAIL', mailto, { level: 'error', tag: 'CRON' });
    preface = `cron: MAILTO is unsafe, this mail came to you instead: ${addressed.fault.message}\n${preface}`;
  }

  const head = composeHead({
    user: owner,
    host: fromText(letterhead.host),
    command: firing.command,
    to: addressed.ok ? mailto : owner,
    environment,
    charset: letterhead.charset,
    failed: failed && letterhead.markFailed,
  });
  const start = Buffer.from(preface, 'latin1');
  return {
    run: firing.run,
    user,
    recipients: to,
    head,
    size: start.length + body.size,
    async *chunks() {
      if (start.length > 0) yield start;
      yield* body.chunks();
    },
  };
}

/** How a job ended, as a sentence has it. */
export function ending(exit: Exit | null): string {
  if (exit === null) return 'was not started';
  if (exit.signal !== null) return `was ended by ${exit.signal}`;
  return exit.code === 0 ? 'succeeded' : `ended with exit status ${exit.code}`;
}
