import assert from 'node:assert/strict';
import { test } from 'node:test';
import { contentOf, refuseContent } from '../../src/core/content.ts';
import type { Environment } from '../../src/core/environment.ts';
import { Surveyor } from '../../src/core/survey.ts';

interface Case {
  readonly body: string;
  readonly charset?: string;
  readonly type?: string;
  readonly encoding?: string;
  readonly preface?: boolean;
}

/** `type | encoding | coding of the body, and of the preface where it is another`. */
function declared({ body, charset = 'UTF-8', type, encoding, preface = false }: Case): string {
  const environment: Environment = [
    ...(type === undefined ? [] : [['CONTENT_TYPE', type] as const]),
    ...(encoding === undefined ? [] : [['CONTENT_TRANSFER_ENCODING', encoding] as const]),
  ];
  const surveyor = new Surveyor();
  surveyor.add(Buffer.from(body, 'latin1'));
  const content = contentOf(environment, charset, surveyor.result, preface);
  const { coding, prefaceCoding } = content;
  const how = coding === prefaceCoding ? coding : `${coding}, ${prefaceCoding}`;
  return `${content.type} | ${content.encoding} | ${how}`;
}

const QP = 'quoted-printable | quoted-printable';
const BASE64 = 'base64 | base64';
/** With a tab that keeps sendmail from undoing an encoding of cron's. */
const text = (charset: string, rest: string): string =>
  `text/plain${rest === QP || rest === BASE64 ? '\t' : ''}; charset=${charset} | ${rest}`;
const long = `${'word '.repeat(400)}\n`;
const utf8 = 'Gr\xc3\xbc\xc3\x9fe\n';

const table: readonly (readonly [Case, string])[] = [
  [{ body: 'x' }, text('UTF-8', '8bit | none')],
  [{ body: utf8 }, text('UTF-8', '8bit | none')],
  [{ body: `latin1: \xfc and much more\n` }, text('UTF-8', QP)],
  [{ body: '\xff\xfe\xfd' }, text('UTF-8', QP)],
  [{ body: 'progress 1\rprogress 2\n' }, text('UTF-8', QP)],
  [{ body: 'a\0b, and more text\n' }, text('UTF-8', QP)],
  [{ body: long }, text('UTF-8', QP)],
  [{ body: '\0\x01\x02\x03\x80'.repeat(99) }, text('UTF-8', BASE64)],
  // The C locale.
  [{ body: 'x', charset: 'US-ASCII' }, text('US-ASCII', '8bit | none')],
  [{ body: utf8, charset: 'US-ASCII' }, text('UTF-8', '8bit | none')],
  [{ body: `${utf8}\r`, charset: 'US-ASCII' }, text('UTF-8', QP)],
  [{ body: 'only one \xfc here\n', charset: 'US-ASCII' }, text('unknown-8bit', QP)],
  // Other locales: every byte is a character.
  [{ body: '\xfc\xff\n', charset: 'ISO-8859-15' }, text('ISO-8859-15', '8bit | none')],
  [{ body: 'x\ry and more\n', charset: 'ISO-8859-15' }, text('ISO-8859-15', QP)],
  // CONTENT_TYPE.
  [{ body: 'x', type: 'text/html' }, 'text/html | 8bit | none'],
  [{ body: '\xff', type: 'text/html' }, 'text/html | 8bit | none'],
  [
    { body: '\xff, and more', type: 'text/html; charset=utf-8' },
    `text/html; charset=utf-8 | ${QP}`,
  ],
  [{ body: utf8, type: 'text/html; charset="UTF-8"' }, 'text/html; charset="UTF-8" | 8bit | none'],
  [
    { body: 'gr\xfcn', type: 'text/plain ;charset=us-ascii' },
    `text/plain\t;charset=us-ascii | ${QP}`,
  ],
  [{ body: 'x\ry, and more', type: 'text/plain' }, `text/plain\t; format=fixed | ${QP}`],
  [{ body: 'x\ry, and more', type: 'text/plainer' }, `text/plainer | ${QP}`],
  [{ body: '\xff', type: 'text/plain; charset=big5' }, 'text/plain; charset=big5 | 8bit | none'],
  [{ body: 'x', type: 'nonsense' }, text('UTF-8', '8bit | none')],
  [{ body: 'x', type: 'text/plain\rBcc: eve' }, text('UTF-8', '8bit | none')],
  [{ body: 'x', type: `text/plain; ${'x'.repeat(500)}` }, text('UTF-8', '8bit | none')],
  // CONTENT_TRANSFER_ENCODING: bytes as they are, or a job that encodes by itself.
  [{ body: 'x', encoding: '7bit' }, text('UTF-8', '7bit | none')],
  [{ body: utf8, encoding: '7bit' }, text('UTF-8', '8bit | none')],
  [{ body: 'x\ry, and more', encoding: 'binary' }, text('UTF-8', QP)],
  [{ body: 'x', encoding: 'a b' }, text('UTF-8', '8bit | none')],
  [
    { body: 'caf=E9', encoding: 'quoted-printable' },
    text('UTF-8', 'quoted-printable | none, quoted-printable'),
  ],
  [{ body: 'eHh4\r\n', encoding: 'BASE64' }, text('UTF-8', 'BASE64 | none, base64')],
  [{ body: 'begin 644 x\n', encoding: 'x-uuencode' }, text('UTF-8', 'x-uuencode | none')],
  [{ body: 'x\0y, and more', encoding: 'x-uuencode' }, text('UTF-8', QP)],
  [{ body: `${'eHh4'.repeat(300)}\n`, encoding: 'base64' }, text('UTF-8', QP)],
  // A multipart: nothing may encode the whole.
  [
    { body: '--b\n\n\xff', type: 'multipart/mixed; boundary=b' },
    'multipart/mixed; boundary=b | 8bit | none',
  ],
  [{ body: '--b\n\n\r and more', type: 'multipart/mixed; boundary=b' }, text('UTF-8', QP)],
  [
    { body: '--b\n', type: 'multipart/mixed; boundary=b', preface: true },
    text('UTF-8', '8bit | none'),
  ],
];
for (const [facts, expected] of table)
  test(`contentOf(${JSON.stringify(facts).slice(0, 100)})`, () => {
    assert.equal(declared(facts), expected);
  });

