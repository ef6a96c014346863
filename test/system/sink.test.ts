/** Log lines on their way out: one line each, whatever is in them, and never a reason to stop. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { openLog } from '../../src/system/log.ts';
import { type LogLine, message, openSink, plainLog } from '../../src/system/sink.ts';

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

test('plainLog() and openLog() write the same lines, as text and as JSON', () => {
  for (const format of ['text', 'json'] as const) {
    const files = ['plain', 'pino'].map((name) => join(folder, `${name}.${format}`));
    const [plain = '', pino = ''] = files;
    const logs = [
      plainLog(openSink({ to: { file: plain }, format }), 'CRON'),
      openLog({ to: { file: pino }, format }, 'CRON'),
    ];
    for (const log of logs) {
      log('alice', 'CMD', 'backup "x" é', { tag: 'CRON', pid: 4711 });
      log('CRON', 'ERROR', 'it\nbroke', { level: 'error' });
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

test('openLog() writes JSON that says everything', () => {
  const file = join(folder, 'json');
  openLog({ to: { file }, format: 'json' }, 'cron')('alice', 'CMD', 'x\ny', { pid: 17 });
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
