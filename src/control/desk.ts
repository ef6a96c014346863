/** The head of a request and who connected → refused, or how its body is to be taken and what answers it. */
import { Failure, reason } from '../system/failure.ts';
import type { Peer } from '../system/libc/sockets.ts';
import { Cut } from './input.ts';
import { type Caller, isRequest, permit, type Realm, type RequestName } from './permit.ts';
import { type AnswerHead, type Refusal, refusal, type RequestHead } from './protocol.ts';

/** What is asked for, by whom, and whose it is; it is permitted. */
export interface Call {
  readonly head: RequestHead;
  readonly caller: Caller;
  /** Whose crontab or jobs. */
  readonly user: { readonly name: string; readonly uid: number };
}

/** What goes back. */
export interface Answer {
  readonly head: AnswerHead;
  readonly body?: Buffer;
  /** What follows a head that has `more`, as it comes to pass; null: nothing new for now. */
  readonly parts?: AsyncIterable<Part | null>;
}

/** One of several answers to one request. */
export type Part = Omit<Answer, 'parts'>;

/** A request's row in the table of answers: what body it has, of how many bytes at most, and what is done. */
export type Row =
  | { readonly body: 'none'; readonly answer: (call: Call) => Promise<Answer> }
  | {
      readonly body: 'memory';
      readonly limit: number;
      readonly answer: (call: Call, body: Buffer) => Promise<Answer>;
    }
  | {
      /** Read as fast as it is taken, and never whole in memory; what is not taken is skipped. */
      readonly body: 'stream';
      readonly limit: number;
      readonly answer: (call: Call, body: AsyncIterable<Buffer>) => Promise<Answer>;
    };

/** Every request there is has an answer. */
export type Rows = Readonly<Record<RequestName, Row>>;

/** A request that may be answered; its row, with who asks filled in. */
export interface Admission {
  readonly ok: true;
  readonly call: Call;
  readonly row: Row;
}

/** Who people are, by the user database. */
export interface People {
  nameOf(uid: number): Promise<string | null>;
  uidOf(name: string): Promise<number | null>;
}

/** What decides on requests. */
export type Desk = (head: RequestHead, peer: Peer) => Promise<Admission | Refusal>;

/**
 * Open the desk of a daemon.
 * @param onRefused hears of what was not permitted
 */
export function openDesk(
  rows: Rows,
  realm: Realm,
  people: People,
  onRefused: (caller: Caller, refused: Refusal) => void = () => {},
): Desk {
  return async (head, peer) => {
    const { request } = head;
    if (!isRequest(request))
      return refusal('unknown-request', `This cron knows no request "${request}"`);
    try {
      const name = await people.nameOf(peer.uid);
      if (name === null)
        return refusal('unknown-user', `Your uid ${peer.uid} is not in the user database`);
      const caller = { pid: peer.pid, uid: peer.uid, name };
      const target = head.user ?? name;
      const refused = permit(request, caller, target, realm);
      if (refused !== null) {
        onRefused(caller, refused);
        return refused;
      }
      const uid = target === name ? peer.uid : await people.uidOf(target);
      if (uid === null) return refusal('unknown-user', `There is no user "${target}"`);
      return { ok: true, call: { head, caller, user: { name: target, uid } }, row: rows[request] };
    } catch (error) {
      // A user database that does not answer.
      return refusal('failed', `Cannot tell who you are: ${reason(error)}`);
    }
  };
}

/** Do it; what goes wrong is told to who asked, and a surprise to `complain` too. */
export async function attempt(
  work: () => Promise<Answer>,
  complain: (error: unknown) => void,
): Promise<Answer> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Cut) throw error;
    if (error instanceof Failure) return { head: refusal('failed', error.message) };
    complain(error);
    return { head: refusal('failed', `Internal error of cron, see its log: ${reason(error)}`) };
  }
}
