import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { values, type Draw } from '../../src/core/field.ts';
import { isWild, parseSchedule, type Schedule } from '../../src/core/schedule.ts';

const lowest: Draw = (low) => low;

function read(line: string, start = 0): { schedule: Schedule; end: number } {
  const parsed = parseSchedule(line, start, lowest);
  assert.ok(parsed.ok, parsed.ok ? '' : parsed.fault.message);
  return parsed.value;
}

/** The five sets of a schedule, with a star before those that were written with one. */
function told(schedule: Schedule): string {
  if (schedule.kind === 'reboot') return 'reboot';
  return [schedule.minute, schedule.hour, schedule.dom, schedule.month, schedule.dow]
    .map((field) => {
      const found = values(field);
      const set = found.length > 6 ? `${found[0]}..${found.at(-1)}` : found.join(',');
      return `${field.star ? '*' : ''}${set}`;
    })
    .join(' ');
}

const schedules: Record<string, string> = {
  '0 0 1 1 0': '0 0 1 1 0,7',
  '* * * * *': '*0..59 *0..23 *1..31 *1..12 *0..7',
  '*/20 9-17/4 1,15 jan-mar mon-fri': '*0,20,40 9,13,17 1,15 1,2,3 1,2,3,4,5',
  '5\t6 \t 7  8\t\t3': '5 6 7 8 3',
  '~ ~ ~ ~ ~': '0 0 1 1 0,7',
  '@reboot': 'reboot',
  '@yearly': '0 0 1 1 *0..7',
  '@annually': '0 0 1 1 *0..7',
  '@monthly': '0 0 1 *1..12 *0..7',
  '@weekly': '0 0 *1..31 *1..12 0,7',
  '@daily': '0 0 *1..31 *1..12 *0..7',
  '@midnight': '0 0 *1..31 *1..12 *0..7',
  '@hourly': '0 *0..23 *1..31 *1..12 *0..7',
};
for (const [text, expected] of Object.entries(schedules)) {
  test(`parseSchedule() reads ${JSON.stringify(text)}`, () => {
    assert.equal(told(read(text).schedule), expected);
  });
}

test('parseSchedule() ends at the next word, or at the end of the line', () => {
  assert.equal(read('* * * * * cmd').end, 10);
  assert.equal(read('* * * * *\t \tcmd').end, 12);
  assert.equal(read('* * * * *').end, 9);
  assert.equal(read('* * * * *  ').end, 11);
  assert.equal(read('@daily  cmd').end, 8);
  assert.equal(read('@reboot').end, 7);
  assert.equal(read('-1 2 3 4 5 x', 1).end, 11);
});

const faults: Record<string, string> = {
  '60 * * * * x': '1 bad minute',
  '* 24 * * * x': '3 bad hour',
  '* * 0 * * x': '5 bad day-of-month',
  '* * * 13 * x': '7 bad month',
  '* * * * 8 x': '9 bad day-of-week',
  '*  *\t1,2,x * * x': '10 bad day-of-month',
  '': '1 bad minute',
  '*': '2 bad hour',
  '* *': '4 bad day-of-month',
  '* * *': '6 bad month',
  '* * * * ': '9 bad day-of-week',
  '@Daily x': '1 bad time specifier',
  '@never x': '1 bad time specifier',
  '@': '1 bad time specifier',
  '@daily, x': '1 bad time specifier',
  '@constructor x': '1 bad time specifier',
};
test('parseSchedule() points at the field that is wrong, or missing', () => {
  for (const [line, expected] of Object.entries(faults)) {
    const parsed = parseSchedule(line, 0, lowest);
    assert.equal(
      parsed.ok ? 'accepted' : `${parsed.fault.column} ${parsed.fault.reason}`,
      expected,
      line,
    );
  }
});

test('parseSchedule() counts columns from the start of the line', () => {
  const parsed = parseSchedule('  -* * 32 * * x', 3, lowest);
  assert.equal(!parsed.ok && parsed.fault.column, 8);
});

test('parseSchedule() asks whether a nickname in capitals was meant in lower case', () => {
  const parsed = parseSchedule('@Daily x', 0, lowest);
  assert.match(parsed.ok ? '' : parsed.fault.message, /did you mean "@daily"\?/);
});

test('parseSchedule() lists the nicknames to one who has invented another', () => {
  const parsed = parseSchedule('@minutely x', 0, lowest);
  assert.match(parsed.ok ? '' : parsed.fault.message, /no "@minutely".*@reboot.*@hourly/);
});

test('parseSchedule() warns at the place in the line', () => {
  const columns: number[] = [];
  parseSchedule('* * */40 * */9 x', 0, lowest, (fault) => columns.push(fault.column));
  assert.deepEqual(columns, [7, 14]);
});

test('isWild() is true with a star in minute or hour, however it goes on', () => {
  const table: Record<string, boolean> = {
    '* 5 * * *': true,
    '*/15 2 * * *': true,
    '0 * * * *': true,
    '0 */6 * * *': true,
    '0-59 * * * *': true,
    '@hourly': true,
    '0 2 * * *': false,
    '0-59 0-23 * * *': false,
    '30 1-5 * * *': false,
    '@daily': false,
    '@reboot': false,
  };
  for (const [text, wild] of Object.entries(table)) {
    assert.equal(isWild(read(text).schedule), wild, text);
  }
});

test('parseSchedule() never throws and never points outside of the line', () => {
  const line = fc.string({
    unit: fc.constantFrom(...'0123456789*/-,~ \t@dailyreboot#%'.split('')),
    maxLength: 40,
  });
  fc.assert(
    fc.property(line, (text) => {
      const parsed = parseSchedule(text, 0, lowest);
      const place = parsed.ok ? parsed.value.end + 1 : parsed.fault.column;
      assert.ok(place >= 1 && place <= text.length + 1);
    }),
    { numRuns: 5000 },
  );
});
