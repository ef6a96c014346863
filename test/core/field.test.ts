import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  DOM,
  DOW,
  HOUR,
  MINUTE,
  MONTH,
  has,
  parseField,
  values,
  type Draw,
  type Range,
} from '../../src/core/field.ts';
import type { Fault } from '../../src/core/problem.ts';

const lowest: Draw = (low) => low;
const highest: Draw = (_, high) => high;

/** A field's values, or its fault as `column reason`. */
function read(text: string, range: Range, draw = lowest): readonly number[] | string {
  const field = parseField(text, range, draw);
  return field.ok ? values(field.value) : `${field.fault.column} ${field.fault.reason}`;
}

function message(text: string, range: Range): string {
  const field = parseField(text, range, lowest);
  assert.ok(!field.ok, `${text} is accepted`);
  return field.fault.message;
}

function upTo(high: number, low = 0): number[] {
  return Array.from({ length: high - low + 1 }, (_, index) => low + index);
}

function readTable(
  name: string,
  range: Range,
  table: Record<string, readonly number[] | string>,
): void {
  test(`parseField() reads a ${name}`, () => {
    for (const [text, expected] of Object.entries(table)) {
      assert.deepEqual(read(text, range), expected, JSON.stringify(text));
    }
  });
}

readTable('minute', MINUTE, {
  '0': [0],
  '59': [59],
  '007': [7],
  '5,5,4': [4, 5],
  '31,32,33': [31, 32, 33],
  '*': upTo(59),
  '0-59': upTo(59),
  '10-12': [10, 11, 12],
  '7-7': [7],
  '*/20': [0, 20, 40],
  '*/59': [0, 59],
  '1-9/4': [1, 5, 9],
  '1-10/4,50': [1, 5, 9, 50],
  '*/30,*/20': [0, 20, 30, 40],
  '*,5': upTo(59),
  '5-59/15': [5, 20, 35, 50],
  '60': '1 bad minute',
  '1,2,60': '5 bad minute',
  '0-60': '3 bad minute',
  '99999999999999999999999999': '1 bad minute',
  '18446744073709551621': '1 bad minute',
});

readTable('field with junk in it as vixie should have', MINUTE, {
  '': '1 bad minute',
  ' ': '1 bad minute',
  '5x': '2 bad minute',
  '5!': '2 bad minute',
  '5-7!': '4 bad minute',
  '*foo': '2 bad minute',
  '**': '2 bad minute',
  '*-5': '2 bad minute',
  '*5': '2 bad minute',
  ',5': '1 bad minute',
  '5,': '3 bad minute',
  '5,,6': '3 bad minute',
  '-5': '1 bad minute',
  '5-': '3 bad minute',
  '1-2-3': '4 bad minute',
  '+5': '1 bad minute',
  '1.5': '2 bad minute',
  '0x10': '2 bad minute',
  '1e1': '2 bad minute',
  '?': '1 bad minute',
  foo: '1 bad minute',
  '5\u0000': '2 bad minute',
  '5\u00a0': '2 bad minute',
  '5\r': '2 bad minute',
});

readTable('step', MINUTE, {
  '*/0': '3 bad minute',
  '*/00': '3 bad minute',
  '*/': '3 bad minute',
  '*/-5': '3 bad minute',
  '*/5/2': '4 bad minute',
  '*/x': '3 bad minute',
  '1-9/0': '5 bad minute',
  '5/15': '2 bad minute',
  '0,5/15': '4 bad minute',
  '/5': '1 bad minute',
  '*/60': [0],
  '*/99999999999999999999': [0],
  '30-40/11': [30],
});

readTable('range that runs backwards', MINUTE, {
  '30-10': '4 bad minute',
  '1-0': '3 bad minute',
  '50-0': '4 bad minute',
});

readTable('hour', HOUR, {
  '0,23': [0, 23],
  '*/12': [0, 12],
  '24': '1 bad hour',
  sun: '1 bad hour',
});

