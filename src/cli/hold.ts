/** The holder's program: a user → their PAM session, one job started in it, and the session closed after the job. */
import { closeSync, constants, openSync, readFileSync } from 'node:fs';
import type { HolderOrder, HolderWord } from '../run/hold.ts';
import { startChild } from '../system/children.ts';
import { reason } from '../system/failure.ts';
import { changed, limits, setLimits } from '../system/libc/limits.ts';
import type { Ended } from '../system/libc/spawn.ts';
import { openPam, openSession, type PamSession } from '../system/libc/pam.ts';
import { sealDescriptors } from '../system/process.ts';

/** util-linux's: sets limits, and becomes what follows. */
const PRLIMIT = '/usr/bin/prlimit';
const SERVICE = 'cron';

type Open = Extract<HolderOrder, { order: 'open' }>;
type Start = Extract<HolderOrder, { order: 'spawn' }>;

/** An open session, and what its job is to be limited to. */
interface Holding {
  readonly session: PamSession;
  readonly limits: readonly string[];
}

let holding: Holding | null = null;
let isRunning = false;
const runner = process.ppid;

// Signals are for the job, or for others.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
sealDescriptors();
process.on('message', (order: HolderOrder) => {
  obey(order).catch((error: unknown) => {
    say({ word: 'failed', why: reason(error) });
    end();
  });
});
// The runner has changed its mind, or died: a job that runs is seen to its end.
process.on('disconnect', () => {
  if (!isRunning) end();
});

async function obey(order: HolderOrder): Promise<void> {
  if (order.order === 'open') open(order);
  else await start(order);
}

function open({ user, groups, nofile }: Open): void {
  const pam = openPam();
  if (pam === null) throw new Error('the PAM library (libpam.so.0) cannot be loaded');
  // What modules find is what the job begins with: pam_group adds to the groups, pam_limits changes limits.
  process.setgroups?.([...groups]);
  const before = withDescriptors(nofile);
  let after = before;
  // They are for the job: what may be enough for it is too little for us.
  const takeBack = (): void => {
    after = limits();
    setLimits(before);
  };
  takeBack(); // compiled now: when a limit of memory is on us, nothing can be
  const session = openSession(pam, SERVICE, user, takeBack);
  if ('status' in session) throw new Error(`PAM: ${session.text}`);
  holding = { session, limits: changed(before, after) };
  const { environment } = session;
  say({ word: 'open', environment, groups: ownGroups() });
}

/** The groups of this process. Node's getgroups() adds the primary one, which is root's. */
function ownGroups(): number[] {
  const [, list = ''] = /^Groups:(.*)$/m.exec(readFileSync('/proc/self/status', 'latin1')) ?? [];
  return list.split(/\s+/).filter(Boolean).map(Number);
}

/** The limits of now, without what Node has made of that of descriptors. */
function withDescriptors(nofile: number): ReturnType<typeof limits> {
  const all = new Map(limits());
  const hard = all.get('nofile')?.hard ?? 0n;
  const soft = hard < BigInt(nofile) ? hard : BigInt(nofile);
  return all.set('nofile', { soft, hard });
}

async function start({ file, args, ends: named }: Start): Promise<void> {
  if (holding === null) throw new Error('no session is open');
  if (process.ppid !== runner) throw new Error('the runner is gone');
  const opened: number[] = [];
  const theirs = (fd: number, flags: number): number => {
    const own = openSync(`/proc/${runner}/fd/${fd}`, flags);
    opened.push(own);
    return own;
  };
  try {
    const stdin = theirs(named.stdin, constants.O_RDONLY);
    const output = theirs(named.output, constants.O_WRONLY);
    const note = theirs(named.note, constants.O_RDWR);
    const limited = holding.limits.length === 0 ? [] : [PRLIMIT, ...holding.limits];
    const [program = file, ...rest] = [...limited, file, ...args];
    isRunning = true;
    const ends = [stdin, output, output, note];
    // From this thread: some of what PAM's modules change is of the thread that has called them.
    const { pid, ended } = await startChild([program, rest, ends], { isHere: true });
    say({ word: 'started', pid });
    void ended.then(over);
  } finally {
    for (const fd of opened) closeSync(fd);
  }
}

function over({ code, signal, ...usage }: Ended): void {
  say({ word: 'ended', exit: { code, signal }, usage });
  end();
}

function say(word: HolderWord): void {
  if (process.connected) process.send?.(word, () => {}); // who is gone need not know
}

function end(): void {
  holding?.session.close();
  holding = null;
  if (process.connected) process.disconnect();
  process.exitCode = 0;
}
