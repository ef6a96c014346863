/** What cron logs in a booted Debian → what journalctl(1) shows of it, by Debian's tags and by fields. */
import assert from 'node:assert/strict';
import { realpathSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { type Box, holdBox, until } from '../support/system.ts';
import { booted } from './debian.ts';

const project = new URL('../../../', import.meta.url).pathname;
const modules = realpathSync(join(project, 'node_modules'));

const TAB = `\
@reboot echo lives; sleep 1000
@reboot exit 3
`;

/** A booted Debian whose cron is ours, straight from the project, with what its [log] says. */
async function open(t: TestContext, log: string): Promise<Box> {
  const binds = [`${project}:/src`, `${modules}:${modules}`].flatMap((bind) => ['--bind', bind]);
  const program = join(project, 'test/support/booted');
  const box = await holdBox(t, [program, 'bookworm', ...binds], 'BOOTED_PID');
  await box.run('systemctl stop cron');
  await box.write('/etc/mailcron.toml', `[paths]\nreboot = "/run/mailcron.reboot"\n[log]\n${log}`);
  await box.write('/var/spool/cron/crontabs/alice', TAB, 'alice', 0o600);
  // It is ready when this returns.
  await box.run(
    'systemd-run -q --unit=mailcron -p Type=notify -p KillMode=process -p RuntimeDirectory=mailcron node /src/bin/cron -f -L 7',
  );
  return box;
}

const shown = async (box: Box, words: string): Promise<string[]> =>
  (await box.run(`journalctl --no-pager -q ${words}`)).trimEnd().split('\n');

for (const [where, log] of Object.entries({ 'syslog’s socket': '', itself: 'to = "journal"\n' }))
  test(`the journal has cron’s lines with the pids of jobs, by ${where}`, booted, async (t) => {
    const box = await open(t, log);
    const inJournal = (words: string, line: RegExp): Promise<true> =>
      until(
        `journalctl ${words} shows ${String(line)}`,
        async () => (await shown(box, words)).some((one) => line.test(one)) || undefined,
        () => box.run('journalctl --no-pager; ps -e -o pid,user,args'),
      );
    await inJournal('-t CRON', /status 3/);
    // The oldest one is the job itself.
    const pid = (await box.run('pgrep -of "echo lives; sleep [1]000"')).trim();
    const line = `^\\w{3} [ \\d]\\d [\\d:]{8} \\S+ CRON\\[${pid}\\]: \\(alice\\) CMD \\(echo lives; `;
    await inJournal('-t CRON -o short', new RegExp(line));
    await inJournal('-u mailcron', /CMD \(echo/);

    await box.run('systemctl restart systemd-journald; echo "#" | node /src/bin/crontab -u bob -');
    await inJournal('-t crontab -o short', /crontab\[\d+\]: \(root\) REPLACE \(bob\)$/);
  });

test('the journal finds the lines of a job by fields', booted, async (t) => {
  const box = await open(t, 'to = "journal"\n');
  const find = (words: string): Promise<string[]> => shown(box, `-o cat ${words}`);
  await until('the failure is logged', async () => {
    const failed = await find('CRON_USER=alice CRON_EXIT=3');
    return failed.length === 2 || undefined;
  });
  const failed = await find('CRON_USER=alice CRON_EXIT=3');
  assert.equal(failed[0], '(alice) END (exit 3)');
  assert.match(failed[1] ?? '', /^\(CRON\) error \(grandchild #\d+ failed with exit status 3\)$/);
  const [run = ''] = await find('--output-fields=CRON_RUN CRON_EXIT=3');
  assert.deepEqual((await find(`CRON_RUN=${run}`)).slice(0, 1), ['(alice) CMD (exit 3)']);
  const first = await find('CRON_CRONTAB=alice CRON_LINE=1');
  assert.deepEqual(first, ['(alice) CMD (echo lives; sleep 1000)']);
  const doing =
    /^\d+ entries in \d+ crontabs, 1 running job, next \w{3} [\d-]{10} \d\d:\d\d \+0000\n$/;
  await until('systemctl status tells the job and what is next', async () => {
    const said = await box.run('systemctl show --value -p StatusText mailcron');
    return doing.test(said) || undefined;
  });
  const facility = await find('SYSLOG_FACILITY=9 SYSLOG_IDENTIFIER=CRON PRIORITY=6 CRON_EXIT=3');
  assert.deepEqual(facility, failed);
});
