/** A seed → crontabs as people have them, and what each line should do. */
import type { Chance } from '../faults/chance.ts';

/** A line that starts a job. */
export interface Line {
  /** Names the line in the notes of its job. */
  readonly tag: string;
  /** Five fields, with numbers, lists, ranges, steps and names. */
  readonly fields: string;
  /** The zone of its clock; '' is the daemon's. */
  readonly zone: string;
}

/** A crontab and its lines. */
export interface Written {
  readonly text: string;
  readonly lines: readonly Line[];
}

/** Schedules by how common they are: what is said first is said most. */
const SCHEDULES: readonly (readonly [often: number, make: (random: Chance) => string])[] = [
  [24, (random) => `${random(60)} ${random(24)} * * *`],
  [14, (random) => `*/${[5, 10, 15, 20, 30][random(5)]} * * * *`],
  [10, (random) => `${random(60)} * * * *`],
  [8, () => '@daily'],
  [8, () => '@hourly'],
  [6, (random) => `${random(60)} ${random(6)} * * sun`],
  [5, (random) => `${random(60)} 8-18/2 * * mon-fri`],
  [5, (random) => `${random(60)} */${2 + random(5)} * * *`],
  [4, (random) => `${random(30)},${30 + random(30)} ${random(24)} 1,15 * *`],
  [4, () => '@weekly'],
  [3, (random) => `${random(20)}-${30 + random(20)}/7 6-22 * * *`],
  [3, (random) => `0 ${random(24)} 1-7 * */7`],
  [3, (random) => `15 ${random(24)} 20-31 oct,nov sat,sun`],
  [2, () => '@monthly'],
  [1, () => '* * * * *'],
];

/** What the manual says that the nicknames are short for. */
const NICKNAMES: Record<string, string> = {
  '@hourly': '0 * * * *',
  '@daily': '0 0 * * *',
  '@weekly': '0 0 * * 0',
  '@monthly': '0 0 1 * *',
};

const ZONES = ['America/New_York', 'Asia/Kolkata', 'Australia/Lord_Howe', 'UTC'];

/** Of ten jobs most are silent, some print, one fails. */
const DOINGS = [
  'quiet',
  'quiet',
  'quiet',
  'quiet',
  'quiet',
  'quiet',
  'quiet',
  'say',
  'say',
  'fail',
];

/** Write one; with users, it is a system crontab. */
export function writeCrontab(
  name: string,
  program: string,
  users: readonly string[],
  random: Chance,
): Written {
  const text = [`# ${name}`, 'SHELL=/bin/sh', 'PATH=/usr/local/bin:/usr/bin:/bin'];
  const lines: Line[] = [];
  if (random(3) === 0) text.push(`MAILTO=${name}@example.com`);
  let zone = '';
  for (let number = 1 + random(8); number > 0; number--) {
    if (random(8) === 0) text.push('', `# what comes now is for ${name}`);
    if (random(30) === 0) {
      zone = pick(ZONES, random);
      text.push(`CRON_TZ=${zone}`);
    }
    const schedule = drawSchedule(random);
    const tag = `${name}.${number}`;
    const user = users.length > 0 ? `${pick(users, random)} ` : '';
    text.push(`${schedule}\t${user}${program} ${tag} ${pick(DOINGS, random)}`);
    lines.push({ tag, fields: NICKNAMES[schedule] ?? schedule, zone });
  }
  return { text: `${text.join('\n')}\n`, lines };
}

function drawSchedule(random: Chance): string {
  let left = random(SCHEDULES.reduce((sum, [often]) => sum + often, 0));
  for (const [often, make] of SCHEDULES) {
    if (left < often) return make(random);
    left -= often;
  }
  throw new Error('the draw is beyond the table');
}

function pick(values: readonly string[], random: Chance): string {
  const picked = values[random(values.length)];
  if (picked === undefined) throw new Error('there is nothing to pick from');
  return picked;
}
