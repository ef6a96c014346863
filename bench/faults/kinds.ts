/** Jobs of all kinds, one for each minute and place in it: what they do, print and note. */
import { chmodSync, writeFileSync } from 'node:fs';

/** What a job does, as a shell says it; `$1` is its number. */
const KINDS = {
  short: 'echo "output of $1"',
  silent: ':',
  // Notes when it is about to print: what was printed more than a second before a death must not be lost.
  slow: `for i in $(seq 12); do
  read -r up idle < /proc/uptime
  echo "step $1 $i $up" >> NOTES
  echo "$1.$i" || exit 1
  sleep 0.4
done`,
  loud: 'yes "output of $1" | head -n 6000',
  forking: '{ sleep 2; echo "late of $1"; } & echo "early of $1"',
  failing: 'echo "output of $1"; echo "end $1" >> NOTES; exit 3',
  stubborn: `trap '' TERM; echo "output of $1" && echo "end $1" >> NOTES; sleep 60`,
  closing: 'exec >&- 2>&-; sleep 0.5',
} as const;

type Kind = keyof typeof KINDS;

/** The kinds by their place in a minute. */
const PLACES: readonly Kind[] = [
  ...Array.from({ length: 13 }, () => 'short' as const),
  ...Array.from({ length: 5 }, () => 'silent' as const),
  ...(['slow', 'slow', 'slow', 'loud', 'loud', 'forking', 'forking'] as const),
  ...(['failing', 'failing', 'closing', 'closing', 'stubborn'] as const),
];

/** How many jobs start in a minute. */
export const A_MINUTE = PLACES.length;

export function kindOf(number: number): Kind {
  return PLACES[number % A_MINUTE] ?? 'short';
}

/** All that a job prints. */
export function outputOf(number: number): string {
  const line = `output of ${number}\n`;
  const steps = Array.from({ length: 12 }, (_, step) => `${number}.${step + 1}\n`).join('');
  const outputs: Record<Kind, string> = {
    short: line,
    silent: '',
    slow: steps,
    loud: line.repeat(6000),
    forking: `early of ${number}\nlate of ${number}\n`,
    failing: line,
    stubborn: line,
    closing: '',
  };
  return outputs[kindOf(number)];
}

/** Every second one has a star in its hour: after a jump of the clock it is treated otherwise. */
export function isWild(number: number): boolean {
  return number % 2 === 1;
}

/** The minute, counted from the first, for which a job starts. */
export function minuteOf(number: number): number {
  return Math.floor(number / A_MINUTE);
}

/** Write the program that they all are: `job NUMBER KIND`. */
export function writeProgram(file: string, notes: string): void {
  writeFileSync(notes, '');
  chmodSync(notes, 0o666);
  const cases = Object.entries(KINDS).map(([kind, does]) => `${kind}) ${does};;`);
  const script = `#!/bin/sh
echo "begin $1" >> NOTES
case $2 in
${cases.join('\n')}
esac && echo "end $1" >> NOTES
`;
  writeFileSync(file, script.replaceAll('NOTES', notes));
  chmodSync(file, 0o755);
}

/** The lines of a system crontab for some minutes; `first` is the instant of minute 0. */
export function linesOf(
  program: string,
  users: readonly string[],
  first: number,
  minutes: readonly number[],
): string {
  const numbers = minutes.flatMap((minute) =>
    Array.from({ length: A_MINUTE }, (_, place) => minute * A_MINUTE + place),
  );
  const line = (number: number): string => {
    const at = new Date(first + minuteOf(number) * 60_000);
    const hour = isWild(number) ? '*' : at.getUTCHours();
    const user = users[number % users.length] ?? '';
    return `${at.getUTCMinutes()} ${hour} * * * ${user} ${program} ${number} ${kindOf(number)}\n`;
  };
  const isStubborn = (number: number): boolean => kindOf(number) === 'stubborn';
  const others = numbers.filter((number) => !isStubborn(number)).map(line);
  const stubborn = numbers.filter(isStubborn).map(line);
  return `${others.join('')}CRON_TIMEOUT=1s\n${stubborn.join('')}`;
}
