/** Children that have ended, of whoever has started them: looked at, and taken off the system's list. */
import { libc } from './native.ts';

const waitid = libc.func('int waitid(int idtype, uint32 id, _Inout_ uint8 *info, int options)');

const P_ALL = 0;
const P_PID = 1;
const WNOHANG = 1;
const WEXITED = 4;
const WNOWAIT = 0x01000000;

/** A siginfo_t, and where its si_pid is on all 64-bit Linux. */
const INFO = 128;
const PID = 16;

/** Find a child that has ended and that nobody has waited for; it stays so. Null: there is none. */
export function endedChild(): number | null {
  return look(P_ALL, 0);
}

/** Whether that child has ended and nobody has waited for it; it stays so. */
export function childHasEnded(pid: number): boolean {
  return look(P_PID, pid) === pid;
}

/** Wait for a child that has ended: its pid is free again. */
export function reapChild(pid: number): void {
  waitid(P_PID, pid, Buffer.alloc(INFO), WEXITED | WNOHANG);
}

function look(type: number, id: number): number | null {
  const info = Buffer.alloc(INFO);
  const status: number = waitid(type, id, info, WEXITED | WNOHANG | WNOWAIT);
  const pid = info.readInt32LE(PID);
  return status === 0 && pid > 0 ? pid : null;
}
