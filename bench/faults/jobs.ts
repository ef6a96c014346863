/** Numbered jobs that note their beginning and their end and print what is known beforehand. */
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';

/** What a job prints, by its number: mostly a line, at times slowly, at times more than is kept in memory. */
type Kind = 'line' | 'slow' | 'long';

const STEPS = 10;
const LONG = 6000;

function kindOf(number: number): Kind {
  if (number % 10 === 3) return 'slow';
  return number % 20 === 7 ? 'long' : 'line';
}

/** All that a job prints. */
export function outputOf(number: number): string {
  const steps = Array.from({ length: STEPS }, (_, step) => `${number}.${step + 1}\n`);
  const outputs: Record<Kind, () => string> = {
    line: () => `output of ${number}\n`,
    slow: () => steps.join(''),
    long: () => `output of ${number}\n`.repeat(LONG),
  };
  return outputs[kindOf(number)]();
}

/** Write the program that they all are: `job NUMBER KIND`; it notes in `notes` when it begins and when it has printed. */
export function writeProgram(file: string, notes: string): void {
  writeFileSync(notes, '');
  chmodSync(notes, 0o666);
  const script = `#!/bin/sh
echo "begin $1" >> ${notes}
case $2 in
line) echo "output of $1";;
slow) for i in $(seq ${STEPS}); do echo "$1.$i" || exit 1; sleep 0.2; done;;
long) yes "output of $1" | head -n ${LONG};;
esac && echo "end $1" >> ${notes}
`;
  writeFileSync(file, script);
  chmodSync(file, 0o755);
}

/** The line of a crontab that starts one; with a user, of a system crontab. */
export function lineOf(program: string, number: number, user: string | undefined): string {
  return `@reboot ${user === undefined ? '' : `${user} `}${program} ${number} ${kindOf(number)}\n`;
}

/** The number in a text that shows the command. */
export function numberIn(text: string): number {
  return Number(/\/job (\d+) [a-z]+/.exec(text)?.[1] ?? NaN);
}

/** How often each was begun, and which have printed all. */
export interface Notes {
  readonly begun: ReadonlyMap<number, number>;
  readonly printed: ReadonlySet<number>;
}

/** Read what the jobs have noted. */
export function readNotes(file: string): Notes {
  const begun = new Map<number, number>();
  const printed = new Set<number>();
  if (!existsSync(file)) return { begun, printed };
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    const [word, text] = line.split(' ');
    const number = Number(text);
    if (word === 'begin') begun.set(number, (begun.get(number) ?? 0) + 1);
    if (word === 'end') printed.add(number);
  }
  return { begun, printed };
}
