import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inColours, inPlain } from '../../src/cli/colours.ts';

const shown = (text: string): string =>
  inColours(Buffer.from(text, 'latin1'), 'alice').toString('latin1');

test('inColours() colours times, names and comments, and ends each colour', () => {
  assert.equal(
    shown('# x\nA=b\n@daily true\n'),
    '\x1b[2m# x\x1b[0m\n\x1b[32mA\x1b[0m=b\n\x1b[36m@daily \x1b[0mtrue\n',
  );
});

test('inColours() keeps what is UTF-8, or no text at all', () => {
  const text = '@daily echo \xc3\xa9\xe2\x82\xac\xff\t\x9b\n';
  assert.ok(shown(text).endsWith('echo \xc3\xa9\xe2\x82\xac\xff\t\x9b\n'));
});

test('inColours() lets nothing of a table command the terminal', () => {
  const text = '# \x1b[2J\x07\x7f\xc2\x9b31m\r\n';
  const reverse = (mark: string): string => `\x1b[7m${mark}\x1b[27m`;
  const [esc, bell, del, csi, cr] = ['^[', '^G', '^?', '^[', '^M'].map(reverse);
  assert.equal(shown(text), `\x1b[2m# ${esc}[2J${bell}${del}${csi}31m${cr}\x1b[0m\n`);
});

test('inPlain() lets nothing of a table command the terminal, and keeps the rest', () => {
  const text = '\t# \x1b[2J\x07\x7f\xc2\x9b31m\r\n\n@daily \xc3\xa9\xff\n';
  const plain = inPlain(Buffer.from(text, 'latin1')).toString('latin1');
  assert.equal(plain, '\t# ^[[2J^G^?^[31m^M\n\n@daily \xc3\xa9\xff\n');
});
