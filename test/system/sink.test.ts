/** Log lines on their way out: one line each, whatever is in them, and never a reason to stop. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test, type TestContext } from 'node:test';
import { fieldsOf } from '../../src/system/journald.ts';
import { openLog } from '../../src/system/log.ts';
import { logAbout, type LogLine, message, openSink, plainLog } from '../../src/system/sink.ts';
import { until } from '../support/wait.ts';

const folder = mkdtempSync(join(tmpdir(), 'sink-'));
after(() => rmSync(folder, { recursive: true }));

const LINE: LogLine = {
  level: 'info',
  tag: 'CRON',
  pid: 17,
  who: 'alice',
  event: 'CMD',
  detail: 'backup',
};
const STAMP = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} /;

test('message() is vixie’s line', () => {
  assert.equal(message(LINE), '(alice) CMD (backup)');
});

for (const evil of ['a\nb', 'a\r\nb', 'a\0b', '\x1b[2J', 'a\u0085b', 'a\u2028b', '\x7f'])
  test(`message() makes no second line and no trick of ${JSON.stringify(evil)}`, () => {
    const line = message({ ...LINE, detail: `x${evil}y` });
    assert.doesNotMatch(line, /[\p{Cc}\u2028\u2029]/u);
    assert.match(line, /^\(alice\) CMD \(x.*y\)$/);
  });

test('message() keeps other letters', () => {
  assert.equal(message({ ...LINE, detail: 'Grüße €' }), '(alice) CMD (Grüße €)');
});

test('openSink() appends dated lines to a file that not everybody may read', () => {
  const file = join(folder, 'log');
  const to = { to: { file }, format: 'text' } as const;
  openSink(to).write(LINE);
  openSink(to).write({ ...LINE, level: 'error', tag: 'cron', detail: 'second\nline' });
  const [first = '', second = '', ...rest] = readFileSync(file, 'utf8').split('\n');
  assert.match(first, STAMP);
  assert.equal(first.replace(STAMP, ''), 'CRON[17]: (alice) CMD (backup)');
  assert.equal(second.replace(STAMP, ''), 'cron[17]: (alice) CMD (second line)');
  assert.deepEqual(rest, ['']);
  assert.equal(statSync(file).mode & 0o007, 0);
});

test('openSink() dates lines by the clock on the wall', () => {
  const zone = process.env['TZ'];
  process.env['TZ'] = 'Pacific/Kiritimati'; // fourteen hours ahead
  const file = join(folder, 'zone');
  openSink({ to: { file }, format: 'text' }).write(LINE);
  if (zone === undefined) delete process.env['TZ'];
  else process.env['TZ'] = zone;
  const written = Date.parse(`${readFileSync(file, 'utf8').slice(0, 23).replace(' ', 'T')}+14:00`);
  assert.ok(Math.abs(Date.now() - written) < 60_000);
});

test('openSink() says why a file cannot be opened', () => {
  mkdirSync(join(folder, 'directory'));
  assert.throws(() => openSink({ to: { file: join(folder, 'directory') }, format: 'text' }), {
    code: 'EISDIR',
  });
  assert.throws(() => openSink({ to: { file: '/nowhere/log' }, format: 'text' }), {
    code: 'ENOENT',
  });
});

test('openSink() loses a line to a full disk and goes on', () => {
  const sink = openSink({ to: { file: '/dev/full' }, format: 'text' });
  sink.write(LINE);
  sink.write(LINE);
});

test('plainLog() and openLog() write the same lines, as text and as JSON', async () => {
  for (const format of ['text', 'json'] as const) {
    const files = ['plain', 'pino'].map((name) => join(folder, `${name}.${format}`));
    const [plain = '', pino = ''] = files;
    const logs = [
      plainLog(openSink({ to: { file: plain }, format }), 'CRON'),
      await openLog({ to: { file: pino }, format }, 'CRON'),
    ];
    for (const log of logs) {
      log('alice', 'CMD', 'backup "x" é', { tag: 'CRON', pid: 4711 });
      log('CRON', 'ERROR', 'it\nbroke', { level: 'error', about: { run: 'r-1', exit: 2 } });
    }
    const [left, right] = files.map((file) =>
      readFileSync(file, 'utf8')
        .replaceAll(/^\S+ \S+ /gm, format === 'text' ? '' : '$&')
        .replaceAll(/"time":\d+/g, '"time":0'),
    );
    assert.equal(left, right);
    assert.equal(left?.split('\n').length, 3);
  }
});

test('openLog() writes JSON that says everything', async () => {
  const file = join(folder, 'json');
  const log = await openLog({ to: { file }, format: 'json' }, 'cron');
  log('alice', 'CMD', 'x\ny', { pid: 17 });
  const written: Record<string, unknown> = JSON.parse(readFileSync(file, 'utf8'));
  const { time, ...line } = written;
  assert.ok(Math.abs(Date.now() - Number(time)) < 60_000);
  assert.deepEqual(line, {
    level: 30,
    tag: 'cron',
    pid: 17,
    who: 'alice',
    event: 'CMD',
    msg: 'x\ny',
  });
});

/** Be a journal or syslog daemon: each datagram and the sender's pid, in hexadecimal, a line each. */
const LISTEN = `use Socket; $| = 1; unlink $ARGV[0];
  socket(my $s, AF_UNIX, SOCK_DGRAM, 0) or die; bind($s, pack_sockaddr_un($ARGV[0])) or die;
  print "listening\\n";
  while (defined(recv($s, my $data, 1000000, 0))) { print unpack("H*", $data), "\\n"; }`;

