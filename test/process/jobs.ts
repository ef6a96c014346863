/** Jobs that note their starts and print what is known beforehand, and what their mails say of them. */
import { existsSync, readFileSync } from 'node:fs';
import type { Mail, Sandbox } from '../support/sandbox.ts';

/** A job: its line of a crontab, and all that it prints. */
export interface Job {
  readonly name: string;
  readonly line: string;
  readonly output: string;
}

type Kind = (name: string) => { command: string; output: string };

const STEPS = 16;
const SIZE = 200_000;

const KINDS: Record<string, Kind> = {
  /** At once. */
  short: (name) => ({ command: `echo ${name}`, output: `${name}\n` }),
  /** For two seconds, a line each eighth. */
  slow: (name) => ({
    command: `for i in $(seq ${STEPS}); do echo ${name}.$i; sleep 0.125; done`,
    output: Array.from({ length: STEPS }, (_, index) => `${name}.${index + 1}\n`).join(''),
  }),
  /** Until it cannot. */
  endless: (name) => ({
    command: `i=0; while i=$((i + 1)); do echo ${name}.$i; sleep 0.1; done`,
    output: '',
  }),
  /** More than is kept in memory. */
  big: (name) => ({
    command: `yes line of ${name} | head -c ${SIZE}`,
    output: `line of ${name}\n`.repeat(SIZE).slice(0, SIZE),
  }),
  /** What it was given, and then the other stream. */
  fed: (name) => ({
    command: `cat; sleep 0.3; echo end of ${name} >&2%input of ${name}`,
    output: `input of ${name}\nend of ${name}\n`,
  }),
};

/** Those that end by themselves. */
export const KIND_NAMES = Object.keys(KINDS).filter((kind) => kind !== 'endless');

/** Make a job of that kind, which notes that it starts. */
export function makeJob(sandbox: Sandbox, kind: string, name: string, when = '@reboot'): Job {
  const { command = '', output = '' } = KINDS[kind]?.(name) ?? {};
  const line = `${when} echo ${name} >> ${sandbox.path('starts')}; ${command}\n`;
  return { name, line, output };
}

/** Names of the jobs that have started, as often as they did. */
export function starts(sandbox: Sandbox): string[] {
  const file = sandbox.path('starts');
  return existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1) : [];
}

/** The job that a mail tells of, by its Subject. */
export function jobOf({ head }: Mail): string {
  return /^Subject: .*? echo (\S+) >>/m.exec(head)?.[1] ?? '';
}

const LOST = /^cron: the process that watched this job died; [^\n]*\n(?:cron: [^\n]*\n)*\n/;

/** What a mail has of a job's output; `lost` says that its runner died, `again` that it may be the second one. */
export function told({ body }: Mail): { lost: boolean; again: boolean; output: string } {
  const preface = LOST.exec(body)?.[0] ?? '';
  const again = preface.includes('a second time');
  return { lost: preface !== '', again, output: body.slice(preface.length) };
}
