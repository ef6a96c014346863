/** A relay on the loopback that keeps each mail, or misbehaves as it is told, and goes away and comes back. */
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { SMTPServer } from 'smtp-server';
import type { Way } from './mailer.ts';

const MOODS = [
  'good',
  'is away',
  'says 451',
  'is silent',
  'hangs up before the end',
  'keeps and hangs up',
] as const;

/** Open the relay. */
export async function relayWay(): Promise<Way> {
  const kept: string[] = [];
  const sockets = new Set<Socket>();
  let mood: string = 'good';
  let port = 0;
  const make = (): SMTPServer => {
    const server = new SMTPServer({
      authOptional: true,
      disableReverseLookup: true,
      disabledCommands: ['STARTTLS', 'AUTH'],
      logger: false,
      closeTimeout: 1,
      onConnect(_session, callback) {
        if (mood !== 'is silent') callback();
      },
      onRcptTo(_address, _session, callback) {
        callback(
          mood === 'says 451'
            ? Object.assign(new Error('try later'), { responseCode: 451 })
            : undefined,
        );
      },
      onData(stream, _session, callback) {
        const pieces: Buffer[] = [];
        const hangUp = (): void => sockets.forEach((socket) => socket.destroy());
        stream.on('data', (piece: Buffer) => {
          pieces.push(piece);
          if (mood === 'hangs up before the end') hangUp();
        });
        stream.on('end', () => {
          if (mood === 'hangs up before the end' || mood === 'is away') return hangUp();
          kept.push(Buffer.concat(pieces).toString('latin1').replaceAll('\r\n', '\n'));
          if (mood === 'keeps and hangs up') return hangUp();
          callback();
        });
      },
    });
    server.on('error', () => {}); // clients that break off
    server.server.on('connection', (socket: Socket) => {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
    });
    return server;
  };
  let server = make();
  const listen = async (): Promise<void> => {
    const listener = server.listen(port, '127.0.0.1');
    await once(listener, 'listening');
    const address = listener.address();
    port = typeof address === 'object' && address !== null ? address.port : port;
  };
  const leave = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    await new Promise<void>((done) => server.close(done));
  };
  await listen();
  return {
    name: 'a relay (SMTP)',
    mail: { mailcmd: `smtp://127.0.0.1:${port}` },
    smtp: { timeout: 2, domain: 'example.org', run_as: 'nobody' },
    moods: MOODS,
    async mood(next) {
      const [was, is] = [mood === 'is away', next === 'is away'];
      mood = next;
      if (is && !was) await leave();
      if (was && !is) {
        server = make();
        await listen();
      }
    },
    arrived: () => kept,
    async close() {
      if (mood !== 'is away') await leave();
    },
  };
}
