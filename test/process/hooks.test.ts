/** Failures and what was missed, as the administrator's programs hear of them. */
import assert from 'node:assert/strict';
import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { me, openSandbox, type Sandbox, type Settings } from '../support/sandbox.ts';
import { until } from '../support/wait.ts';

/** A hook that notes its arguments and its environment, NUL-separated, an empty string after each call. */
function hookIn(sandbox: Sandbox): string {
  const path = sandbox.path('hook');
  const told = sandbox.path('told');
  writeFileSync(
    path,
    `#!/bin/sh\n{ printf '%s\\0' "$*"; env -0; printf '\\0'; } >> ${told}.$$\nmv ${told}.$$ ${told}.$$.whole\n`,
  );
  chmodSync(path, 0o755);
  return path;
}

type Call = Readonly<Record<string, string>>;

/** What the hook was told, in no order. */
function callsOf(sandbox: Sandbox): Call[] {
  return readdirSync(sandbox.root).flatMap((name) => {
    if (!/^told\.\d+\.whole$/.test(name)) return [];
    const [args = '', ...variables] = readFileSync(sandbox.path(name), 'utf8').split('\0');
    const pairs = variables
      .filter((variable) => variable !== '')
      .map((variable) => variable.split(/=(.*)/s).slice(0, 2));
    return [{ args, ...Object.fromEntries(pairs) }];
  });
}

describe('hooks', () => {
  const open = (t: Parameters<typeof openSandbox>[0], hooks: Settings[string]): Sandbox => {
    const sandbox = openSandbox(t);
    const hook = hookIn(sandbox);
    sandbox.configure({
      hooks: {
        on_failure: [hook, 'failure', '--now'],
        on_missed: [hook, 'missed'],
        hook_user: me,
        ...hooks,
      },
    });
    return sandbox;
  };

  test('tell of each failure, with the facts and nothing of the crontab', async (t) => {
    const sandbox = open(t, {});
    sandbox.tab(
      'SECRET=x\nPATH=/evil:/usr/bin:/bin\n@reboot exit 3\n@reboot kill -9 $$; : a\tb\x1b[31m\n@reboot true\n',
    );
    await sandbox.start();
    const calls = await until(
      'both are told of',
      () => {
        const found = callsOf(sandbox);
        return found.length >= 2 ? found : undefined;
      },
      { evidence: () => sandbox.evidence() },
    );
    assert.equal(calls.length, 2);
    const exited = calls.find((call) => call['CRON_COMMAND'] === 'exit 3');
    assert.ok(exited);
    assert.equal(exited['args'], 'failure --now');
    const expected = {
      CRON_EVENT: 'failure',
      CRON_OUTCOME: 'failed',
      CRON_EXIT: '3',
      CRON_SIGNAL: undefined,
      CRON_USER: me,
      CRON_CRONTAB: me,
      CRON_LINE: '3',
      CRON_TEXT: '@reboot exit 3',
      CRON_MAIL: 'none',
      CRON_UNTOLD: '0',
      SECRET: undefined,
      LOGNAME: me,
      PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    };
    for (const [name, value] of Object.entries(expected)) assert.equal(exited[name], value, name);
    assert.match(exited['CRON_STARTED'] ?? '', /^\d{4}-\d\d-\d\dT.*Z$/);
    assert.match(exited['CRON_DURATION'] ?? '', /^\d+\.\d{3}$/);
    const killed = calls.find((call) => call !== exited);
    assert.equal(killed?.['CRON_SIGNAL'], 'SIGKILL');
    assert.equal(killed?.['CRON_COMMAND'], 'kill -9 $$; : a b [31m'); // no control characters
  });

  test('are at most so many a minute; the rest is counted', async (t) => {
    const sandbox = open(t, { per_minute: 3 });
    sandbox.tab('@reboot false\n'.repeat(8));
    await sandbox.start();
    await until('three are told of', () => callsOf(sandbox).length === 3);
    await until(
      'and it is logged',
      () => sandbox.logged(/more than 3 hooks a minute/).length === 1,
    );
    assert.equal(callsOf(sandbox).length, 3);
  });

  test('that fail or are not there are logged, and nothing else suffers', async (t) => {
    const sandbox = openSandbox(t);
    writeFileSync(sandbox.path('bad'), '#!/bin/sh\necho "no pager\x1b here"\nexit 4\n');
    chmodSync(sandbox.path('bad'), 0o755);
    sandbox.configure({ hooks: { on_failure: sandbox.path('bad'), hook_user: me } });
    sandbox.tab(`@reboot false\n@reboot sleep 1; touch ${sandbox.path('after')}\n`);
    await sandbox.start();
    await until(
      'it is logged',
      () => sandbox.logged(/hook ".*bad" failed with exit status 4: no pager/).length === 1,
    );
    await until('the other job runs', () => existsSync(sandbox.path('after')));
  });

  test('tell of an entry without a success in time, whose owner gets a mail, once', async (t) => {
    const sandbox = open(t, {});
    sandbox.tab('CRON_EXPECT=1s\n0 0 1 1 * exit 7\n');
    await sandbox.start();
    const [call] = await until(
      'it is told of',
      () => {
        const found = callsOf(sandbox);
        return found.length > 0 ? found : undefined;
      },
      { limit: 75_000, evidence: () => sandbox.evidence() },
    );
    assert.equal(call?.['args'], 'missed');
    assert.equal(call?.['CRON_OUTCOME'], 'overdue');
    assert.equal(call?.['CRON_COMMAND'], 'exit 7');
    const mail = await until('the mail is there', () => sandbox.mails()[0]);
    assert.match(mail.head, /^Subject: Cron <.*> cat # no success within 1s: exit 7$/m);
    assert.match(mail.body, /^This job has not succeeded within 1s \(CRON_EXPECT\):/);
  });
});
