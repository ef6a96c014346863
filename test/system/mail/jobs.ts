/** What jobs print that mail systems stumble over, and to whom. */

/** A job: it prints a file of that name. */
export interface Job {
  readonly name: string;
  /** The head of its column in docs/mail.md. */
  readonly title: string;
  readonly prints: Buffer;
  readonly recipients: readonly string[];
  /** Besides these, for nobody of that name is there. */
  readonly unknown?: string;
}

/** A bare CR, NUL, a line of a megabyte, a lone dot, lines "From ", CRLF, bytes that are UTF-8 and bytes that are not. */
const NASTY = Buffer.concat([
  Buffer.from('before\n.\n..\n.after the dots\nFrom nobody Thu Jan  1 00:00:00 1970\n>From me\n'),
  Buffer.from('10%\r20%\r100%\na line of DOS\r\nnul \0 and tab \t and bell \x07\n'),
  Buffer.from('grüße, Ελλάδα, 日本\n'),
  Buffer.from([0x80, 0xfe, 0xff, 0x0a]),
  Buffer.alloc(1_000_000, 'x'),
  Buffer.from('\n~! echo escaped\n~.\n trailing blank \n\nthe end\n'),
]);

/** What a tar prints; also without a newline for long. */
const BINARY = Buffer.alloc(200_000);
for (let at = 0, state = 1; at < BINARY.length; at++) {
  state = (state * 48_271) % 2_147_483_647;
  const byte = state & 0xff;
  BINARY[at] = at < 100_000 && byte === 10 ? 11 : byte;
}
BINARY.write('end\n', BINARY.length - 4);

const LINE = 'All work and no play makes Jack a dull boy, and cron a noisy one.\n';

export const JOBS: readonly Job[] = [
  { name: 'plain', title: 'plain', prints: Buffer.from('hello\n'), recipients: ['alice'] },
  {
    name: 'three',
    title: 'three recipients',
    prints: Buffer.from('to all three\n'),
    recipients: ['alice', 'bob', 'carol'],
  },
  {
    name: 'unknown',
    title: 'one of three unknown',
    prints: Buffer.from('to two, and to nobody\n'),
    recipients: ['bob', 'carol'],
    unknown: 'nosuchuser',
  },
  {
    name: 'large',
    title: '5 MB',
    prints: Buffer.alloc(5_000_000 - (5_000_000 % LINE.length), LINE),
    recipients: ['alice'],
  },
  { name: 'nasty', title: 'nasty text', prints: NASTY, recipients: ['alice'] },
  { name: 'binary', title: 'binary', prints: BINARY, recipients: ['alice'] },
];

/** Printed while the mail system is away. */
export const LATER: Job = {
  name: 'away',
  title: 'while it is away',
  prints: Buffer.from('while nobody was there\n'),
  recipients: ['alice', 'bob'],
};

/** A crontab that runs jobs once. */
export function tabOf(jobs: readonly Job[]): string {
  return jobs
    .map(({ name, recipients: [first = '', ...others], unknown = [] }) => {
      const to = [first, unknown, others].flat().join(',');
      return `MAILTO=${to}\n@reboot cat /srv/jobs/${name}\n`;
    })
    .join('');
}
