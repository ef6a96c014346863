import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseEntry, type CrontabKind, type EntryLine } from '../../src/core/entry.ts';
import { values, type Draw } from '../../src/core/field.ts';

const lowest: Draw = (low) => low;

function read(line: string, kind: CrontabKind = 'user', privileged = kind === 'system'): EntryLine {
  const entry = parseEntry(line, kind, lowest, privileged);
  assert.ok(entry.ok, entry.ok ? '' : `${line}: ${entry.fault.message}`);
  return entry.value;
}

/** The fault of a line as `column reason`. */
function fault(line: string, kind: CrontabKind = 'user', privileged = kind === 'system'): string {
  const entry = parseEntry(line, kind, lowest, privileged);
  return entry.ok ? 'accepted' : `${entry.fault.column} ${entry.fault.reason}`;
}

test('parseEntry() reads schedule and command of a user tab', () => {
  const entry = read('\t 5 6 * * mon\techo  hello # world ');
  assert.equal(entry.command, 'echo  hello # world ');
  assert.equal(entry.user, null);
  assert.equal(entry.stdin, null);
  assert.deepEqual(entry.flags, { quiet: false, mailOnFailure: false, single: false });
  assert.deepEqual(entry.schedule.kind === 'times' && values(entry.schedule.hour), [6]);
});

test('parseEntry() reads the user column of a system crontab', () => {
  const entry = read('17 * * * *\troot    cd / && run-parts --report /etc/cron.hourly', 'system');
  assert.equal(entry.user, 'root');
  assert.equal(entry.command, 'cd / && run-parts --report /etc/cron.hourly');
  assert.equal(read('@reboot www-data x', 'system').user, 'www-data');
});

test('parseEntry() takes an assignment before the command for a part of it', () => {
  assert.equal(read('* * * * * A="x" cmd').command, 'A="x" cmd');
  assert.equal(read('@daily ="x" y').command, '="x" y');
});

const flags: Record<string, string> = {
  '* * * * * x': '',
  '* * * * * -q x': 'q',
  '* * * * * -n x': 'n',
  '* * * * * -s x': 's',
  '* * * * * -nq x': 'qn',
  '* * * * * -n  -q\t-s x': 'qns',
  '* * * * * -nn -n x': 'n',
  '@reboot -s x': 's',
  '-* * * * * x': 'q',
  '-@daily -n x': 'qn',
  '* * * * * x -n': '',
};
for (const [line, expected] of Object.entries(flags)) {
  test(`parseEntry() reads the flags of ${JSON.stringify(line)}`, () => {
    const entry = read(line, 'user', true);
    const { quiet, mailOnFailure, single } = entry.flags;
    assert.equal(`${quiet ? 'q' : ''}${mailOnFailure ? 'n' : ''}${single ? 's' : ''}`, expected);
    assert.match(entry.command, /^x/);
  });
}

test('parseEntry() reads flags of a system crontab after the user', () => {
  const entry = read('* * * * * root -n x', 'system');
  assert.ok(entry.flags.mailOnFailure && entry.command === 'x' && entry.user === 'root');
});

const commands: Record<string, readonly [string, string | null]> = {
  'a b': ['a b', null],
  'a%': ['a', ''],
  'a%b': ['a', 'b\n'],
  'a%b%c': ['a', 'b\nc\n'],
  'a%b%': ['a', 'b\n'],
  'a%%': ['a', '\n'],
  'a %b': ['a ', 'b\n'],
  'date +\\%F': ['date +%F', null],
  'date +\\%F%x': ['date +%F', 'x\n'],
  'a\\\\b': ['a\\\\b', null],
  'a\\\\%b': ['a\\\\', 'b\n'],
  'a\\\\\\%b': ['a\\\\%b', null],
  'a\\b\\n': ['a\\b\\n', null],
  'a\\': ['a\\', null],
  'a%b\\%c': ['a', 'b%c\n'],
  'a%b\\\\%c': ['a', 'b\\%c\n'],
  'a%\\n\\': ['a', '\\n\\\n'],
  'caf\xc3\xa9%\xff': ['caf\xc3\xa9', '\xff\n'],
};
for (const [raw, [command, stdin]] of Object.entries(commands)) {
  test(`parseEntry() splits ${JSON.stringify(raw)} at its percent sign as ISC cron`, () => {
    const entry = read(`* * * * * ${raw}`);
    assert.deepEqual([entry.command, entry.stdin], [command, stdin]);
  });
}

