/**
 * A job's view of the world, under Debian's own cron and under ours, side by side in one box.
 *
 * Both get the same tabs; each entry asks one question, and the mail with the answer is compared line by line,
 * header and all. What differs must be expected here, and stand in docs/differences.md under the same name; what
 * is expected must be seen.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { type Box, boxed, openBox, until } from '../support/system.ts';
import * as crons from './crons.ts';
import { type Call, calls, installRecorder, parseMail } from './mails.ts';

/** What a job is asked, by name: commands as they stand in a crontab, where `%` is special. */
const QUESTIONS: Record<string, string> = {
  'who it is': 'id',
  environment: 'env',
  directory: 'pwd',
  'soft limits': 'ulimit -Sa',
  'hard limits': 'ulimit -Ha',
  descriptors: 'ls -l /proc/self/fd',
  'standard error, opened again': 'echo reopened > /dev/stderr',
  'standard output, opened again': 'echo reopened > /dev/stdout',
  'standard input, opened again': 'cat /dev/stdin%from the tab',
  terminal: 'sh -c ": < /dev/tty"',
  umask: 'umask',
  session: 'ps -o pid,pgid,sid,tty,tpgid,cls,rtprio,ni -p $$',
  parent: 'ps -o comm,user -p $PPID',
  'command line': String.raw`tr "\0" "|" < /proc/$$/cmdline; echo`,
  status: 'grep -E "^(Uid|Gid|Groups|Sig[BIC]|Cap|NoNewPrivs|Seccomp)" /proc/self/status',
  'chance to be killed': 'cat /proc/self/oom_score_adj',
  'login uid': 'cat /proc/self/loginuid',
  scheduling: 'chrt -p $$ && ionice -p $$ && taskset -p $$',
  'control group': 'cat /proc/self/cgroup',
  'standard input, none': 'cat; echo end',
  'standard input, lines': 'cat%one%two',
  'standard input, never read': 'echo deaf%one%two',
  'percent sign': String.raw`echo 100\%`,
  backslashes: String.raw`printf "\%s|" a\\b c\\\\d`,
  'both outputs': 'echo one; echo two >&2; echo three',
  'no output': 'true',
  failure: 'echo failing; exit 3',
  'death by signal': 'echo dying; kill -KILL $$',
  'output without end of line': 'printf abc',
  'bytes beyond ASCII': String.raw`echo grüß; printf "\377\001\n"`,
  'output in the background': '(sleep 2; echo late) &',
  'second of the minute': String.raw`date +\%S`,
  'home that is not there': 'pwd',
  'shell that is not there': 'echo never',
};

/** What stands above every entry, and what changes before single ones. */
const ASSIGNMENTS = ['GREETING = "hello  world"', 'EMPTY=""', `QUOTED='a "b"'`];
const BEFORE: Record<string, string> = {
  'home that is not there': 'HOME=/nonexistent',
  'shell that is not there': 'SHELL=/nonexistent',
};

/** The one that waits for the minute; the others run at the start. */
const MINUTE = 'second of the minute';
const AT: Record<string, string> = { [MINUTE]: '* * * * *' };

/** Our mailer; Debian's is the one that is compiled in. */
const OURS = '/usr/lib/sendmail-ours';

/** Who has a tab in the spool; carol's entries stand in cron.d, and dave's account has expired. */
const TABS = ['alice', 'bob', 'root', 'dave'] as const;
const PEOPLE = [...TABS, 'carol'] as const;
const RUNNING = PEOPLE.filter((who) => who !== 'dave');

/** Lines of one row of docs/differences.md: what only Debian's mail has, and what only ours. */
interface Difference {
  /** The questions that it concerns, and the people; where not given, all. */
  readonly of?: readonly string[];
  readonly who?: string;
  readonly debian?: RegExp;
  readonly mailcron?: RegExp;
}

