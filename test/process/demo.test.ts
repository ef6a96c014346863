/** The demo, from a copy of the project: each start mails at once, also when there were others before. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { me, openSandbox } from '../support/sandbox.ts';
import { until } from '../support/wait.ts';

const project = new URL('../../../', import.meta.url).pathname;

test('npm start mails at once, each time', async (t) => {
  const sandbox = openSandbox(t);
  const copy = sandbox.path('copy');
  for (const name of ['package.json', 'crontabs', 'dist/src'])
    cpSync(join(project, name), join(copy, name), { recursive: true });
  symlinkSync(join(project, 'node_modules'), join(copy, 'node_modules'));
  for (const count of [1, 2]) {
    const demo = spawn(process.execPath, [join(copy, 'dist/src/cli/demo.js')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    t.after(() => demo.kill('SIGKILL'));
    let said = '';
    demo.stdout.on('data', (data: Buffer) => (said += data.toString()));
    const evidence = (): string => said;
    const mail = /mail for \S+: Cron <\S+> echo "Hello from cron\./;
    await until('it tells of the first mail', () => mail.test(said), { evidence });
    demo.kill('SIGINT');
    await once(demo, 'close');
    assert.equal(demo.exitCode, 0, said);
    const mailbox = readFileSync(join(copy, '.demo/mail', me), 'latin1');
    assert.equal(mailbox.split('\nHello from cron. ').length - 1, count);
  }
});
