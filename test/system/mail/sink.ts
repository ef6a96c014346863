/**
 * A relay's end: `node sink.js DIR PIDFILE` takes mails on 127.0.0.1:25, and puts each into DIR/RECIPIENT, byte for byte
 * as it came over the wire. It is as strict as relays are: names without a domain and unknown users are refused.
 */
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';

const KNOWN = /^(root|alice|bob|carol)@cronhost\.example\.test$/;
const END = Buffer.from('\r\n.\r\n');

const [directory = '', pidFile = ''] = process.argv.slice(2);
let count = 0;

createServer((socket) => talk(socket)).listen(25, '127.0.0.1', () =>
  writeFileSync(pidFile, `${process.pid}`),
);

/** One conversation. */
function talk(socket: Socket): void {
  const recipients = new Set<string>();
  let rest = Buffer.alloc(0);
  let message: Buffer[] | null = null;
  const say = (line: string): void => void socket.write(`${line}\r\n`);

  const answer = (line: string): void => {
    const [, verb = '', value = ''] = /^(\w*)(?:.*:\s*<([^>]*)>)?/.exec(line) ?? [];
    switch (verb.toUpperCase()) {
      case 'RCPT':
        if (!KNOWN.test(value)) return say('550 5.1.1 no such user here');
        recipients.add(value);
        return say('250 2.1.5 ok');
      case 'DATA':
        if (recipients.size === 0) return say('554 5.5.1 no valid recipients');
        message = [Buffer.from('\r\n')];
        return say('354 go on');
      case 'QUIT':
        say('221 2.0.0 bye');
        socket.end();
        return;
      case 'RSET':
      case 'MAIL':
        recipients.clear();
        return say('250 2.1.0 ok');
      default:
        return say('250 sink');
    }
  };

  socket.on('error', () => {});
  socket.on('data', (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    for (;;) {
      if (message === null) {
        const end = rest.indexOf('\n');
        if (end === -1) return;
        const line = rest.toString('latin1', 0, end).trimEnd();
        rest = rest.subarray(end + 1);
        answer(line);
        continue;
      }
      // The end of a mail may lie across two pieces: their last bytes stay here.
      if (rest.length < END.length) return;
      const end = rest.indexOf(END);
      const upTo = end === -1 ? rest.length - END.length + 1 : end + 2;
      message.push(rest.subarray(0, upTo));
      rest = rest.subarray(upTo);
      if (end === -1) return;
      rest = rest.subarray(END.length - 2);
      deposit(Buffer.concat(message).subarray(2));
      message = null;
      recipients.clear();
      say('250 2.0.0 taken');
    }
  });

  const deposit = (bytes: Buffer): void => {
    const name = `${String(++count).padStart(4, '0')}.${process.pid}`;
    const text = bytes.toString('latin1').replaceAll('\r\n.', '\r\n');
    for (const recipient of recipients) {
      mkdirSync(join(directory, recipient), { recursive: true });
      writeFileSync(join(directory, `.${name}`), text, 'latin1');
      renameSync(join(directory, `.${name}`), join(directory, recipient, name));
    }
  };

  say('220 sink ESMTP');
}
