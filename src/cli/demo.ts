/** The demo: a daemon of one's own on the crontabs of crontabs/, its mail in a file, its doings in plain words. */
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { skipBlanks } from '../core/blank.ts';
import { parseAssignment } from '../core/environment.ts';
import { parseSchedule } from '../core/schedule.ts';
import { fromBytes, toBytes, toText } from '../system/bytes.ts';
import { readConfig } from '../system/config.ts';
import { Failure } from '../system/failure.ts';
import { serve } from './serve.ts';

const project = fileURLToPath(new URL('../../../', import.meta.url));
const room = join(project, '.demo');
const crontabs = join(project, 'crontabs');

/** A unix socket's name has at most 107 bytes: in a room with a long name, sockets lie elsewhere. */
const ROOM_LIMIT = 60;

/** Every path of the demo lies in its room; nothing of the machine's own cron is touched. */
function configuration(): string {
  const at = (name: string): string => JSON.stringify(join(room, name));
  const run = room.length > ROOM_LIMIT ? mkdtempSync(join(tmpdir(), 'cron-')) : join(room, 'run');
  return `# The configuration of "npm start".
[paths]
spool = ${at('spool')}
system_crontab = ${at('crontab')}
cron_d = ${at('cron.d')}
allow = ${at('cron.allow')}
deny = ${at('cron.deny')}
run = ${JSON.stringify(run)}
pidfile = ${at('pid')}
reboot = ${at('reboot')}
state = ${at('state')}
mailbox = ${at('mail')}

[mail]
mailcmd = "mailbox:"

[log]
to = ${at('log')}
`;
}

/** How often the mailbox is looked at, in milliseconds. */
const LOOK = 200;

process.exitCode = await main();

async function main(): Promise<number> {
  const { username } = userInfo();
  const mailbox = join(room, 'mail', username);
  prepare(username);
  introduce(username, mailbox);
  const stop = follow(mailbox);
  try {
    const config = readConfig({ config: join(room, 'mailcron.toml') }, {});
    // Each start of a demo is a boot of its own: @reboot entries run, and the first mail comes at once.
    const boot = `demo-${Date.now()}`;
    const options = { foreground: true, lsb: false, logBits: 1, fqdn: false, startNothing: false };
    await serve({ ...options, config, boot }, false);
    say(`\nStopped. The mail stays in ${mailbox}; the log in ${room}/log.`);
    return 0;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    process.stderr.write(`cron: ${error.message}\n`);
    return error.exit;
  } finally {
    stop();
  }
}

/** Make the room: the configuration, and each crontab as a file of cron.d for this user. */
function prepare(username: string): void {
  for (const name of ['spool', 'cron.d', 'mail'])
    mkdirSync(join(room, name), { recursive: true, mode: 0o755 });
  writeFileSync(join(room, 'mailcron.toml'), configuration());
  writeFileSync(join(room, 'crontab'), '# Nothing here: see cron.d.\n', { mode: 0o644 });
  for (const name of readdirSync(crontabs)) {
    const tab = fromBytes(readFileSync(join(crontabs, name)));
    const lines = tab.split('\n').map((line) => withUser(line, username));
    writeFileSync(join(room, 'cron.d', name), toBytes(lines.join('\n')), { mode: 0o644 });
  }
}

/** A line of a user's crontab as a system crontab has it: with a user column. */
function withUser(line: string, username: string): string {
  const start = skipBlanks(line, 0);
  if (start === line.length || line[start] === '#' || parseAssignment(line) !== null) return line;
  const schedule = parseSchedule(line, start, (low) => low);
  if (!schedule.ok) return line; // cron will say what is wrong with it
  const { end } = schedule.value;
  return `${line.slice(0, end)}${username} ${line.slice(end)}`;
}

function introduce(username: string, mailbox: string): void {
  say(`This is mailcron, running the crontabs of crontabs/ as you, ${username}.
Nothing of this machine's own cron is touched: everything is in ${room}.

What a job prints is mailed to you. There is no mail system in this: mail goes into the file
  ${mailbox}
Read it with   mail -f ${mailbox}   or any editor.

The first mail comes at once, from an @reboot line; others each minute.
Try your own:  CRON_CONFIG=${room}/mailcron.toml bin/crontab -e
Stop with Ctrl-C.
`);
}

/** Tell of each mail that arrives in the mailbox. */
function follow(mailbox: string): () => void {
  let seen = statSync(mailbox, { throwIfNoEntry: false })?.size ?? 0;
  const look = (): void => {
    const size = statSync(mailbox, { throwIfNoEntry: false })?.size ?? 0;
    if (size <= seen) return;
    const news = readPiece(mailbox, seen, size);
    // A mail that is still being written has no empty line at its end yet.
    if (!news.endsWith('\n\n')) return;
    seen = size;
    for (const mail of news.split(/^(?=From )/m)) {
      const subject = /^Subject: (.*)$/m.exec(mail)?.[1] ?? '';
      const to = /^To: (.*)$/m.exec(mail)?.[1] ?? '';
      const body = mail.slice(mail.indexOf('\n\n') + 2).trimEnd();
      say(`${new Date().toLocaleTimeString()}  mail for ${toText(to)}: ${toText(subject)}`);
      say(toText(body).replaceAll(/^/gm, '            | '));
    }
  };
  const timer = setInterval(look, LOOK);
  return () => {
    clearInterval(timer);
    look();
  };
}

function readPiece(file: string, from: number, to: number): string {
  const fd = openSync(file, 'r');
  try {
    const bytes = Buffer.alloc(to - from);
    return fromBytes(bytes.subarray(0, readSync(fd, bytes, 0, bytes.length, from)));
  } finally {
    closeSync(fd);
  }
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