readTable('day of month', DOM, {
  '1,31': [1, 31],
  '*/10': [1, 11, 21, 31],
  '*': upTo(31, 1),
  '0': '1 bad day-of-month',
  '32': '1 bad day-of-month',
  L: '1 bad day-of-month',
});

readTable('month', MONTH, {
  jan: [1],
  'JAN,dEc': [1, 12],
  'feb-apr': [2, 3, 4],
  'jan-dec/3': [1, 4, 7, 10],
  '1-feb': [1, 2],
  '*': upTo(12, 1),
  '0': '1 bad month',
  '13': '1 bad month',
  january: '1 bad month',
  ja: '1 bad month',
  jan1: '1 bad month',
  sun: '1 bad month',
  'dec-jan': '5 bad month',
  'feb-0': '5 bad month',
});

readTable('day of week', DOW, {
  '0': [0, 7],
  '7': [0, 7],
  sun: [0, 7],
  'mon-fri': [1, 2, 3, 4, 5],
  'MON,Wed,fri': [1, 3, 5],
  '5-7': [0, 5, 6, 7],
  'sat-sun': [0, 6, 7],
  'fri-0': [0, 5, 6, 7],
  'mon-sun/2': [0, 1, 3, 5, 7],
  'sun-sun': [0, 7],
  'sun-sat': upTo(7),
  '7-0': [0, 7],
  '*/7': [0, 7],
  '*/2': [0, 2, 4, 6, 7],
  '8': '1 bad day-of-week',
  '7-1': '3 bad day-of-week',
  'sat-mon': '5 bad day-of-week',
  '5-0-1': '4 bad day-of-week',
});

test('parseField() takes the star flag from the first character alone', () => {
  const table: Record<string, boolean> = {
    '*': true,
    '*/2': true,
    '*,5': true,
    '5,*': false,
    '1-31': false,
    '~': false,
  };
  for (const [text, star] of Object.entries(table)) {
    const field = parseField(text, DOM, lowest);
    assert.equal(field.ok && field.value.star, star, text);
  }
});

test('parseField() draws one number for "~", between its ends', () => {
  const table: Record<string, readonly [Range, number, number]> = {
    '~': [MINUTE, 0, 59],
    '10~20': [MINUTE, 10, 20],
    '~20': [MINUTE, 0, 20],
    '10~': [MINUTE, 10, 59],
    '5~5': [MINUTE, 5, 5],
    'jan~mar': [MONTH, 1, 3],
    'fri~': [DOW, 5, 6],
  };
  for (const [text, [range, low, high]] of Object.entries(table)) {
    assert.deepEqual(read(text, range, lowest), [low], text);
    assert.deepEqual(read(text, range, highest), [high], text);
  }
});

test('parseField() gives Sunday no second chance in a random day of the week', () => {
  assert.deepEqual(read('~', DOW, highest), [6]);
  assert.deepEqual(read('fri~sun', DOW, highest), [0, 7]);
  assert.deepEqual(read('7~', DOW, highest), [0, 7]);
});

test('parseField() refuses "~" with a step, with junk, and backwards', () => {
  const table: Record<string, string> = {
    '0~30/5': '5 bad minute',
    '30~10': '4 bad minute',
    '1~2~3': '4 bad minute',
    '1-5~9': '2 bad minute',
    '*~5': '1 bad minute',
    '0~60': '3 bad minute',
    '0~30x': '5 bad minute',
  };
  for (const [text, expected] of Object.entries(table)) {
    assert.equal(read(text, MINUTE), expected, text);
  }
});

test('parseField() tells a draw its place, so that two of one list differ', () => {
  const places: string[] = [];
  const noting: Draw = (low, _, place) => {
    places.push(place);
    return low;
  };
  parseField('0~9,12,20~23', HOUR, noting);
  parseField('0~9', MINUTE, noting);
  assert.deepEqual(places, ['hour 0', 'hour 2', 'minute 0']);
});

