/** A program started by the real launcher, as the user who runs the tests → what it printed and how it ended. */
import { closeSync } from 'node:fs';
import { systemLauncher } from '../../src/run/launcher.ts';
import { capture, feed } from '../../src/system/capture.ts';
import { pipe } from '../../src/system/libc/descriptors.ts';
import type { Exit, Program, Start } from '../../src/system/program.ts';
import { sealDescriptors } from '../../src/system/process.ts';
import { systemUsers, type User } from '../../src/system/users.ts';
import { me } from '../support/sandbox.ts';

sealDescriptors(); // as a runner does: whoever started the tests may have left some open

export const launcher = systemLauncher(process.getuid?.() ?? -1, 1024);

/** A user whom the machine has. */
export async function userNamed(name: string): Promise<User> {
  const user = await systemUsers().find(name);
  if (user === null) throw new Error(`There is no user "${name}" on this machine`);
  return user;
}

export const self = await userNamed(me);

export interface Result extends Exit, Start {
  /** A byte string. */
  readonly output: string;
}

/** Run a program to its end. */
export async function run(
  program: Partial<Omit<Program, 'stdin' | 'output'>> & Pick<Program, 'argv'>,
  input = '',
  start = launcher,
): Promise<Result> {
  const stdin = pipe();
  const stdout = pipe();
  const chunks: Buffer[] = [];
  const { closed } = capture(stdout.read, (bytes) => chunks.push(Buffer.from(bytes)));
  feed(stdin.write, Buffer.from(input, 'latin1'));
  try {
    const rest = { user: self, environment: [], directory: '/', ...program };
    const running = await start.start({ ...rest, stdin: stdin.read, output: stdout.write });
    closeSync(stdout.write);
    const ended = await running.ended;
    await closed;
    return { ...ended, output: Buffer.concat(chunks).toString('latin1') };
  } catch (error) {
    closeSync(stdout.write);
    throw error;
  } finally {
    closeSync(stdin.read);
  }
}
