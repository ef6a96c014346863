/** Crontabs and a day → the real daemon on a clock of ours, minute by minute, and whether each job ran once. */
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { oracle } from '../../test/support/oracle.ts';
import { processesNaming, Sandbox, type Started } from '../../test/support/sandbox.ts';
import { until } from '../../test/support/wait.ts';
import { chance } from '../faults/chance.ts';
import { type Line, writeCrontab } from './crontabs.ts';

/** What is to be done. */
export interface Plan {
  readonly crontabs: number;
  /** Simulated minutes. */
  readonly minutes: number;
  readonly seed: number;
  /** The zone of the machine. */
  readonly zone: string;
  /** The first minute, as an instant. */
  readonly from: number;
  readonly say: (line: string) => void;
}

/** What the processes hold at the end of an hour. */
export interface Sample {
  readonly minute: number;
  /** Kilobytes. */
  readonly scheduler: number;
  readonly runner: number;
  readonly descriptors: number;
}

export interface Verdict {
  readonly runs: number;
  readonly mails: number;
  readonly samples: readonly Sample[];
  readonly wrong: readonly string[];
}

const MINUTE = 60_000;
/** The package starts it so: without, V8 takes twice the memory before it looks for what it could free. */
const AS_INSTALLED = ['--optimize-for-size'];
/** How long a minute's jobs may take, in real milliseconds. */
const PATIENCE = 60_000;
/** Users whom every Debian has. */
const USERS =
  'root daemon bin sys games man lp mail news uucp proxy www-data backup list irc nobody';

/** Let the time pass. */
export async function soak(plan: Plan): Promise<Verdict> {
  const sandbox = new Sandbox({});
  try {
    return await new Course(plan, sandbox).run();
  } finally {
    await sandbox.close();
  }
}

class Course {
  readonly #plan: Plan;
  readonly #sandbox: Sandbox;
  readonly #clock: string;
  readonly #notes: string;
  readonly #mails: string;

  constructor(plan: Plan, sandbox: Sandbox) {
    this.#plan = plan;
    this.#sandbox = sandbox;
    this.#clock = sandbox.path('clock');
    this.#notes = sandbox.path('notes');
    this.#mails = sandbox.path('mailed');
  }