test('parseField() says what was meant', () => {
  assert.match(message('5/15', MINUTE), /write "5-59\/15"/);
  assert.match(message('mon/2', DOW), /write "mon-7\/2"/);
  assert.match(message('30-10', MINUTE), /write "30-59,0-10"/);
  assert.match(message('Monday', DOW), /write "mon"/);
  assert.match(message('99', HOUR), /the hour is 0 to 23/);
  assert.match(message('foo', MONTH), /"foo" is no month: write jan to dec or 1 to 12/);
  assert.match(message('*/0', MONTH), /step of 0/);
  assert.match(message('*foo', DOM), /"foo" cannot follow "\*"/);
});

test('parseField() quotes at most forty printable characters of a field', () => {
  assert.match(
    message('\u0001\u00c3'.repeat(50_000), MINUTE),
    /^"(\^A\\303){20}\.\.\." is no minute/,
  );
});

test('parseField() keeps the first value of a step that is too large, and warns once a field', () => {
  const odd: Fault[] = [];
  const field = parseField('7,*/60,*/61', MINUTE, lowest, (fault) => odd.push(fault));
  assert.deepEqual(field.ok && values(field.value), [0, 7]);
  assert.deepEqual(
    odd.map(({ column, reason }) => `${column} ${reason}`),
    ['5 bad minute'],
  );
  assert.match(odd[0]?.message ?? '', /only 0 is left of "\*\/60"/);
});

test('parseField() does not warn of a step that reaches a second value', () => {
  for (const text of ['*/59', '5-5/1', '0-1/1', '*', '5']) {
    parseField(text, MINUTE, lowest, (fault) => assert.fail(`${text}: ${fault.message}`));
  }
});

test('has() knows all 64 places', () => {
  const field = { star: false, low32: 0x80000001, high32: 0x80000001 };
  assert.deepEqual(values(field), [0, 31, 32, 63]);
  assert.ok(has(field, 63) && !has(field, 62) && has(field, 31) && !has(field, 33));
});

const RANGES = { MINUTE, HOUR, DOM, MONTH, DOW };
const fieldText = fc.string({
  unit: fc.constantFrom(...'0123456789*/-,~ asunjx'.split('')),
  maxLength: 20,
});
const anyRange = fc.constantFrom(...Object.values(RANGES));

test('parseField() never throws, leaves no range empty and stays in it', () => {
  fc.assert(
    fc.property(fieldText, anyRange, fc.boolean(), (text, range, high) => {
      const field = parseField(text, range, high ? highest : lowest);
      if (!field.ok) {
        assert.equal(field.fault.reason, range.reason);
        assert.ok(field.fault.column >= 1 && field.fault.column <= text.length + 1);
        return;
      }
      const found = values(field.value);
      assert.ok(found.length > 0);
      assert.ok(found.every((value) => value >= range.low && value <= range.high));
      assert.ok(field.value.low32 >= 0 && field.value.high32 >= 0);
    }),
    { numRuns: 5000 },
  );
});

test('parseField() reads back any list of numbers and ranges', () => {
  const span = fc
    .tuple(fc.nat(59), fc.nat(59), fc.integer({ min: 1, max: 30 }))
    .map(([a, b, step]) => ({
      low: Math.min(a, b),
      high: Math.max(a, b),
      step,
    }));
  fc.assert(
    fc.property(fc.array(span, { minLength: 1, maxLength: 6 }), (spans) => {
      const text = spans.map(({ low, high, step }) => `${low}-${high}/${step}`).join(',');
      const expected = upTo(59).filter((value) =>
        spans.some(
          ({ low, high, step }) => value >= low && value <= high && (value - low) % step === 0,
        ),
      );
      assert.deepEqual(read(text, MINUTE), expected);
    }),
  );
});