async function listen(
  t: TestContext,
  path: string,
): Promise<{ heard: () => string[]; end: () => void }> {
  const child = spawn('perl', ['-e', LISTEN, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  const end = (): void => void child.kill();
  t.after(end);
  let text = '';
  child.stdout.on('data', (data: Buffer) => (text += data.toString()));
  await until('somebody listens', () => text.includes('listening'));
  const heard = (): string[] =>
    text
      .split('\n')
      .slice(1, -1)
      .map((hex) => Buffer.from(hex, 'hex').toString());
  return { heard, end };
}

test('fieldsOf() gives a value with a newline its length, and leaves out what is not known', () => {
  const entry = fieldsOf({ A: 'b=c', N: 0, GONE: undefined, NONE: null, TWO: 'x\ny' });
  assert.equal(entry.toString('latin1'), 'A=b=c\nN=0\nTWO\n\x03\0\0\0\0\0\0\0x\ny\n');
});

test('openSink() tells the journal what a line is about, and a new journal too', async (t) => {
  const socket = join(folder, 'journal');
  const first = await listen(t, socket);
  const log = plainLog(openSink({ to: { journal: socket }, format: 'text' }), 'CRON');
  log('alice', 'CMD', 'a\nCRON_USER=root', { pid: 17, about: { user: 'alice' } });
  const about = { user: 'alice', entry: 'abc', crontab: '*system*', line: 3, run: 'r-1' };
  const failed = { exit: 1, signal: null };
  logAbout(log, about)('CRON', 'error', 'failed', { level: 'error', about: failed });
  await until('both are there', () => first.heard().length === 2);
  const head = (priority: number, pid: number): string =>
    `PRIORITY=${priority}\nSYSLOG_FACILITY=9\nSYSLOG_IDENTIFIER=CRON\nSYSLOG_PID=${pid}\n`;
  assert.deepEqual(first.heard(), [
    `MESSAGE=(alice) CMD (a CRON_USER=root)\n${head(6, 17)}CRON_USER=alice\n`,
    `MESSAGE=(CRON) error (failed)\n${head(3, process.pid)}CRON_USER=alice\nCRON_ENTRY=abc\n` +
      'CRON_CRONTAB=*system*\nCRON_LINE=3\nCRON_RUN=r-1\nCRON_EXIT=1\n',
  ]);
  first.end();
  const second = await listen(t, socket);
  log('alice', 'CMD', 'x'.repeat(300_000));
  await until('it is there', () => second.heard().length === 1);
  const [line = ''] = second.heard();
  assert.match(line, /^MESSAGE=\(alice\) CMD \(x+\.\.\.\nPRIORITY=6\n/);
  assert.ok(line.length < 140_000);
});

test('openSink() writes to stderr or stdout, and minds none that is closed', () => {
  const sink = new URL('../../src/system/sink.js', import.meta.url);
  for (const [name, other, fd] of [
    ['stderr', 'stdout', 2],
    ['stdout', 'stderr', 1],
  ] as const) {
    const program = `
      import { openSink } from ${JSON.stringify(sink.href)};
      const sink = openSink({ to: '${name}', format: 'text' });
      sink.write(${JSON.stringify(LINE)});
      process.${other}.write('alive');`;
    const node = ['--input-type=module', '-e', program];
    const open = spawnSync(process.execPath, node, { encoding: 'utf8' });
    assert.equal(open[name].replace(STAMP, ''), 'CRON[17]: (alice) CMD (backup)\n');
    const shell = `exec "$@" ${fd}>/dev/full`;
    const full = spawnSync('sh', ['-c', shell, 'sh', process.execPath, ...node]);
    assert.equal(full[other].toString(), 'alive');
  }
});
