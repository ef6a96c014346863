import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  assign,
  jobEnvironment,
  lookup,
  parseAssignment,
  parseEnvironmentFile,
  readAssignment,
  type Environment,
} from '../../src/core/environment.ts';

const assignments: Record<string, readonly [string, string] | null> = {
  'A=b': ['A', 'b'],
  ' \tA=b': ['A', 'b'],
  'A = b': ['A', 'b'],
  'A\t=\tb c \t': ['A', 'b c'],
  'A=b # c': ['A', 'b # c'],
  'A=b=c': ['A', 'b=c'],
  'A=$HOME/x': ['A', '$HOME/x'],
  'A=': ['A', ''],
  'A=  ': ['A', ''],
  'A=""': ['A', ''],
  'A="b c "': ['A', 'b c '],
  'A=\'b "c"\'  ': ['A', 'b "c"'],
  'A=b"c"': ['A', 'b"c"'],
  'A=b\r': ['A', 'b'],
  'A="b"\r': ['A', 'b'],
  '"A B"=c': ['A B', 'c'],
  "'A B' = 'c'": ['A B', 'c'],
  '"A"B=c': null,
  '"A=B"=c': null,
  '"A=b': null,
  '5=5': ['5', '5'],
  '@daily=x': ['@daily', 'x'],
  'export=x': ['export', 'x'],
  'export = x': ['export', 'x'],
  'A="b" c': null,
  'A="b" # c': null,
  'A="b': null,
  'A=\'b"': null,
  '=x': null,
  '""=x': null,
  'export A=b': null,
  A: null,
  'A b=c': null,
  '': null,
  '* * * * * A=b cmd': null,
  '*/5 * * * * FOO=bar cmd': null,
  '@daily A=b': null,
  'A=b\0c': null,
  'A\0=b': null,
  'A=\xa0b\xa0': ['A', '\xa0b\xa0'],
};
for (const [line, expected] of Object.entries(assignments)) {
  test(`parseAssignment() reads ${JSON.stringify(line)}`, () => {
    assert.deepEqual(parseAssignment(line), expected);
  });
}

const broken: Record<string, string> = {
  'A="b" c': 'A 7 "c" follows the closing quote: quote the whole value',
  ' A = "b': 'A 6 The quote of this value is never closed',
  'A=b\0c': 'A 4 A variable cannot hold a NUL byte',
  ' export  A="b"': 'A 2 A crontab is no shell script: write "A=" without "export"',
};
test('readAssignment() tells what is wrong with a line that begins as one', () => {
  for (const [line, expected] of Object.entries(broken)) {
    const assignment = readAssignment(line);
    assert.ok(assignment !== null && !assignment.value.ok, line);
    const { column, reason, message } = assignment.value.fault;
    assert.equal(`${assignment.name} ${column} ${message}`, expected);
    assert.equal(reason, 'bad minute');
  }
});

