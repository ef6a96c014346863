/** Relays for tests: smtp-server with a memory, and sockets that misbehave. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, type TestContext } from 'node:test';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';

/** A mail that a relay has taken. */
export interface Arrived {
  readonly sender: string;
  readonly recipients: readonly string[];
  /** Parameters of MAIL FROM, in capitals. */
  readonly parameters: Readonly<Record<string, string | true>>;
  readonly bytes: Buffer;
  readonly secure: boolean;
  readonly user: unknown;
}

/** A reply that refuses. */
export interface Refusal {
  readonly code: number;
  readonly text: string;
}

/** What it says to whom; nothing is yes. */
export interface Replies {
  mail?(address: string): Refusal | undefined;
  rcpt?(address: string): Refusal | undefined;
  /** To the mail as a whole. */
  data?(mail: Arrived): Refusal | undefined;
}

export interface RelayOptions extends Replies {
  readonly server?: SMTPServerOptions;
  /** A mail is taken when it is whole; the answer waits for this. */
  readonly wait?: () => Promise<unknown>;
  /** Another one than any that is free. */
  readonly port?: number;
  /** Another address than 127.0.0.1. */
  readonly host?: string;
  /** The socket's path in place of a port. */
  readonly path?: string;
  /** Count bytes, and keep none. */
  readonly forget?: boolean;
}

export interface TestRelay {
  readonly port: number;
  readonly mails: Arrived[];
  /** Connections there have been. */
  sessions(): number;
  /** Bytes of messages. */
  bytes(): number;
  close(): Promise<void>;
}

/** Open a relay on the loopback; it closes with the test. */
export async function openRelay(t: TestContext, options: RelayOptions = {}): Promise<TestRelay> {
  const mails: Arrived[] = [];
  let sessions = 0;
  let bytes = 0;
  const answer = (refusal: Refusal | undefined, callback: (error?: Error) => void): void =>
    callback(refusal && Object.assign(new Error(refusal.text), { responseCode: refusal.code }));
  const server = new SMTPServer({
    authOptional: true,
    disableReverseLookup: true,
    disabledCommands: ['STARTTLS', 'AUTH'],
    logger: false,
    closeTimeout: 5,
    onConnect(_session, callback) {
      sessions += 1;
      callback();
    },
    onAuth({ username, password }, _session, callback) {
      const right = username === USER && password === PASSWORD;
      callback(null, right ? { user: username } : {});
    },
    onMailFrom({ address }, _session, callback) {
      answer(options.mail?.(address), callback);
    },
    onRcptTo({ address }, _session, callback) {
      answer(options.rcpt?.(address), callback);
    },
    onData(stream, session, callback) {
      const pieces: Buffer[] = [];
      stream.on('data', (piece: Buffer) => {
        bytes += piece.length;
        if (options.forget !== true) pieces.push(piece);
      });
      stream.on('end', () => {
        const { mailFrom, rcptTo } = session.envelope;
        const mail: Arrived = {
          sender: mailFrom === false ? '' : mailFrom.address,
          recipients: rcptTo.map(({ address }) => address),
          parameters: mailFrom === false || mailFrom.args === false ? {} : mailFrom.args,
          bytes: Buffer.concat(pieces),
          secure: session.secure,
          user: session.user,
        };
        const refusal = options.data?.(mail);
        if (refusal === undefined) mails.push(mail);
        if (options.wait === undefined) answer(refusal, callback);
        else void options.wait().then(() => answer(refusal, callback));
      });
    },
    ...options.server,
  });
  server.on('error', () => {}); // clients that break off
  const listener = server.listen(
    options.path === undefined
      ? { port: options.port ?? 0, host: options.host ?? '127.0.0.1' }
      : { path: options.path },
  );
  await once(listener, 'listening');
  let closed: Promise<void> | null = null;
  const close = (): Promise<void> => (closed ??= new Promise((done) => server.close(done)));
  t.after(close);
  return { port: portOf(listener), mails, sessions: () => sessions, bytes: () => bytes, close };
}

/** Who may log in. */
export const USER = 'cron@example.com';
export const PASSWORD = 'pass "word" \u00fc=';

/** Open a socket that does as it is told with each connection; returns its port. */
export async function openSocket(t: TestContext, serve: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {}); // clients that break off
    serve(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return portOf(server);
}

/** Serve a connection with one reply to each line that begins so; what has no reply is met with silence. */
export function replies(table: Readonly<Record<string, string>>) {
  return (socket: Socket): void => {
    socket.write('220 relay ESMTP\r\n');
    let text = '';
    socket.on('data', (data: Buffer) => {
      text += data.toString('latin1');
      for (let end = text.indexOf('\r\n'); end !== -1; end = text.indexOf('\r\n')) {
        const line = text.slice(0, end);
        text = text.slice(end + 2);
        const reply = Object.entries(table).find(([start]) => line.startsWith(start))?.[1];
        if (reply === 'HANG UP') socket.destroy();
        else if (reply !== undefined) socket.write(`${reply}\r\n`);
      }
    });
  };
}

function portOf(server: Server): number {
  const address: AddressInfo | string | null = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** A CA, and a certificate of it for "localhost" and 127.0.0.1; another CA that has nothing to do with it. */
export interface Certificates {
  readonly ca: string;
  readonly stranger: string;
  readonly key: Buffer;
  readonly cert: Buffer;
}

let made: Certificates | undefined;
const folders: string[] = [];
after(() => folders.forEach((folder) => rmSync(folder, { recursive: true })));

/** Make certificates, once for all tests of a file. */
export function certificates(): Certificates {
  if (made !== undefined) return made;
  const folder = mkdtempSync(join(tmpdir(), 'certificates-'));
  folders.push(folder);
  const script = `
    set -e
    for ca in ca stranger; do
      openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \\
        -subj "/CN=$ca of a test" -keyout $ca.key -out $ca.pem
    done
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=localhost \\
      -keyout key.pem -out request.pem
    echo subjectAltName=DNS:localhost,IP:127.0.0.1 > names
    openssl x509 -req -in request.pem -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out cert.pem
    chmod 755 . && chmod 644 *.pem`;
  const { status, stderr } = spawnSync('sh', ['-c', script], { cwd: folder, encoding: 'utf8' });
  if (status !== 0) throw new Error(`openssl: ${stderr}`);
  const read = (name: string): Buffer => readFileSync(join(folder, name));
  const [ca, stranger] = [join(folder, 'ca.pem'), join(folder, 'stranger.pem')];
  made = { ca, stranger, key: read('key.pem'), cert: read('cert.pem') };
  return made;
}
