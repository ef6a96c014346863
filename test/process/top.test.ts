/** cronctl top on a terminal that tmux keeps, with the real daemon. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test, type TestContext } from 'node:test';
import { isAlive, kill, me, openSandbox, type Sandbox } from '../support/sandbox.ts';
import { needsTerminal, openTerminal, type Terminal } from '../support/terminal.ts';
import { until } from '../support/wait.ts';

const program = new URL('../../../bin/cronctl', import.meta.url).pathname;

interface Open {
  readonly sandbox: Sandbox;
  readonly terminal: Terminal;
}

/** Start a cron with these jobs, and top in a shell that tells how it ended. */
async function open(t: TestContext, tab: string, options = ''): Promise<Open> {
  const sandbox = openSandbox(t);
  sandbox.tab(tab);
  await sandbox.start();
  const environment = {
    PATH: '/usr/bin:/bin',
    CRON_CONFIG: sandbox.config,
    TERM: 'xterm',
    PS1: '$ ',
    NODE: process.execPath, // a line of the terminal has room for little
    CRONCTL: program,
  };
  const terminal = openTerminal(sandbox.root, environment, [90, 24]);
  await terminal.shows(/^[#$]$/);
  terminal.type(`"$NODE" ${options} "$CRONCTL" top; echo "ended $?"`);
  await terminal.shows(/\nq quit {3}s sort/);
  return { sandbox, terminal };
}

/** The process of top. */
function pidOfTop({ root }: Sandbox): number {
  const found = readdirSync('/proc').find((name) => {
    try {
      const words = readFileSync(`/proc/${name}/cmdline`, 'latin1').split('\0');
      const variables = readFileSync(`/proc/${name}/environ`, 'latin1');
      return words.includes(program) && words.includes('top') && variables.includes(root);
    } catch {
      return false;
    }
  });
  return Number(found);
}

/** What the shell finds: the former screen, a terminal that is as it was before, and the exit status. */
async function isRestored(terminal: Terminal, status: number): Promise<void> {
  const { shows, screen } = terminal;
  await shows(new RegExp(`; echo "ended \\$\\?"\\n(?:.*\\n)?ended ${status}\\n[#$]$`));
  assert.doesNotMatch(screen(), /q quit/);
  await isCooked(terminal);
}

/** The terminal makes lines, signals and an echo of what is typed. */
async function isCooked({ type, shows }: Terminal): Promise<void> {
  type('stty -a | grep -o -w -e "-*icanon" -e "-*echo" -e "-*isig" | sort | tr "\\n" " "; echo');
  await shows(/\necho icanon isig\s*\n[#$]$/);
}

const JOBS = `@reboot exec sleep 600\n@reboot echo 12345678; while :; do :; done\n@reboot exit 3\n0 0 1 1 * new year\n`;

test('top shows jobs and what they take, what comes and what ended', needsTerminal, async (t) => {
  const { terminal } = await open(t, JOBS);
  const busy = new RegExp(
    `\\n${me} +\\d+ +\\d+ s +[1-9]\\d*\\.\\d +\\d\\S* [KM]iB +9 B +echo 12345678`,
  );
  const screen = await terminal.shows(busy);
  assert.match(screen, /^cron 0\.1\.0 {2}pid \d+ {2}up .* \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\n/);
  assert.match(screen, /\n1 crontab, 4 entries, 2 running jobs, 1 runner; sorted by age\n/);
  assert.match(screen, /\nUSER +PID +FOR +CPU% +MEMORY +OUTPUT +COMMAND\n/);
  assert.match(screen, new RegExp(`\\nin \\d+ d .*00:00 +${me} +new year\\n`));
  assert.match(screen, new RegExp(`\\n\\d+ s ago +exit 3 +\\d+ s +${me} +exit 3\\n`));
  terminal.press('s');
  const sorted = await terminal.shows(/sorted by cpu\n/);
  assert.ok(sorted.indexOf('echo 12345678') < sorted.indexOf('exec sleep 600'));
  terminal.resize(50, 12);
  const small = await terminal.shows(/^cron .*\n(?:.*\n){10}q quit.*$/);
  assert.equal(small.split('\n').length, 12);
  terminal.press('q');
  await isRestored(terminal, 0);
});

test('top goes on when cron has gone, and when it is there again', needsTerminal, async (t) => {
  const { sandbox, terminal } = await open(t, '0 0 1 1 * new year\n');
  const [before] = sandbox.runners();
  const pid = /pid (\d+)/.exec(terminal.screen())?.[1] ?? '';
  kill(Number(pid), 'SIGTERM');
  await terminal.shows(/\ncron is not running: nobody listens at/);
  await until('the runner has ended', () => before === undefined || !isAlive(before.pid));
  await sandbox.start();
  const screen = await terminal.shows(new RegExp(`pid (?!${pid} )\\d+ `));
  assert.doesNotMatch(screen, /not running/);
  terminal.press('C-c');
  await isRestored(terminal, 0);
});

for (const [signal, status] of [
  ['SIGTERM', 143],
  ['SIGHUP', 129],
  ['SIGQUIT', 131],
] as const)
  test(`top gives the terminal back when ${signal} ends it`, needsTerminal, async (t) => {
    const { sandbox, terminal } = await open(t, '@yearly x\n');
    kill(pidOfTop(sandbox), signal);
    await isRestored(terminal, status);
  });

test('top gives the terminal back when ^\\ ends it', needsTerminal, async (t) => {
  const { terminal } = await open(t, '@yearly x\n');
  terminal.press('C-\\');
  await isRestored(terminal, 131);
});

test('top gives the terminal back when it fails, and then says why', needsTerminal, async (t) => {
  const surprise = `data:text/javascript,process.on('SIGUSR2',()=>{throw Error('planted')})`;
  const { sandbox, terminal } = await open(t, '@yearly x\n', `--import "${surprise}"`);
  kill(pidOfTop(sandbox), 'SIGUSR2');
  await terminal.shows(/Error: planted\n(?:.*\n)+ended [17]\n[#$]$/);
  await isCooked(terminal);
});

test('top tells programs once what it shows', async (t) => {
  const sandbox = openSandbox(t);
  sandbox.tab(JOBS);
  await sandbox.start();
  await until('its jobs run', async () => {
    const { stdout } = await sandbox.cronctl(['status', '--json']);
    return /"jobs":2/.test(stdout) && /"failures":\[\{/.test(stdout);
  });
  const { status, stdout } = await sandbox.cronctl(['top', '--json']);
  assert.equal(status, 0);
  const told: unknown = JSON.parse(stdout);
  assert.ok(typeof told === 'object' && told !== null && 'running' in told);
  assert.ok(Array.isArray(told.running));
  const [sleeps, loops] = told.running;
  assert.match(sleeps.command, /sleep 600/);
  assert.ok(sleeps.cpu < 5 && loops.cpu > 5, stdout);
  assert.ok(sleeps.memory > 0 && loops.memory > 0, stdout);
});

test('top lets itself be stopped and continued', needsTerminal, async (t) => {
  const { terminal } = await open(t, '@yearly x\n');
  terminal.press('C-z');
  await terminal.shows(/Stopped|suspended/);
  assert.doesNotMatch(terminal.screen(), /q quit/);
  terminal.type('fg');
  await terminal.shows(/\nq quit {3}s sort/);
  terminal.press('q');
  await terminal.shows(/ended 0\n\$$|\n[#$]$/);
});

test('top says that it needs a terminal', async (t) => {
  const sandbox = openSandbox(t);
  const { status, stdout, stderr } = await sandbox.cronctl(['top']);
  assert.deepEqual(
    [status, stdout, stderr],
    [64, '', 'cronctl: top needs a terminal: "cronctl status" tells the same once\n'],
  );
});

test(
  'top says that no cron is running, without a look at the terminal',
  needsTerminal,
  async (t) => {
    const sandbox = openSandbox(t);
    const environment = {
      PATH: '/usr/bin:/bin',
      CRON_CONFIG: sandbox.config,
      TERM: 'xterm',
      PS1: '$ ',
    };
    const terminal = openTerminal(sandbox.root, environment, [200, 24]);
    await terminal.shows(/^[#$]$/);
    terminal.type(`"${process.execPath}" "${program}" top; echo "ended $?"`);
    await terminal.shows(/\ncronctl: cron is not running: .*\nended 3\n[#$]$/);
  },
);
