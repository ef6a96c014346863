/** A command line, its descriptors → a process in a session of its own, without a copy of this one's memory. */
import { constants } from 'node:os';
import { call, failed, libc } from './native.ts';

const c = {
  posix_spawn: libc.func(
    'int posix_spawn(_Out_ int *pid, const char *path, const uint8 *actions, const uint8 *attributes, const char **argv, const char **environment)',
  ),
  actionsInit: libc.func('int posix_spawn_file_actions_init(_Inout_ uint8 *actions)'),
  actionsDestroy: libc.func('int posix_spawn_file_actions_destroy(_Inout_ uint8 *actions)'),
  addDup2: libc.func(
    'int posix_spawn_file_actions_adddup2(_Inout_ uint8 *actions, int from, int to)',
  ),
  addClose: libc.func('int posix_spawn_file_actions_addclose(_Inout_ uint8 *actions, int fd)'),
  attributesInit: libc.func('int posix_spawnattr_init(_Inout_ uint8 *attributes)'),
  setFlags: libc.func('int posix_spawnattr_setflags(_Inout_ uint8 *attributes, short flags)'),
  setDefault: libc.func(
    'int posix_spawnattr_setsigdefault(_Inout_ uint8 *attributes, const uint8 *signals)',
  ),
  setMask: libc.func(
    'int posix_spawnattr_setsigmask(_Inout_ uint8 *attributes, const uint8 *signals)',
  ),
  wait4: libc.func('int wait4(int pid, _Out_ int *status, int options, _Out_ int64 *usage)'),
};

// The same in glibc and musl.
const SETSIGDEF = 0x04;
const SETSIGMASK = 0x08;
const SETSID = 0x80;

/** More than either has for its structs: 80 and 336 bytes. */
const STRUCT = 512;
const SIGNALS = 128;

const attributes = Buffer.alloc(STRUCT);
succeed('posix_spawnattr_init', c.attributesInit(attributes));
succeed('posix_spawnattr_setflags', c.setFlags(attributes, SETSIGDEF | SETSIGMASK | SETSID));
// What this process ignores would stay ignored: Node ignores SIGPIPE.
succeed('posix_spawnattr_setsigdefault', c.setDefault(attributes, Buffer.alloc(SIGNALS, 0xff)));
succeed('posix_spawnattr_setsigmask', c.setMask(attributes, Buffer.alloc(SIGNALS)));

/** A command line: the program, its arguments, and which descriptors become its 0, 1 and so on. */
export type Command = readonly [
  file: string,
  args: readonly string[],
  descriptors: readonly number[],
];

/**
 * Start a program with an empty environment as the leader of a session, in this process's directory.
 *
 * Unlike fork(2), on which Node's own way is built, posix_spawn(3) copies no page tables: its cost
 * does not grow with the memory of this process. It waits until the program is there, which takes a
 * while on a busy machine: here on another thread. All descriptors of this process close on exec, so
 * that the program has those that are named alone. Whoever calls it has to wait for the child's end.
 * @throws with errno's name as `code`, also when the program could not be executed
 */
export function spawnSession(...command: Command): Promise<number> {
  return withArguments(command, async (pid, ...words) => {
    succeed('posix_spawn', await call(c.posix_spawn, pid, ...words));
    return pid[0];
  });
}

/** The same on this thread: its child has the priority, the keys and the namespaces that this thread has got. */
export function spawnSessionHere(...command: Command): Promise<number> {
  return withArguments(command, (pid, ...words) => {
    succeed('posix_spawn', c.posix_spawn(pid, ...words));
    return Promise.resolve(pid[0]);
  });
}

async function withArguments(
  [file, args, descriptors]: Command,
  start: (pid: [number], ...words: unknown[]) => Promise<number>,
): Promise<number> {
  const actions = Buffer.alloc(STRUCT);
  succeed('posix_spawn_file_actions_init', c.actionsInit(actions));
  try {
    const copy = (from: number, to: number): void =>
      succeed('posix_spawn_file_actions_adddup2', c.addDup2(actions, from, to));
    // One that is among the targets is put aside before it is overwritten; all of this is done in the child.
    const aside = Math.max(...descriptors) + 1;
    const sources = descriptors.map((fd, target) => {
      if (fd >= descriptors.length) return fd;
      copy(fd, aside + target);
      return aside + target;
    });
    for (const [target, fd] of sources.entries()) copy(fd, target);
    for (const fd of sources)
      if (fd >= aside) succeed('posix_spawn_file_actions_addclose', c.addClose(actions, fd));
    return await start([0], file, actions, attributes, [file, ...args, null], [null]);
  } finally {
    c.actionsDestroy(actions);
  }
}

/** How a child ended, and what it and those that it has waited for have used. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Processor time of user and system, in milliseconds. */
  readonly cpu: number;
  /**
   * The most memory that one of them had, in KiB, if that is more than this process has had itself:
   * a child that posix_spawn(3) makes shares this one's memory at first, and Linux counts that as its own.
   */
  readonly memory: number | null;
}

/** Wait for a child that has ended; its pid is free again. */
export function waitFor(pid: number): Ended {
  const status: [number] = [0];
  const usage = new BigInt64Array(USAGE);
  if (c.wait4(pid, status, WNOHANG, usage) !== pid) throw failed('wait4');
  const [userSeconds = 0, userMicros = 0, seconds = 0, micros = 0, most = 0] = [...usage].map(
    Number,
  );
  const signal = status[0] & 0x7f;
  return {
    code: signal === 0 ? (status[0] >> 8) & 0xff : null,
    signal: signal === 0 ? null : nameOf(signal),
    cpu: (userSeconds + seconds) * 1000 + (userMicros + micros) / 1000,
    memory: isMore(most) ? most : null,
  };
}

let own = 0;

/** Whether it is more memory, in KiB, than this process has ever had: what that is need not be asked for each child. */
function isMore(most: number): boolean {
  if (most > own) own = process.resourceUsage().maxRSS;
  return most > own;
}

const WNOHANG = 1;

/** A struct rusage: two times of two words, and fourteen words. */
const USAGE = 18;

function nameOf(number: number): NodeJS.Signals | null {
  const names: Record<string, number> = constants.signals;
  return Object.keys(names).find(isSignal(names, number)) ?? null;
}

function isSignal(names: Record<string, number>, number: number) {
  return (name: string): name is NodeJS.Signals => names[name] === number;
}

/** Throw what a call of POSIX's failed with that answers errno itself. */
function succeed(syscall: string, errno: number): void {
  if (errno !== 0) throw failed(syscall, errno);
}
