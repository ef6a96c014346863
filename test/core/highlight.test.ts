import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { highlight } from '../../src/core/highlight.ts';
import { refuseSetting } from '../../src/core/settings.ts';

const user = { kind: 'user', owner: 'alice', seed: '', refuse: refuseSetting } as const;

/** The pieces in one line: `time|0 5 * * * ` and so on, without those of no meaning. */
function told(text: string, options: Parameters<typeof highlight>[1] = user): string[] {
  return highlight(text, options)
    .filter(({ meaning }) => meaning !== 'plain')
    .map(({ meaning, text: part }) => `${meaning}|${part}`);
}

const table: Record<string, readonly string[]> = {
  '': [],
  '\n  \n': [],
  '  # a = b\n': ['comment|  # a = b'],
  'MAILTO=ops@example.com\n': ['name|MAILTO', 'value|ops@example.com'],
  ' "A B" = "x"\n': ['name| "A B" ', 'value| "x"'],
  '0 5 * * 1  backup %in\n': ['time|0 5 * * 1  ', 'command|backup ', 'input|%in'],
  '\t@daily\tdate +\\%F\n': ['time|@daily\t', 'command|date +\\%F'],
  '* * * * * -n -q x=1\n': ['time|* * * * * ', 'flag|-n -q ', 'command|x=1'],
  '61 * * * * x\n': ['bad|61 * * * * x'],
  'CRON_TZ=Mars\n* * * * * waits\n': ['bad|CRON_TZ=Mars'],
  '* * * * * x': ['bad|* * * * * x'],
  '* * * * * x\r\n': ['time|* * * * * ', 'command|x\r'],
};
for (const [text, expected] of Object.entries(table)) {
  test(`highlight() of ${JSON.stringify(text)}`, () => {
    assert.deepEqual(told(text), expected);
  });
}

test('highlight() knows the user column and the dash of a system crontab', () => {
  const system = { kind: 'system', owner: '', seed: '' } as const;
  assert.deepEqual(told('-17 * * * * root -s run\n', system), [
    'flag|-',
    'time|17 * * * * ',
    'user|root ',
    'flag|-s ',
    'command|run',
  ]);
});

test('highlight() loses nothing and adds nothing', () => {
  const line = fc.string({
    unit: fc.constantFrom(...'0 1 5 9 * / - , ~ @ \t \\ % = " # a M T \r \0 \xff'.split(/( )/)),
  });
  const text = fc.array(line).map((lines) => lines.join('\n'));
  fc.assert(
    fc.property(text, (given) => {
      const pieces = highlight(given, user);
      assert.equal(pieces.map((piece) => piece.text).join(''), given);
    }),
  );
});