const refused: readonly (readonly [name: string, value: string, refused: boolean])[] = [
  ['CONTENT_TYPE', '', false],
  ['CONTENT_TYPE', 'text/html', false],
  ['CONTENT_TYPE', 'text/html; charset=utf-8', false],
  ['CONTENT_TYPE', 'text/html;charset="utf-8"; format=flowed', false],
  ['CONTENT_TYPE', 'html', true],
  ['CONTENT_TYPE', 'text/', true],
  ['CONTENT_TYPE', 'text/html charset=utf-8', true],
  ['CONTENT_TYPE', 'text/html; charset="utf-8', true],
  ['CONTENT_TYPE', 'text/html; charset=(utf-8', true],
  ['CONTENT_TYPE', 'text/html ; charset=utf-8 ;', false],
  ['CONTENT_TYPE', 'text/html; x=\xff', true],
  ['CONTENT_TYPE', 'text/html; x=\ry', true],
  ['CONTENT_TRANSFER_ENCODING', '', false],
  ['CONTENT_TRANSFER_ENCODING', '8bit', false],
  ['CONTENT_TRANSFER_ENCODING', 'Base64', false],
  ['CONTENT_TRANSFER_ENCODING', 'x-uuencode', false],
  ['CONTENT_TRANSFER_ENCODING', 'utf-8', true],
  ['CONTENT_TRANSFER_ENCODING', '8bit; x', true],
  ['MAILTO', 'nonsense/', false],
];
for (const [name, value, expected] of refused)
  test(`refuseContent() ${expected ? 'refuses' : 'takes'} ${name}=${JSON.stringify(value)}`, () => {
    assert.equal(refuseContent(name, value) !== null, expected);
  });
