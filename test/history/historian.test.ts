/** The history is asked, fed, bounded, and begun anew when its file is damaged. */
import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openDatabase, one, rows } from '../../src/history/database.ts';
import { Historian } from '../../src/history/historian.ts';
import { MIGRATIONS } from '../../src/history/schema.ts';
import type { Terms } from '../../src/history/store.ts';
import type { RunRecord } from '../../src/system/record.ts';
import { isRoot, userTest } from '../support/sandbox.ts';
import { lines, place, type Place, run } from './runs.ts';

const TERMS: Terms = { age: 86_400_000, size: 100_000_000 };

function open(here: Place, terms = TERMS): Historian {
  return new Historian({ file: here.file, records: here.folder, terms, check: true });
}

const list = (historian: Historian, changed = {}): readonly RunRecord[] =>
  historian.answer({ ask: 'list', query: { user: null, limit: 1000, ...changed } }).runs ?? [];

const names = (runs: readonly RunRecord[]): string[] => runs.map((each) => each.run);

test('Historian tells what was folded, as it was', (t) => {
  const here = place(t);
  const all: RunRecord[] = [
    run('a', { started: Date.now() - 3000, scheduled: '2026-11-22T00:00+01:00' }),
    run('b', { started: Date.now() - 2000, outcome: 'failed', code: 3, bytes: 7, mail: 'mailer' }),
    run('c', { started: Date.now() - 1000, outcome: 'failed', code: null, signal: 'SIGKILL' }),
    run('d', {
      outcome: 'unknown',
      code: null,
      ended: null,
      crontab: null,
      line: null,
      entry: null,
    }),
    run('e', {
      started: Date.now() + 50,
      timedOut: true,
      cpu: 12,
      memory: 3456,
      command: 'echo \u00e9',
    }),
  ];
  here.records('1.records', all.map((each) => lines(each)).join(''));
  const historian = open(here);
  const { folded } = historian.answer({ ask: 'fold', names: ['1.records'] });
  assert.deepEqual(folded, { '1.records': statSync(join(here.folder, '1.records')).size });
  assert.deepEqual(list(historian), all.toReversed());
  assert.deepEqual(list(open(here)), all.toReversed(), 'another one too');
});

test('Historian tells what became of mails, whether it hears of that before the run or after it', (t) => {
  const here = place(t);
  const at = Date.now() + 1000;
  const later = (mailOf: string, fate: string, when = at): string =>
    `${JSON.stringify({ mailOf, fate, at: when })}\n`;
  here.records(
    '1-cron.records',
    later('a', 'sent') + later('b', 'returned') + later('d', 'given-up'),
  );
  here.records(
    '1.records',
    ['a', 'b', 'c', 'd'].map((name) => lines(run(name, { mail: 'outbox' }))).join(''),
  );
  const historian = open(here);
  const fold = (): Record<string, string | undefined> => {
    historian.answer({ ask: 'fold', names: ['1-cron.records', '1.records'] });
    return Object.fromEntries(list(historian).map((each) => [each.run, each.later?.fate]));
  };
  assert.deepEqual(fold(), { a: 'sent', b: 'returned', c: undefined, d: 'given-up' });
  assert.deepEqual(list(historian).find(({ run: name }) => name === 'a')?.later?.at, at);
  // One recipient has got it, another one had not; and somebody has cron send once more what was given up.
  here.records('1-cron.records', later('b', 'sent') + later('d', 'outbox') + later('c', 'sent'));
  assert.deepEqual(fold(), { a: 'sent', b: 'returned', c: 'sent', d: 'outbox' });
  here.records('1-cron.records', later('b', 'outbox') + later('b', 'sent', at + 5));
  assert.equal(fold()['b'], 'sent');
  assert.equal(
    historian.answer({ ask: 'log', prefix: 'b', user: null }).runs?.[0]?.later?.at,
    at + 5,
  );
});

test('Historian forgets what became of mails whose runs are gone', (t) => {
  const here = place(t);
  const old = { mailOf: 'old', fate: 'sent', at: Date.now() - 5000 };
  here.records('1.records', `${JSON.stringify(old)}\n${lines(run('a'))}`);
  open(here).answer({ ask: 'fold', names: ['1.records'] });
  const { database } = openDatabase(here.file, false);
  assert.deepEqual(rows(database, 'SELECT run FROM mails'), []);
  database.close();
});

