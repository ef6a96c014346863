/** The request `submit` → a mail in the outbox, and an answer that says who cannot get it. */
import type { Answer, Call, Row } from '../control/desk.ts';
import { refusal } from '../control/protocol.ts';
import { Shares } from '../control/limits.ts';
import { wayOf } from '../mail/mailer.ts';
import { ENVELOPE_LIMIT, HEAD_LIMIT } from '../mail/parcel.ts';
import type { Rounds } from '../mail/rounds.ts';
import { Reception } from '../mail/reception.ts';
import type { Config } from '../system/config.ts';
import type { Log } from '../system/sink.ts';
import type { Users } from '../system/users.ts';
import { mailSettings } from './instructions.ts';

/** What the row needs of the daemon. */
export interface ReceptionTools {
  readonly users: Users;
  readonly log: Log;
  /** Null: this daemon starts nothing, and sends nothing. */
  readonly rounds: Pick<Rounds, 'look'> | null;
}

/** Parcels that are written at the same time: of one user, and of all. */
const AT_ONCE_PER_USER = 4;
const AT_ONCE = 64;

/** Make the row of `submit`; `daemon` is this process's uid. */
export function submitRow(
  config: Config,
  daemon: number,
  { users, log, rounds }: ReceptionTools,
): Row {
  const settings = mailSettings(config);
  const reception = new Reception({
    outbox: settings.outbox,
    limits: settings.limits,
    users,
    self: daemon,
    staysHere: () => wayOf(settings, { submitted: true }) === 'mailboxes',
    onPosted: () => void rounds?.look(), // never throws
  });
  const underWay = new Shares(AT_ONCE_PER_USER, AT_ONCE);

  async function take(
    { head, caller, user: { name, uid } }: Call,
    body: AsyncIterable<Buffer>,
  ): Promise<Answer> {
    const { envelope, head: headBytes, length = 0 } = head;
    if (!isCount(envelope) || !isCount(headBytes) || envelope + headBytes > length)
      return refused('garbled', '"envelope" and "head" must be numbers of bytes of the body');
    if (rounds === null) return refused('failed', 'this cron starts nothing, and sends nothing');
    const user = await users.find(name);
    if (user === null || user.uid !== uid)
      return refused('unknown-user', `There is no user "${name}"`);
    if (daemon !== 0 && uid !== daemon)
      return refused('denied', "This cron is not root's, and takes mails of its own user only");
    const received = await reception.take(user, { envelope, head: headBytes }, length, body);
    if (!received.taken) return refused(received.why, received.message);
    const { id, unknown } = received;
    if (id !== null)
      log(name, 'MAIL', `${id} was handed in, ${length} bytes`, {
        tag: 'cron-sendmail',
        pid: caller.pid,
      });
    return { head: { ok: true, refused: unknown } };
  }

  return {
    body: 'stream',
    limit: config.submit.max_size + ENVELOPE_LIMIT + HEAD_LIMIT,
    async answer(call, body) {
      const { uid } = call.caller;
      if (!underWay.take(uid, 1)) return refused('busy', 'Too many mails of yours are under way');
      try {
        return await take(call, body);
      } finally {
        underWay.give(uid, 1);
      }
    },
  };
}

function refused(...why: Parameters<typeof refusal>): Answer {
  return { head: refusal(...why) };
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
