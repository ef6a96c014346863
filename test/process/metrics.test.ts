/** Metrics, asked for and in a file of node_exporter's. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { describe, test } from 'node:test';
import { me, openSandbox, type Sandbox } from '../support/sandbox.ts';
import { until } from '../support/wait.ts';

async function ask(sandbox: Sandbox): Promise<string> {
  const { ended } = sandbox.spawn('cronctl', ['metrics', '--config', sandbox.config], {});
  const { stdout, status } = await ended;
  assert.equal(status, 0);
  return stdout;
}

describe('metrics', () => {
  test('count what ran, and what runs', async (t) => {
    const sandbox = openSandbox(t, { metrics: { per_entry: true } });
    sandbox.tab('@reboot true\n@reboot exit 3\n@reboot echo hello\n@reboot sleep 60\n');
    await sandbox.start();
    const text = await until('all three are counted', async () => {
      const now = await ask(sandbox);
      return new RegExp(`mailcron_runs_total\\{user="${me}",outcome="succeeded"\\} 2\n`).test(
        now,
      ) && now.includes(`outcome="failed"} 1\n`)
        ? now
        : undefined;
    });
    for (const line of [
      'mailcron_crontabs 1',
      `mailcron_entries{user="${me}"} 4`,
      `mailcron_running_jobs{user="${me}"} 1`,
      `mailcron_mails_total{user="${me}",fate="mailer"} 1`,
      `mailcron_output_bytes_total{user="${me}"} 6`,
      `mailcron_duration_seconds_count{user="${me}"} 3`,
      'mailcron_outbox_mails{state="waiting"} 0',
      '# EOF',
    ])
      assert.ok(text.split('\n').includes(line), `${line}\n${text}`);
    assert.match(
      text,
      new RegExp(
        `\nmailcron_entry_last_failure_timestamp_seconds\\{crontab="${me}",line="2",entry="[^"]+",user="${me}"\\} \\d`,
      ),
    );
  });

  test('are in a file that all may read, each minute', async (t) => {
    const sandbox = openSandbox(t);
    const textfile = sandbox.path('cron.prom');
    sandbox.configure({ metrics: { textfile } });
    await sandbox.start();
    await until('it is there', () => existsSync(textfile), { limit: 70_000 });
    assert.match(readFileSync(textfile, 'utf8'), /\nmailcron_crontabs 0\n[^]*# EOF\n$/);
    assert.equal(statSync(textfile).mode & 0o777, 0o644);
    assert.deepEqual(
      readdirSync(sandbox.root).filter((name) => name.startsWith('cron.prom.')),
      [],
    );
  });

  test('that cannot be written are complained of, and nothing else suffers', async (t) => {
    const sandbox = openSandbox(t);
    sandbox.configure({ metrics: { textfile: sandbox.path('missing', 'cron.prom') } });
    await sandbox.start();
    const logged = (): string[] => sandbox.logged(/cannot write ".*cron\.prom": no such file/);
    await until('it is logged', () => logged().length === 1, { limit: 70_000 });
  });
});