test('Historian brings a file of an older version up to date', (t) => {
  const here = place(t);
  const older = open(here);
  here.records('1.records', lines(run('a')));
  older.answer({ ask: 'fold', names: ['1.records'] });
  const { database } = openDatabase(here.file, false);
  database.exec('DROP VIEW readable; DROP TABLE mails; PRAGMA user_version = 1');
  database.exec(`CREATE VIEW readable AS SELECT run FROM runs`);
  database.close();
  here.records(
    '2.records',
    `${JSON.stringify({ mailOf: 'a', fate: 'sent', at: Date.now() + 9 })}\n`,
  );
  const historian = open(here);
  historian.answer({ ask: 'fold', names: ['1.records', '2.records'] });
  assert.equal(list(historian)[0]?.later?.fate, 'sent');
});

test('Historian takes each run once, however often and wherever it is written', (t) => {
  const here = place(t);
  const first = run('a', { outcome: 'failed', code: 1 });
  here.records('1.records', lines(first));
  here.records('2.records', lines(run('a', { outcome: 'unknown' })) + lines(run('b')));
  const historian = open(here);
  for (const files of [['1.records'], ['1.records', '2.records'], ['2.records'], ['1.records']])
    historian.answer({ ask: 'fold', names: files });
  assert.deepEqual(names(list(historian)).toSorted(), ['a', 'b']);
  assert.deepEqual(historian.answer({ ask: 'log', prefix: 'a', user: null }).runs, [first]);
});

test('Historian goes on where it was in a file, and waits for a line to be whole', (t) => {
  const here = place(t);
  const historian = open(here);
  const fold = (): number =>
    historian.answer({ ask: 'fold', names: ['1.records'] }).folded?.['1.records'] ?? -1;
  const [one_, two] = [lines(run('a'), 'output of a'), lines(run('b'), 'output of b')];
  here.records('1.records', one_ + two.slice(0, -20));
  assert.equal(fold(), one_.length);
  here.records('1.records', two.slice(-20));
  assert.equal(fold(), one_.length + two.length);
  assert.deepEqual(names(list(historian)).toSorted(), ['a', 'b']);
  const { output } = historian.answer({ ask: 'log', prefix: 'b', user: null });
  assert.equal(Buffer.from(output ?? []).toString(), 'output of b');
});

test('Historian folds what is longer than a piece, and skips what is no record', (t) => {
  const here = place(t);
  const random = Array.from({ length: 1_500_000 }, (_, n) =>
    String.fromCharCode(33 + ((n * n) % 91)),
  );
  const long = random.join('');
  const noise = `garbage\n${'\0'.repeat(5000)}\n{"run":\n[]\nnull\n`;
  here.records('1.records', noise + lines(run('a'), long) + noise + lines(run('b'), `${long}b`));
  const historian = open(here);
  historian.answer({ ask: 'fold', names: ['1.records', 'gone.records'] });
  assert.deepEqual(names(list(historian)).toSorted(), ['a', 'b']);
  const { output } = historian.answer({ ask: 'log', prefix: 'b', user: 'alice' });
  assert.equal(Buffer.from(output ?? []).toString(), `${long}b`);
});

test('Historian tells of whom, since when and how it is asked', (t) => {
  const here = place(t);
  const at = Date.now();
  here.records(
    '1.records',
    [
      run('old', { started: at - 5000, identity: 'x' }),
      run('bob', { started: at - 4000, user: 'bob', identity: 'x' }),
      run('failed', { started: at - 3000, outcome: 'failed' }),
      run('unknown', { started: at - 2000, outcome: 'unknown' }),
      run('skipped', { started: at - 1000, outcome: 'skipped' }),
      run('skipped-late', { started: at, outcome: 'late' }),
    ]
      .map((each) => lines(each, `printed by ${each.run}\n`))
      .join(''),
  );
  const historian = open(here);
  historian.answer({ ask: 'fold', names: ['1.records'] });
  const cases: [object, string[]][] = [
    [{}, ['skipped', 'unknown', 'failed', 'bob', 'old']],
    [{ user: 'bob' }, ['bob']],
    [{ user: "bob' OR 1" }, []],
    [{ failed: true }, ['unknown', 'failed']],
    [{ since: at - 2000 }, ['skipped', 'unknown']],
    [{ identity: 'x' }, ['bob', 'old']],
    [{ limit: 2 }, ['skipped', 'unknown']],
    [{ limit: 2, before: 'unknown' }, ['failed', 'bob']],
    [{ failed: true, before: 'unknown' }, ['failed']],
    [{ before: 'gone' }, []],
    [{ user: 'alice', failed: true, since: at - 2500, limit: 1 }, ['unknown']],
  ];
  for (const [query, expected] of cases)
    assert.deepEqual(names(list(historian, query)), expected, JSON.stringify(query));
  const log = (prefix: string, user: string | null = null): string[] =>
    names(historian.answer({ ask: 'log', prefix, user }).runs ?? []);
  assert.deepEqual(log('o'), ['old']);
  assert.deepEqual(log('o', 'bob'), []);
  assert.deepEqual(log(''), ['bob', 'failed', 'old', 'skipped', 'unknown']);
  assert.deepEqual(log('%'), []);
  const { output } = historian.answer({ ask: 'log', prefix: 'sk', user: null });
  const printed = 'printed by skipped\nprinted by skipped-late\n';
  assert.equal(Buffer.from(output ?? []).toString(), printed, 'with what came late');
  const { successes } = historian.answer({ ask: 'successes', identities: ['x', 'y'] });
  assert.deepEqual(successes, { x: at - 4000 });
});