const userFaults: Record<string, string> = {
  '60 * * * * x': '1 bad minute',
  '  * 25 * * * x': '5 bad hour',
  '* * * * *': '10 bad command',
  '* * * * * \t': '12 bad command',
  '@daily': '7 bad command',
  '@reboot ': '9 bad command',
  '* * * * * %x': '11 bad command',
  '* * * * * -n': '13 bad command',
  '* * * * * * x': '11 bad command',
  '@daily * x': '8 bad command',
  '* * * * * -x y': '12 bad option',
  '* * * * * -nx y': '13 bad option',
  '* * * * * - y': '12 bad option',
  '* * * * * -- y': '12 bad option',
  '* * * * * -n=1 y': '13 bad option',
  '* * * * * a\0b': '12 bad command',
  '-* * * * * x': '1 bad option',
  ' -@daily x': '2 bad option',
};
for (const [line, expected] of Object.entries(userFaults)) {
  test(`parseEntry() refuses ${JSON.stringify(line)} in a user tab`, () => {
    assert.equal(fault(line), expected);
  });
}

const systemFaults: Record<string, string> = {
  '* * * * *': '10 bad username',
  '@daily ': '8 bad username',
  '* * * * * root': '15 bad command',
  '* * * * * * root x': '11 bad command',
  '* * * * * *foo x': '11 bad command',
  '* * * * * /usr/bin/x y': '11 bad username',
  '* * * * * -n root x': '11 bad username',
  '* * * * * ro\0t x': '11 bad username',
  '* * * * * root -z x': '17 bad option',
  '- * * * * root x': '2 bad minute',
};
for (const [line, expected] of Object.entries(systemFaults)) {
  test(`parseEntry() refuses ${JSON.stringify(line)} in a system crontab`, () => {
    assert.equal(fault(line, 'system'), expected);
  });
}

test('parseEntry() reminds of the user column one who has forgotten it', () => {
  const entry = parseEntry('* * * * * reboot', 'system', lowest, true);
  assert.match(entry.ok ? '' : entry.fault.message, /no command after the user "reboot"/);
});

test('parseEntry() keeps a user it cannot know, for others to look up', () => {
  assert.equal(read('* * * * * DOM\\al.ice@x$ y', 'system').user, 'DOM\\al.ice@x$');
});

test('parseEntry() makes a key of what an entry is, not of how it is spaced or flagged', () => {
  const { key } = read('0 5 * * * root cmd  a', 'system');
  assert.equal(key, '0 5 * * * root cmd  a');
  assert.equal(read(' -0\t5  * * *   root \t-nq cmd  a', 'system').key, key);
  assert.notEqual(read('0 5 * * * root cmd a', 'system').key, key);
  assert.equal(read('@daily  cmd%x').key, '@daily cmd%x');
});

test('parseEntry() never throws and never points outside of the line', () => {
  const line = fc.string({
    unit: fc.constantFrom(...'0123456789*/-, \t@%\\=a"\0nq'.split('')),
    maxLength: 40,
  });
  const start = fc.constantFrom('', '* * * * * ', '@daily ', '* * * * * root ');
  fc.assert(
    fc.property(start, line, fc.boolean(), (head, tail, privileged) => {
      for (const kind of ['user', 'system'] as const) {
        const entry = parseEntry(head + tail, kind, lowest, privileged);
        if (entry.ok) assert.ok(entry.value.command !== '' && !entry.value.command.includes('\0'));
        else
          assert.ok(entry.fault.column >= 1 && entry.fault.column <= head.length + tail.length + 1);
      }
    }),
    { numRuns: 5000 },
  );
});

test('parseEntry() gives a job the data that was written, line by line', () => {
  const lines = fc.array(fc.string({ unit: fc.constantFrom(...'ab% "'.split('')) }), {
    minLength: 1,
  });
  fc.assert(
    fc.property(lines, (data) => {
      const raw = data.map((each) => each.replaceAll('%', '\\%')).join('%');
      const expected = data.join('\n');
      const { stdin } = read(`* * * * * cat%${raw}`);
      assert.equal(stdin, expected === '' || expected.endsWith('\n') ? expected : `${expected}\n`);
    }),
  );
});