  async run(): Promise<Verdict> {
    const { minutes, from, zone, say } = this.#plan;
    const [sandbox, samples, wrong] = [this.#sandbox, [] as Sample[], [] as string[]];
    const expected = expectedOf(this.#write(), this.#plan);
    this.#set(from - 1);
    const environment = { CRON_TEST_CLOCK: this.#clock, TZ: zone };
    const daemon = await sandbox.start([], { environment, node: AS_INSTALLED });
    // It has looked at the clock now; before, the first minute would be the one in which it starts.
    await sandbox.file('state/last-minute', '\n');
    let runs = 0;
    for (let minute = 0; minute < minutes; minute++) {
      const at = from + minute * MINUTE;
      const tags = expected.get(at) ?? [];
      this.#set(at);
      const noted = await this.#passed(at, runs + tags.length);
      for (const problem of compare(tags, noted.slice(runs)))
        wrong.push(`${new Date(at).toISOString()}: ${problem}`);
      runs = noted.length;
      if ((minute + 1) % 60 > 0 && minute + 1 < minutes) continue;
      const sample = this.#sample(daemon, minute + 1);
      samples.push(sample);
      say(`  ${minute + 1} minutes: ${runs} runs, ${JSON.stringify(sample)}`);
    }
    const idle = (): boolean => readdirSync(sandbox.path('state/output')).length === 0;
    await until('all is done', () => idle() && sandbox.outbox().length === 0);
    daemon.kill('SIGTERM');
    await daemon.ended;
    await until('all runners have ended', () => sandbox.runners().length === 0);
    // Not by the pids of the log: in a day of so many jobs, pids come again.
    const left = processesNaming(sandbox.root);
    if (left.length > 0) wrong.push(`processes are left: ${left.join(' ')}`);
    const files = sandbox.leftovers();
    if (files.length > 0) wrong.push(`files are left: ${files.join(' ')}`);
    const surplus = linesOf(this.#notes).length - runs;
    if (surplus > 0) wrong.push(`${surplus} runs in the end that were not due`);
    const errors = sandbox.logged(/ (?:ERROR|DEATH|LOST|MAIL) \(/);
    // Not every user of a Debian has the directory that /etc/passwd says.
    wrong.push(...errors.filter((line) => !line.includes('chdir failed')).slice(0, 20));
    return { runs, mails: linesOf(this.#mails).length, samples, wrong };
  }

  /** Write crontabs, the program that they start, and the mailer. */
  #write(): Line[] {
    const sandbox = this.#sandbox;
    const random = chance(this.#plan.seed);
    const users = USERS.split(' ');
    const [program, mailer] = [sandbox.path('job'), sandbox.path('mailer')];
    for (const file of [this.#notes, this.#mails]) {
      writeFileSync(file, '');
      chmodSync(file, 0o666);
    }
    const does = 'case $2 in say) echo "did $1";; fail) echo "cannot $1"; exit 3;; esac';
    writeFileSync(program, `#!/bin/sh\necho "$1" >> ${this.#notes}\n${does}\n`);
    writeFileSync(mailer, `#!/bin/sh\ncat > /dev/null && echo mail >> ${this.#mails}\n`);
    for (const file of [program, mailer]) chmodSync(file, 0o755);
    sandbox.configure({ mail: { mailcmd: mailer }, test: { clock: this.#clock } });
    mkdirSync(sandbox.path('state'));
    const lines: Line[] = [];
    for (let number = 0; number < this.#plan.crontabs; number++) {
      // As many users have tabs as there are; the rest comes as packages bring it.
      const owner = users[number];
      const name = owner ?? `package-${number}`;
      const written = writeCrontab(name, program, owner === undefined ? users : [], random);
      lines.push(...written.lines);
      if (owner !== undefined) sandbox.tab(written.text, owner);
      else writeFileSync(sandbox.path('cron.d', name), written.text, { mode: 0o644 });
    }
    return lines;
  }

  /** Set the clock; nobody reads half of it. */
  #set(at: number): void {
    writeFileSync(`${this.#clock}.new`, `${at}\n`);
    renameSync(`${this.#clock}.new`, this.#clock);
  }

  /** Wait until the scheduler has been through a minute and so many jobs have begun; all that have. */
  async #passed(at: number, count: number): Promise<string[]> {
    const since = performance.now();
    return until(
      `the minute ${new Date(at).toISOString()}`,
      () => {
        if (this.#lastMinute() < at / MINUTE) return null;
        const noted = linesOf(this.#notes);
        return (noted.length >= count || performance.now() - since > PATIENCE) && noted;
      },
      { limit: 2 * PATIENCE, evidence: () => this.#sandbox.log().slice(-3000) },
    );
  }

  #lastMinute(): number {
    const text = readFileSync(this.#sandbox.path('state/last-minute'), 'utf8');
    const kept: { lasts: Record<string, { wild: number }> } = JSON.parse(text);
    return kept.lasts['']?.wild ?? 0;
  }

  #sample(daemon: Started, minute: number): Sample {
    const runner = this.#sandbox.runners().at(-1)?.pid ?? 0;
    const descriptors = readdirSync(`/proc/${daemon.pid}/fd`).length;
    return { minute, scheduler: memory(daemon.pid), runner: memory(runner), descriptors };
  }
}

/** What starts at which instant, read from the manual once more. */
function expectedOf(lines: readonly Line[], { from, minutes, zone }: Plan): Map<number, string[]> {
  const expected = new Map<number, string[]>();
  const known = new Map<string, readonly { readonly at: number }[]>();
  for (const line of lines) {
    const key = `${line.zone} ${line.fields}`;
    const end = from + minutes * MINUTE;
    const starts = known.get(key) ?? oracle(line.fields, line.zone || zone, from, end);
    known.set(key, starts);
    for (const { at } of starts) expected.set(at, [...(expected.get(at) ?? []), line.tag]);
  }
  return expected;
}

/** What was due and did not run, what ran and was not due, what ran twice. */
function compare(due: readonly string[], ran: readonly string[]): string[] {
  const left = [...due];
  const problems: string[] = [];
  for (const tag of ran) {
    const index = left.indexOf(tag);
    if (index >= 0) left.splice(index, 1);
    else problems.push(`${tag} ran ${due.includes(tag) ? 'once more' : 'and was not due'}`);
  }
  return [...problems, ...left.map((tag) => `${tag} did not run`)];
}

function linesOf(file: string): string[] {
  return readFileSync(file, 'latin1').split('\n').slice(0, -1);
}

/** Kilobytes that are in memory. */
function memory(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1');
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0);
}