test('parseAssignment() reads back every name and value that can be written', () => {
  const name = fc.stringMatching(/^[A-Za-z_.*@][A-Za-z0-9_."'*]{0,9}$/);
  const value = fc.string({ unit: fc.constantFrom(...'ab =#$%\\\t\xc3"'.split('')) });
  fc.assert(
    fc.property(name, value, (key, text) => {
      assert.deepEqual(parseAssignment(`${key}='${text}'`), [key, text]);
      assert.deepEqual(parseAssignment(`"${key.replaceAll('"', '')}" = '${text}' `)?.[1], text);
    }),
  );
});

test('parseAssignment() never throws and never gives a name that environ(7) could not hold', () => {
  const line = fc.string({
    unit: fc.constantFrom(...'AB= \t"\'#*\0\r1export'.split('')),
    maxLength: 30,
  });
  fc.assert(
    fc.property(line, (text) => {
      const [name, value] = parseAssignment(text) ?? ['A', ''];
      assert.ok(name !== '' && !/[=\0]/.test(name) && !value.includes('\0'));
    }),
    { numRuns: 5000 },
  );
});

const tab: Environment = [
  ['A', '1'],
  ['B', '2'],
];

test('assign() replaces in place, appends, and leaves the old environment alone', () => {
  assert.deepEqual(assign(tab, 'A', '3'), [
    ['A', '3'],
    ['B', '2'],
  ]);
  assert.deepEqual(assign(tab, 'C', '3'), [...tab, ['C', '3']]);
  assert.deepEqual(tab, [
    ['A', '1'],
    ['B', '2'],
  ]);
});

test('lookup() finds a value, an empty one too', () => {
  assert.equal(lookup(tab, 'B'), '2');
  assert.equal(lookup([['A', '']], 'A'), '');
  assert.equal(lookup(tab, 'constructor'), undefined);
});

/** An environment as `env` prints it, on one line. */
function printed(environment: Environment): string {
  return environment.map(([name, value]) => `${name}=${value}`).join(' ');
}

test('jobEnvironment() gives the defaults of Debian, and USER', () => {
  const { cron, job } = jobEnvironment([], [], 'alice', '/home/alice');
  const expected = 'SHELL=/bin/sh HOME=/home/alice PATH=/usr/bin:/bin LOGNAME=alice';
  assert.equal(printed(cron), expected);
  assert.equal(printed(job), `${expected} USER=alice`);
});

test('jobEnvironment() puts assignments first, then only the defaults that they lack', () => {
  const { cron } = jobEnvironment(
    [],
    [
      ['PATH', '/opt/bin'],
      ['MAILTO', ''],
      ['HOME', '/tmp'],
    ],
    'alice',
    '/home/alice',
  );
  assert.equal(printed(cron), 'PATH=/opt/bin MAILTO= HOME=/tmp SHELL=/bin/sh LOGNAME=alice');
});

test('jobEnvironment() forces LOGNAME but lets a crontab set USER', () => {
  const { cron, job } = jobEnvironment(
    [],
    [
      ['LOGNAME', 'root'],
      ['USER', 'bob'],
    ],
    'alice',
    '/',
  );
  assert.equal(printed(cron), 'LOGNAME=alice USER=bob SHELL=/bin/sh HOME=/ PATH=/usr/bin:/bin');
  assert.equal(printed(job), printed(cron));
});

test('jobEnvironment() merges over what PAM gives, whose PATH loses and whose USER stays', () => {
  const base: Environment = [
    ['LANG', 'C'],
    ['PATH', '/usr/local/bin'],
    ['USER', 'pam'],
  ];
  const { cron, job } = jobEnvironment(base, [['LANG', 'de_DE']], 'alice', '/a');
  assert.equal(printed(cron), 'LANG=de_DE SHELL=/bin/sh HOME=/a PATH=/usr/bin:/bin LOGNAME=alice');
  assert.equal(
    printed(job),
    'LANG=de_DE PATH=/usr/bin:/bin USER=pam SHELL=/bin/sh HOME=/a LOGNAME=alice',
  );
});

test('jobEnvironment() hands on what is passed: over PAM’s, and a PATH in place of cron’s', () => {
  const base: Environment = [
    ['LANG', 'C'],
    ['TZ', 'UTC'],
  ];
  const passed: Environment = [
    ['TZ', 'Asia/Tokyo'],
    ['PATH', '/usr/local/bin:/usr/bin'],
  ];
  const { cron, job } = jobEnvironment(base, [['LANG', 'de_DE']], 'alice', '/a', passed);
  const own = 'SHELL=/bin/sh HOME=/a';
  assert.equal(printed(cron), `LANG=de_DE ${own} PATH=/usr/local/bin:/usr/bin LOGNAME=alice`);
  assert.equal(
    printed(job),
    `LANG=de_DE TZ=Asia/Tokyo PATH=/usr/local/bin:/usr/bin ${own} LOGNAME=alice USER=alice`,
  );
  const assigned = jobEnvironment(base, [['PATH', '/bin']], 'alice', '/a', passed);
  assert.match(printed(assigned.job), / PATH=\/bin /);
});

const files: Record<string, string> = {
  'A=b\n': 'A=b',
  'A=b': 'A=b',
  '  A=b\n\n# c\n\tB=d\n': 'A=b B=d',
  'A=b # c\n': 'A=b ',
  'A="b#c"\n': 'A=b',
  'A="b c"\nB=\'d\'\n': 'A=b c B=d',
  'A="b\'\n': 'A=b',
  'A="b\n': 'A=b',
  'A=b"\n': 'A=b"',
  'A="b"c"\n': 'A=b"c',
  'A="\nB=""\n': 'A= B=',
  'export A=b\nexport  B=c\nexport=d\n': 'A=b export=d',
  'A=\n': 'A=',
  'A=1\nB=2\nA\n': 'B=2',
  'A=1\nA=2\n': 'A=2',
  '=x\nA-B=c\nA B=c\nA =c\n\xc3=d\n': '',
  'A=b\\\n  c\nB=d\n': 'A=bc B=d',
  'A=b \\ \n# c\nB=d\n': 'A=b  B=d',
  'A=b\\': '',
  'A=b\\\\c\n': 'A=b\\\\c',
  'A=$B ${C}\n': 'A=$B ${C}',
  'A=b\0c\n': 'A=b',
};
for (const [text, expected] of Object.entries(files)) {
  test(`parseEnvironmentFile() reads ${JSON.stringify(text)} as pam_env does`, () => {
    assert.equal(printed(parseEnvironmentFile(text)), expected);
  });
}
