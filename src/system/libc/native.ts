/** What binds the system's libraries: functions and structs by their C declarations, errno as an error. */
import koffi from 'koffi';
import { getSystemErrorMap } from 'node:util';

/** The C library that this process runs with. */
export const libc = koffi.load(null);

const strlen = libc.func('size_t strlen(void *text)');

/** Load another library by its name; throws where there is none. */
export const library = (name: string): typeof libc => koffi.load(name);

/** Make a C struct known by its name. */
export const struct = koffi.struct;

/** An array of fixed length within a struct. */
export const array = koffi.array;

/** The bytes of a C string at an address, as a byte string. */
export function stringAt(address: unknown): string {
  const length = Number(strlen(address));
  return Buffer.from(koffi.view(address, length)).toString('latin1');
}

/** The pointer at an address. */
export const pointerAt = (address: unknown, index: number): unknown =>
  koffi.decode(address, index * koffi.sizeof('void *'), 'void *');

/** errno of the last call of this thread. */
export const errno = (): number => koffi.errno();

/** A failed system call, with errno's name as `code`, as Node's own errors carry it. */
export function failed(syscall: string, number = koffi.errno()): NodeJS.ErrnoException {
  const [code = `errno ${number}`, text = 'unknown error'] = getSystemErrorMap().get(-number) ?? [];
  return Object.assign(new Error(`${syscall}: ${text} (${code})`), {
    code,
    errno: -number,
    syscall,
  });
}

/** Throw what a call failed with that answers -1. */
export function check(syscall: string, result: number): number {
  if (result === -1) throw failed(syscall);
  return result;
}

/** Call a function on a thread of its own; its result is its status. */
export function call(routine: ReturnType<typeof libc.func>, ...args: unknown[]): Promise<number> {
  return new Promise((resolve, reject) => {
    routine.async(...args, (error: Error | null, status: number) => {
      if (error) reject(error);
      else resolve(status);
    });
  });
}