test('Historian removes what is too old', (t) => {
  const here = place(t);
  const old = Date.now() - TERMS.age - 1000;
  here.records('1.records', lines(run('old', { started: old })) + lines(run('new')));
  const historian = open(here);
  historian.answer({ ask: 'fold', names: ['1.records'] });
  assert.deepEqual(names(list(historian)), ['new']);
});

test('Historian removes the oldest of what is too much, and the file becomes smaller', (t) => {
  const here = place(t);
  const output = Array.from({ length: 20_000 }, (_, n) => String.fromCharCode(33 + ((n * n) % 91)));
  const size = 2_000_000;
  const historian = open(here, { ...TERMS, size });
  const start = Date.now() - 10_000;
  for (let n = 0; n < 10; n++) {
    const some = Array.from({ length: 1000 }, (_, m) =>
      lines(
        run(`${n * 1000 + m}`, { started: start + n * 1000 + m }),
        m % 5 === 0 ? output.slice(m).join('') : '',
      ),
    );
    here.records(`${n}.records`, some.join(''));
    historian.answer({ ask: 'fold', names: [`${n}.records`] });
    assert.ok(statSync(here.file).size <= size * 1.2, `${statSync(here.file).size} bytes`);
  }
  const left = names(list(historian, { limit: 100_000 }));
  assert.equal(left[0], '9999');
  assert.ok(left.length > 500 && left.length < 10_000, `${left.length} runs`);
});

const DAMAGES: [string, (file: string) => void][] = [
  ['is no database', (file) => writeFileSync(file, 'x'.repeat(10_000))],
  [
    'has garbage in its middle',
    (file) => {
      const bytes = readFileSync(file);
      bytes.fill(0xa5, Math.floor(bytes.length / 3), Math.floor(bytes.length / 3) * 2);
      writeFileSync(file, bytes);
    },
  ],
  ['is cut short', (file) => truncateSync(file, Math.floor(statSync(file).size / 2))],
  ['is cut short within its header', (file) => truncateSync(file, 50)],
  [
    'is a directory',
    (file) => {
      rmSync(file);
      mkdirSync(file);
      writeFileSync(join(file, 'file'), '');
    },
  ],
  [
    'is a link',
    (file) => {
      rmSync(file);
      symlinkSync('/nowhere/history.db', file);
    },
  ],
];

for (const [what, damage] of DAMAGES)
  test(`Historian sets a file aside that ${what}, and begins a new one`, (t) => {
    const here = place(t);
    const many = Array.from({ length: 3000 }, (_, n) => lines(run(`${n}`), `printed ${n}`));
    here.records('1.records', many.join(''));
    open(here).answer({ ask: 'fold', names: ['1.records'] });
    damage(here.file);
    here.records('2.records', lines(run('new')));
    const historian = open(here);
    const { damaged = '' } = historian.answer({ ask: 'fold', names: ['2.records'] });
    assert.match(damaged, /^history\.damaged-\d{8}T\d{6}Z$/);
    assert.ok(readdirSync(here.folder).includes(damaged));
    assert.deepEqual(names(list(historian)), ['new']);
    assert.equal(historian.answer({ ask: 'fold', names: [] }).damaged, undefined, 'told once');
  });

