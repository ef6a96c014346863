/** What is asked about the mails of the outbox over the control socket → what is done. */
import type { Answer, Call } from '../control/desk.ts';
import { isPrivileged } from '../control/permit.ts';
import type { MailInfo } from '../control/answers.ts';
import { type Counts, countMails, listMails, namesOf } from '../mail/listing.ts';
import type { Rounds } from '../mail/rounds.ts';
import { EXIT, Failure } from '../system/failure.ts';

/** The outbox, and whose it is. */
export interface MailTools {
  readonly outbox: string;
  /** Null: this daemon starts nothing, and tries nothing. */
  readonly rounds: Pick<Rounds, 'flush'> | null;
  /** The daemon's uid. */
  readonly daemon: number;
}

export interface MailAnswers {
  readonly mailq: (call: Call) => Promise<Answer>;
  readonly flush: (call: Call) => Promise<Answer>;
  /** For the status. */
  readonly count: (call: Call) => Promise<Counts>;
}

/** Answer: users are told of their own, root of all. */
export function mailAnswers({ outbox, rounds, daemon }: MailTools): MailAnswers {
  const whose = ({ head, caller, user }: Call): ((uid: number) => boolean) =>
    head.user === undefined && isPrivileged(caller, daemon)
      ? () => true
      : (uid) => uid === user.uid;
  return {
    async mailq(call) {
      const isMeant = whose(call);
      const mails = fitting(await listMails(outbox, isMeant, TOLD));
      const { waiting, failed } = await countMails(outbox, isMeant);
      return { head: { ok: true, mails, count: Math.max(waiting + failed, mails.length) } };
    },
    async flush(call) {
      if (rounds === null)
        throw new Failure('This cron starts nothing, and sends nothing', { exit: EXIT.FAILURE });
      const known = await namesOf(outbox, whose(call));
      const { ids } = call.head;
      const meant = ids === undefined ? known : new Set(ids.filter((id) => known.has(id)));
      const unknown = ids?.filter((id) => !known.has(id)) ?? [];
      const flushed = await rounds.flush((id) => meant.has(id));
      return { head: { ok: true, flushed, unknown } };
    },
    count: (call) => countMails(outbox, whose(call)),
  };
}

/** Mails that are told at most; all are counted. */
const TOLD = 10_000;
/** Bytes of an answer that they may take. */
const ROOM = 12 * 1024 * 1024;

function fitting(mails: readonly MailInfo[]): readonly MailInfo[] {
  let room = ROOM;
  const end = mails.findIndex((mail) => (room -= Buffer.byteLength(JSON.stringify(mail))) < 0);
  return end === -1 ? mails : mails.slice(0, end);
}