/** Stands for all lines of a mail that the other cron does not send. */
const WHOLE = 'a mail';

const EXPECTED: Record<string, Difference> = {
  'Environment of the mailer': {
    debian: /^mailer has (LANG=C\.UTF-8|PATH=\/usr\/bin:\/bin)$/,
    mailcron: /^mailer has (SHELL|HOME|PATH|LOGNAME|USER)=/,
  },
  'USER in the environment': { of: ['environment'], mailcron: /^USER=\w+$/ },
  'Output through a pipe': {
    of: ['descriptors'],
    debian: /^lrwx.* [12] -> \/tmp\/#N \(deleted\)$/,
    mailcron: /^l-wx.* [12] -> pipe$/,
  },
  'Descriptors of the daemon': { of: ['descriptors'], debian: /^lr-x.* 40 -> \/dev\/null$/ },
  'Input and output opened again': {
    of: [
      'standard error, opened again',
      'standard output, opened again',
      'standard input, opened again',
    ],
    debian: /Permission denied$/,
    mailcron: /^(reopened|from the tab)$/,
  },
  'Output in the background': { of: ['output in the background'], mailcron: RegExp(`^${WHOLE}$`) },
  'Backslashes in a command': {
    of: ['backslashes'],
    debian: /(printf "%s\|" a\\b c\\\\d|^ab\|c\\d\|)$/,
    mailcron: /(printf "%s\|" a\\\\b c\\\\\\\\d|^a\\b\|c\\\\d\|)$/,
  },
  'Home that is not there': {
    of: ['home that is not there'],
    debian: /^\/var\/spool\/cron$/,
    mailcron: /^\/$/,
  },
  'Second of the start': {
    of: ['second of the minute'],
    debian: /^(0[1-9]|[1-5]\d)$/,
    mailcron: /^00$/,
  },
  'Parent process': {
    of: ['parent'],
    debian: /^cron +root$/,
    mailcron: /^(node|MainThread) +root$/,
  },
  'Login uid': { of: ['login uid'], debian: /^\d{1,4}$/, mailcron: /^4294967295$/ },
  'Limits of limits.conf': {
    of: ['soft limits'],
    who: 'alice',
    debian: /^nofiles +512$/,
    mailcron: /^nofiles +1024$/,
  },
  'More of the mail’s header': {
    mailcron: /^(Date|Message-ID|Auto-Submitted|X-Cron-(Status|Duration|Scheduled)): /,
  },
  'Header beyond ASCII': {
    of: ['bytes beyond ASCII'],
    debian: /^Subject: .*gr[\x80-\xff]/,
    mailcron: /^(Subject: | )[ -~]*$/,
  },
  'Bytes that a mailer might not bring across': {
    of: ['bytes beyond ASCII'],
    debian: /^(Content-Type: text\/plain; .*|Content-Transfer-Encoding: 8bit|gr.*|\xff.)$/,
    mailcron:
      /^(Content-Type: text\/plain\t; .*|Content-Transfer-Encoding: quoted-printable|gr=C3=BC=C3=9F|=FF=01)$/,
  },
};

