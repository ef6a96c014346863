/** A failure that ends a command: one line for the user, and an exit status that says it. */

/** Exit statuses: 1 as Debian's cron and crontab have it, 3 as init scripts have it, the others of sysexits.h. */
export const EXIT = {
  OK: 0,
  FAILURE: 1,
  NOT_RUNNING: 3,
  USAGE: 64,
  DATA: 65,
  NO_INPUT: 66,
  NO_USER: 67,
  UNAVAILABLE: 69,
  SOFTWARE: 70,
  OS_ERROR: 71,
  CANNOT_CREATE: 73,
  IO_ERROR: 74,
  TEMPORARY: 75,
  NO_PERMISSION: 77,
  CONFIG: 78,
} as const;

/** The same for each copy of this module: crontab's one file has its own (packaging/bundle.mjs). */
const MARK = Symbol.for('mailcron.Failure');

/** An error with the exit status that a command ends with; its message is for people. */
export class Failure extends Error {
  readonly exit: number;
  /** Whether `instanceof` holds: also for one that another copy of this module made. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    return value instanceof Error && MARK in value;
  }
  constructor(message: string, options: { exit: number; cause?: unknown }) {
    super(message, { cause: options.cause });
    this.name = 'Failure';
    this.exit = options.exit;
    Object.defineProperty(this, MARK, { value: true });
  }
}

const REASONS: Record<string, string> = {
  EACCES: 'permission denied',
  EPERM: 'operation not permitted',
  ENOENT: 'no such file or directory',
  ENOTDIR: 'not a directory',
  EISDIR: 'is a directory',
  EEXIST: 'file exists',
  ENOSPC: 'no space left on device',
  EROFS: 'read-only file system',
  ELOOP: 'is a symbolic link',
  EMFILE: 'too many open files',
  ENFILE: 'too many open files in system',
  EAGAIN: 'resource temporarily unavailable',
  ENOMEM: 'cannot allocate memory',
  EADDRINUSE: 'address already in use',
  ECONNREFUSED: 'connection refused',
};

/** The reason of an error in a few words, without Node's decoration of it. */
export function reason(error: unknown): string {
  const code = errorCode(error);
  if (code !== undefined && REASONS[code] !== undefined) return REASONS[code];
  return error instanceof Error ? error.message : String(error);
}

/** The errno name of an error of the system, such as ENOENT. */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : undefined;
}
