/** Which mail system a program belongs to: by its links, its name and its bytes. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { detect } from '../../src/mail/detect.ts';
import { errorOf, instead } from '../support/builtins.ts';

const folder = mkdtempSync(join(tmpdir(), 'detect-'));
after(() => rmSync(folder, { recursive: true }));

test('detect() follows links to a name that it knows', () => {
  const exim = join(folder, 'exim4');
  writeFileSync(exim, '');
  symlinkSync(exim, join(folder, 'alternative'));
  symlinkSync('alternative', join(folder, 'linked'));
  assert.deepEqual(detect(join(folder, 'linked')), {
    name: 'exim4',
    because: `${folder}/linked is ${exim}`,
  });
});

/** What is in a program named "sendmail", and whose it is. */
const contents: Record<string, string | undefined> = {
  '\x7fELF...warn: the Postfix sendmail command has set-uid root...': 'postfix',
  '\x7fELF...nullmailer-inject...': 'nullmailer',
  '\x7fELF...DragonFly Mail Agent v0.13': 'dma',
  '\x7fELF...214-2.0.0 This is Sendmail version %s': 'sendmail',
  '\x7fELF...': undefined,
  '#!/bin/sh\n# in place of the Postfix sendmail command\nexec msmtp "$@"\n': undefined,
  '': undefined,
};
for (const [text, name] of Object.entries(contents))
  test(`detect() finds ${name ?? 'nobody'} in ${JSON.stringify(text)}`, () => {
    const file = join(folder, 'sendmail');
    writeFileSync(file, text);
    assert.equal(detect(file)?.name, name);
  });

test('detect() looks again when the file is another one', () => {
  const file = join(folder, 'changing');
  writeFileSync(file, 'nullmailer-inject');
  assert.equal(detect(file)?.name, 'nullmailer');
  rmSync(file);
  writeFileSync(file, '/libexec/opensmtpd/');
  assert.equal(detect(file)?.name, 'opensmtpd');
});

test('detect() looks again at what could not be opened', (t) => {
  const file = join(folder, 'refused');
  writeFileSync(file, '\x7fELF nullmailer-inject');
  const full = instead(t, 'openSync', () => () => {
    throw errorOf('EMFILE');
  });
  assert.equal(detect(file), null);
  full.restore();
  assert.equal(detect(file)?.name, 'nullmailer');
});

test('detect() finds nobody in what is no file, and does not hang', () => {
  mkdirSync(join(folder, 'directory'));
  spawnSync('mkfifo', [join(folder, 'fifo')]);
  for (const name of ['directory', 'fifo', 'nothing'])
    assert.equal(detect(join(folder, name)), null);
});