test(
  'a job sees what it sees under Debian’s cron, but for the named differences',
  boxed,
  async (t) => {
    const box = await openBox(t, { packages: crons.DEBIAN });
    const ours = crons.own('ours');
    await crons.unpackDebian(box);
    await installRecorder(box, '/usr/sbin/sendmail', '/usr/lib/sendmail-ours');
    await box.run('useradd -m dave; chage -E 2020-01-01 dave');
    await box.run('echo "alice soft nofile 512" > /etc/security/limits.d/alice.conf');
    await box.write('/etc/environment', ENVIRONMENT);
    await box.write('/etc/default/locale', 'LANG="de_DE.UTF-8"\nLANGUAGE=de:en\n');
    for (const paths of [crons.debian, ours]) {
      for (const user of TABS) await crons.installTab(box, paths, user, tab(''));
      await box.write(`${paths.cronD}/system`, tab('carol '));
    }
    await crons.startDebian(box, { descriptor: 40 });
    const mailargs = '%s -FCronDaemon -i -B8BITMIME -oem %s'; // Debian's, compiled in there
    await crons.startMailcron(box, {
      name: 'ours',
      args: ['--mailcmd', '/usr/lib/sendmail-ours', '--mailargs', mailargs],
      descriptor: 40,
    });

    // Every question has an answer but the one without output; Debian loses what comes in the background.
    const complete = async (
      path: string,
      who: readonly string[],
      lost: readonly string[],
    ): Promise<Map<string, string[]>> =>
      await until(
        `all have their mails from ${path}`,
        async () => {
          const found = await mails(box, path);
          const asked = Object.keys(QUESTIONS).filter((question) => !lost.includes(question));
          const names = who.flatMap((user) => asked.map((question) => `${user}: ${question}`));
          // Ours starts at second 00, though not each minute on a machine that is busy.
          const isThere = (name: string): boolean =>
            (found.get(name)?.includes('00') ?? false) ||
            (found.has(name) && !(name.endsWith(MINUTE) && path === OURS));
          return names.every(isThere) ? found : undefined;
        },
        async () => `${await box.read(crons.debian.log)}\n${await box.read(ours.log)}`,
      );
    const here = await complete(OURS, RUNNING, ['no output']);
    const there = await complete('/usr/sbin/sendmail', RUNNING, [
      'no output',
      'output in the background',
    ]);

    const seen = new Set<string>();
    const unexpected: string[] = [];
    for (const name of new Set([...there.keys(), ...here.keys()]))
      for (const line of difference(there.get(name), here.get(name))) {
        const rows = Object.keys(EXPECTED).filter((row) => concerns(EXPECTED[row], name, line));
        if (rows.length === 0) unexpected.push(`${name}: ${line}`);
        for (const row of rows) seen.add(`${row} ${line.slice(0, 1)}`);
      }
    const missing = Object.entries(EXPECTED).flatMap(([row, { debian, mailcron }]) => [
      ...(debian && !seen.has(`${row} -`) ? [`${row} (Debian)`] : []),
      ...(mailcron && !seen.has(`${row} +`) ? [`${row} (mailcron)`] : []),
    ]);

    await t.test('nothing differs that has no name', () =>
      assert.deepEqual(unexpected.slice(0, 20), []),
    );
    await t.test('what has a name differs', () => assert.deepEqual(missing, []));
    await t.test('each name is a row of docs/differences.md, and no other row is there', () => {
      const page = readFileSync(new URL('../../../docs/differences.md', import.meta.url), 'utf8');
      const [, section = ''] = /^## What a job sees\n([^]*?)^## /m.exec(page) ?? [];
      const rows = [...section.matchAll(/^\| \*\*(.+?)\*\* \|/gm)].map(([, row]) => row);
      assert.deepEqual(rows, Object.keys(EXPECTED));
    });
    await t.test('an expired account has no jobs, and the log says so', async () => {
      assert.match(await box.read(crons.debian.log), /CRON\[\d+\]: Authentication failure$/m);
      const refusal = /\(dave\) FAILED to authorize user with PAM \(Authentication failure; job/;
      assert.match(await box.read(ours.log), refusal);
    });
    await t.test('the log names the same commands of the same users', async () => {
      const commands = async (path: string): Promise<string[]> =>
        [...(await box.read(path)).matchAll(/\(\w+\) CMD \(.*\)$/gm)]
          .map(([line]) => line)
          .filter((line) => !/ CMD \((printf|date)|run-parts/.test(line)) // as above; and the minutes
          .toSorted();
      assert.deepEqual(await commands(ours.log), await commands(crons.debian.log));
    });
  },
);

function concerns(row: Difference | undefined, name: string, line: string): boolean {
  const [who = '', question = ''] = name.split(': ');
  const pattern = line.startsWith('-') ? row?.debian : row?.mailcron;
  return (
    pattern !== undefined &&
    pattern.test(line.slice(2)) &&
    (row?.of?.includes(question) ?? true) &&
    (row?.who ?? who) === who
  );
}

const ENVIRONMENT = `# as pam_env(8) reads it
PLAIN=plain
DOUBLE="in double quotes"
SINGLE='in single quotes'
export EXPORTED=exported
  INDENTED=indented
TRAILING=value # remark
PATH="/usr/local/bin:/usr/bin"
HOME=/elsewhere
NOVALUE=
`;

/** The tab of every question; in a system crontab with the user before each command. */
function tab(user: string): string {
  const entries = Object.entries(QUESTIONS).flatMap(([question, command]) => [
    `QUESTION = ${question}`,
    ...(question in BEFORE ? [BEFORE[question]] : []),
    `${AT[question] ?? '@reboot'} ${user}${command}`,
  ]);
  return [...ASSIGNMENTS, ...entries, ''].join('\n');
}

/** The mails that a recorder got, as lines, by user and question. */
async function mails(box: Box, path: string): Promise<Map<string, string[]>> {
  const found = new Map<string, string[]>();
  for (const call of await calls(box, path)) {
    const { header } = parseMail(call.stdin);
    const user = /^To: (\w+)$/m.exec(header.join('\n'))?.[1];
    const question = /^X-Cron-Env: <QUESTION=(.*)>$/m.exec(header.join('\n'))?.[1];
    const name = `${user}: ${question}`;
    const lines = linesOf(call);
    if (!found.has(name) || (question === MINUTE && lines.includes('00'))) found.set(name, lines);
  }
  return found;
}

function linesOf(call: Call): string[] {
  return [
    `mailer’s arguments: ${call.argv.slice(1).join(' ')}`,
    `mailer is ${call.uid} ${call.gid} ${call.groups.join(' ')}`,
    ...call.environment.map((variable) => `mailer has ${variable}`),
    ...call.stdin.split('\n').map(withoutNumbers),
  ];
}

/** A line without what is another number in each process. */
function withoutNumbers(line: string): string {
  return line
    .replace(/^([lrwx-]+ 1 \w+ \w+) +\d+ \w+ +\d+ [\d:]+ /, '$1 ')
    .replace(/pipe:\[\d+\]/, 'pipe')
    .replace(/\/proc\/\d+\/fd/, '/proc/PID/fd')
    .replace(/#\d+ \(deleted\)/, '#N (deleted)')
    .replace(/^pid \d+’?'?s/, 'pid PID’s')
    .replace(/^ *(\d+) +\1 +\1 /, 'PID PID PID ');
}

/** The lines that one of two mails has and the other has not: `-` for the first, `+` for the second. */
function difference(before?: readonly string[], after?: readonly string[]): string[] {
  if (before === undefined) return [`+ ${WHOLE}`];
  if (after === undefined) return [`- ${WHOLE}`];
  // The longest common subsequence, from the end.
  const common = Array.from({ length: before.length + 1 }, () =>
    Array.from({ length: after.length + 1 }, () => 0),
  );
  const at = (i: number, j: number): number => common[i]?.[j] ?? 0;
  for (let i = before.length - 1; i >= 0; i--)
    for (let j = after.length - 1; j >= 0; j--) {
      const row = common[i];
      if (row)
        row[j] =
          before[i] === after[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  const found: string[] = [];
  for (let i = 0, j = 0; i < before.length || j < after.length;) {
    if (i < before.length && j < after.length && before[i] === after[j]) {
      i++;
      j++;
    } else if (j === after.length || (i < before.length && at(i + 1, j) >= at(i, j + 1)))
      found.push(`- ${before[i++]}`);
    else found.push(`+ ${after[j++]}`);
  }
  return found;
}
