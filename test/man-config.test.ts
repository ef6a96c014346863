import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { type Config, CONFIG, readConfig } from '../src/system/config.ts';
import { Failure } from '../src/system/failure.ts';

const page = readFileSync(new URL('../../man/mailcron.toml.5', import.meta.url), 'utf8');
const folder = mkdtempSync(join(tmpdir(), 'man-config-'));
after(() => rmSync(folder, { recursive: true }));

/** What of valibot's schemas is looked at here. */
interface Shape {
  readonly type: string;
  readonly entries?: Readonly<Record<string, Shape>>;
  readonly wrapped?: Shape;
  readonly default?: unknown;
  readonly item?: Shape;
  readonly options?: readonly unknown[];
  readonly pipe?: readonly Step[];
}

interface Step {
  readonly type: string;
  readonly requirement?: unknown;
}

interface Setting {
  /** `mail.smtp`, and `host`. */
  readonly section: string;
  readonly name: string;
  readonly shape: Shape;
  readonly fallback: unknown;
}

/** Every setting of a section and of those in it. */
function settingsOf(shape: Shape, section: string): Setting[] {
  return Object.entries(shape.entries ?? {}).flatMap(([name, one]) => {
    const inner = one.wrapped ?? one;
    const path = section === '' ? name : `${section}.${name}`;
    if (inner.entries !== undefined) return settingsOf(inner, path);
    return [{ section, name, shape: inner, fallback: one.default }];
  });
}

const settings = settingsOf(CONFIG, '');

/** Text of the page as a reader sees it, for what these tests look for. */
const plain = (text: string): string =>
  text
    .replaceAll('\\(dq', '"')
    .replaceAll('\\&', '')
    .replaceAll('\\e', '\\')
    .replaceAll(/^\.[A-Z][a-z] /gm, '')
    .replaceAll(/\s+/g, ' ');

/** The items of the page: `mail.smtp.host` → the default that is shown, or null; and the text. */
const items = new Map<string, { readonly shown: string | null; readonly text: string }>();
const [, body = ''] = /\n\.Ss (?<sections>[^]*?)\n\.Sh /.exec(page) ?? [];
for (const section of body.split('\n.Ss ')) {
  const name = /^\[(?<name>[a-z.]+)\]/.exec(section)?.groups?.['name'] ?? '';
  for (const item of section.split('\n.It Cm ').slice(1)) {
    const [head = '', ...lines] = item.split('\n');
    const { key = '', shown } = /^(?<key>\w+)(?: No = Li (?<shown>.*))?$/.exec(head)?.groups ?? {};
    items.set(`${name}.${key}`, {
      shown: shown === undefined ? null : plain(shown),
      text: plain(lines.join('\n')),
    });
  }
}

const said = ({ section, name }: Setting): string => `"${name}" below ".Ss [${section}]\\&"`;

test('there are settings, and every one of the page is one', () => {
  assert.ok(settings.length > 40);
  const known = new Set(settings.map(({ section, name }) => `${section}.${name}`));
  assert.deepEqual(
    [...items.keys()].filter((key) => !known.has(key)),
    [],
  );
});

for (const setting of settings) {
  const { section, name, shape, fallback } = setting;
  test(`mailcron.toml.5 tells of [${section}] ${name}`, () => {
    const item = items.get(`${section}.${name}`);
    assert.ok(
      item,
      `src/system/config.ts has a setting that man/mailcron.toml.5 has not: put ${said(setting)}, as ".It Cm ${name} No = Li DEFAULT" and a sentence; no other page or README need list it`,
    );
    assert.ok(item.text.length > 10, `${said(setting)} has no text`);
    const shown = item.shown === null ? undefined : valueOf(section, name, item.shown);
    assert.deepEqual(shown, fallback, `the default of ${said(setting)}`);
    if (fallback === undefined) assert.match(item.text, /\bwithout it\b|\bneeded\b/i);
    for (const limit of limitsOf(shape))
      assert.ok(
        numbersIn(item.text).includes(limit),
        `${said(setting)} does not tell of its limit ${limit}`,
      );
    if (shape.type === 'number')
      assert.equal(
        !shape.pipe?.some(({ type }) => type === 'integer'),
        item.text.includes('fraction'),
        `whether a fraction is allowed for ${said(setting)}`,
      );
    for (const option of optionsOf(shape))
      assert.ok(item.text.includes(option), `${said(setting)} does not tell of "${option}"`);
  });
}

/** A default as TOML has it: what the configuration makes of it. */
function valueOf(section: string, name: string, value: string): unknown {
  let found: unknown = read(`[${section}]\n${name} = ${value}\n`);
  for (const key of [...section.split('.'), name])
    found = found instanceof Object ? Object.entries(found).find(([at]) => at === key)?.[1] : null;
  return found;
}

function limitsOf({ pipe = [] }: Shape): number[] {
  return pipe
    .filter(({ type }) => ['min_value', 'max_value', 'max_bytes'].includes(type))
    .map(({ requirement }) => Number(requirement));
}

const numbersIn = (text: string): number[] =>
  (text.match(/\d[\d,_]*(?:\.\d+)?/g) ?? []).map((word) => Number(word.replaceAll(/[,_]/g, '')));

function optionsOf({ options, item }: Shape): string[] {
  return (options ?? item?.options ?? []).filter((option) => typeof option === 'string');
}

function read(text: string): Config {
  const file = join(folder, 'mailcron.toml');
  writeFileSync(file, text);
  return readConfig({ config: file }, {});
}

/** The displays behind a mark, as they are read. */
function displays(mark: string): string[] {
  const found = page.matchAll(/^\.\\" (?<mark>\w+)\n\.Bd -literal[^\n]*\n(?<text>[^]*?)^\.Ed$/gm);
  return [...found]
    .filter(({ groups }) => groups?.['mark'] === mark)
    .map(({ groups }) => (groups?.['text'] ?? '').replaceAll('\\&', ''));
}

test('each example of mailcron.toml.5 is a configuration', () => {
  const examples = displays('toml');
  assert.equal(examples.length + displays('complaints').length, page.split('\n.Bd ').length - 1);
  for (const text of examples) assert.notDeepEqual(read(text), read(''));
});

test('mailcron.toml.5 shows complaints as they are', () => {
  const wrong = '[paths]\nspool = "x"\n[jobs]\nnofiles = 1\nnofile = 3\n';
  let complaints: string[] = [];
  try {
    read(wrong);
  } catch (error) {
    assert.ok(error instanceof Failure, String(error));
    assert.equal(error.exit, 78);
    complaints = error.message.replaceAll(folder, '/etc').split('\n');
  }
  const [shown = ''] = displays('complaints');
  assert.deepEqual(new Set(shown.trim().split('\n')), new Set(complaints));
});

/** The configurations in a page of markdown. */
function blocks(file: string): string[] {
  const text = readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8');
  return [...text.matchAll(/^ *```toml\n(?<text>[^]*?)^ *```$/gm)].map(
    ({ groups }) => groups?.['text'] ?? '',
  );
}

test('README.md shows defaults', () => {
  const [shown = ''] = blocks('README.md');
  assert.deepEqual(read(shown), read(''));
});

test('each configuration in docs is one', () => {
  const docs = readdirSync(new URL('../../docs/', import.meta.url)).map((name) => `docs/${name}`);
  const found = docs.flatMap((file) => blocks(file).map((text) => ({ file, text })));
  assert.ok(found.length > 2);
  for (const { file, text } of found) assert.doesNotThrow(() => read(text), `${file}: ${text}`);
});