test('Historian has the records that are there still, after the file was damaged while it was open', (t) => {
  const here = place(t);
  const many = Array.from({ length: 3000 }, (_, n) => lines(run(`${n}`), `printed ${n}`));
  here.records('1.records', many.join(''));
  const historian = open(here);
  historian.answer({ ask: 'fold', names: ['1.records'] });
  writeFileSync(here.file, Buffer.alloc(statSync(here.file).size, 7));
  here.records('2.records', lines(run('new')));
  const { damaged } = historian.answer({ ask: 'fold', names: ['1.records', '2.records'] });
  assert.ok(damaged !== undefined);
  assert.equal(list(historian, { limit: 10_000 }).length, 3001);
});

test('Historian keeps the last three damaged files', (t) => {
  const here = place(t);
  for (const year of [2020, 2021, 2022, 2023])
    writeFileSync(join(here.folder, `history.damaged-${year}0101T000000Z`), '');
  writeFileSync(here.file, 'garbage'.repeat(1000));
  open(here).answer({ ask: 'fold', names: [] });
  const kept = readdirSync(here.folder).filter((name) => name.includes('damaged'));
  assert.equal(kept.length, 3);
  assert.deepEqual(kept.toSorted().slice(0, 2), [
    'history.damaged-20220101T000000Z',
    'history.damaged-20230101T000000Z',
  ]);
});

test('Historian makes a history of an empty file', (t) => {
  const here = place(t);
  writeFileSync(here.file, '');
  here.records('1.records', lines(run('a')));
  const historian = open(here);
  assert.equal(historian.answer({ ask: 'fold', names: ['1.records'] }).damaged, undefined);
  assert.deepEqual(names(list(historian)), ['a']);
});

test('Historian leaves a file alone that a newer mailcron has written', (t) => {
  const here = place(t);
  open(here).answer({ ask: 'fold', names: [] });
  const { database } = openDatabase(here.file, false);
  database.exec(`PRAGMA user_version = ${MIGRATIONS.length + 1}`);
  database.close();
  assert.throws(() => list(open(here)), {
    message: /^it is of version \d+, and this mailcron knows \d+$/,
  });
  assert.ok(existsSync(here.file));
});

test('Historian waits for who reads the file, and takes all of a file or nothing', (t) => {
  const here = place(t);
  open(here).answer({ ask: 'fold', names: [] });
  here.records('1.records', lines(run('a')));
  const { database } = openDatabase(here.file, false);
  database.exec('BEGIN EXCLUSIVE');
  const historian = open(here);
  assert.throws(() => historian.answer({ ask: 'fold', names: ['1.records'] }), {
    message: /locked/,
  });
  database.exec('COMMIT');
  database.close();
  historian.answer({ ask: 'fold', names: ['1.records'] });
  assert.deepEqual(names(list(historian)), ['a']);
});

userTest('Historian can be asked where nothing can be written', (t) => {
  const here = place(t);
  here.records('1.records', lines(run('a')));
  open(here).answer({ ask: 'fold', names: ['1.records'] });
  chmodSync(here.file, 0o400);
  chmodSync(here.folder, 0o500);
  try {
    const historian = open(here);
    assert.deepEqual(names(list(historian)), ['a']);
    assert.throws(() => historian.answer({ ask: 'fold', names: [] }), { message: /readonly/ });
    assert.deepEqual(names(list(historian)), ['a']);
    assert.ok(!isRoot);
  } finally {
    chmodSync(here.folder, 0o700); // else it cannot be removed
  }
});

test('The file says what it is, and shows its runs to who reads it by hand', (t) => {
  const here = place(t);
  here.records('1.records', lines(run('a', { started: 0, ended: 1500, command: 'backup' })));
  const historian = open(here, { ...TERMS, age: Date.now() + TERMS.age });
  historian.answer({ ask: 'fold', names: ['1.records'] });
  const { database } = openDatabase(here.file, true);
  assert.equal(one(database, 'PRAGMA application_id'), 0x63726f6e);
  assert.equal(one(database, 'PRAGMA auto_vacuum'), 2);
  const [shown] = rows(database, 'SELECT user, seconds, outcome, command FROM readable');
  assert.deepEqual(shown, { user: 'alice', seconds: 1.5, outcome: 'succeeded', command: 'backup' });
  assert.equal(statSync(here.file).mode & 0o077, 0);
  database.close();
});
