/** A client that a test runs as some user: `asker SOCKET ask REQUEST...`, or one that means no good: `asker SOCKET hold`. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { errorCode } from '../../src/system/failure.ts';
import { CallerTo, wordOf } from '../control/caller.ts';

/** A request as it comes on the command line: its name, its other fields, its body. */
export type Asked = readonly [request: string, fields?: object, body?: string];

const [path = '', what = '', ...rest] = process.argv.slice(2);

/** Connect; who is hung up on does not mind. */
function open(): Socket {
  const socket = connect(path);
  socket.on('error', () => {});
  return socket;
}

/** Connect, again when too many are at the door: what does not block is told so (EAGAIN). */
async function reach(): Promise<Socket> {
  for (;;) {
    const socket = connect(path);
    try {
      await once(socket, 'connect');
      return socket.on('error', () => {});
    } catch (error) {
      if (errorCode(error) !== 'EAGAIN') throw error;
      await pause(10);
    }
  }
}

/** Ask one after the other; print each answer, and how long it took. */
async function ask(): Promise<void> {
  let began = performance.now(); // with the time at the door
  const socket = await reach();
  const caller = new CallerTo(socket);
  for (const word of rest) {
    const [request, fields, body]: Asked = JSON.parse(word);
    const heard = await caller.ask(request, fields, body);
    const { status, backups } = heard.head.ok ? heard.head : {};
    const told = {
      word: wordOf(heard.head),
      body: heard.body.toString('latin1'),
      jobs: status?.running.map(({ user }) => user),
      entries: status?.entries,
      backups: backups?.length,
      time: performance.now() - began,
    };
    process.stdout.write(`${JSON.stringify(told)}\n`);
    began = performance.now();
  }
  socket.destroy();
}

/** Send for ever, on connection after connection. */
async function flood(bytes: string): Promise<never> {
  for (;;) {
    const socket = open();
    socket.resume();
    socket.write(bytes);
    await Promise.race([once(socket, 'close').catch(() => {}), pause(20)]);
  }
}

const head = (length: number): string =>
  `${JSON.stringify({ version: 1, request: 'install', length })}\n`;

/** What there is to do; but for `ask`, each goes on until it is ended. */
const ATTACKS: Readonly<Record<string, () => Promise<void>>> = {
  ask,
  /** A thousand connections, each opened anew when it is closed. */
  async hold() {
    const hold = async (): Promise<never> => {
      for (;;) {
        const socket = open();
        socket.resume();
        await once(socket, 'close').catch(() => {});
        await pause(500);
      }
    };
    await Promise.all(Array.from({ length: 1000 }, hold));
  },
  /** Slow loris: a byte now and then. */
  async slow() {
    const socket = open();
    for (const byte of head(20).repeat(1000)) {
      socket.write(byte);
      await pause(200);
    }
  },
  garbage: () => flood('\0\xff}{'.repeat(10_000)),
  huge: () => flood(head(60_000_000) + 'x'.repeat(1_000_000)),
  half: () => flood(`${head(1000)}@daily half`),
  /** As many tables as there is room for, each of which takes long to parse. */
  work: () => flood(head(4_000_000) + '@daily x\n'.repeat(4_000_000 / 9 + 1).slice(0, 4_000_000)),
};

if (what !== 'ask') {
  const socket = open();
  await once(socket, 'connect');
  socket.destroy();
  process.stdout.write(`${process.pid} begins\n`);
}
await ATTACKS[what]?.();
