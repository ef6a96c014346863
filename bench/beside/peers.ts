/** The crons that are measured → where each comes from, and how its crontabs must look. */

export interface Peer {
  /** Debian's packages, fetched where they are missing; none for mailcron itself. */
  readonly packages: readonly string[];
  /** The line of a crontab after which no output is mailed. */
  readonly quiet: string;
  /** What the cron takes of one user's crontab, in lines. */
  readonly lines: number;
  /** What installs a crontab of user u0 from the file named after it, and what prints it. */
  readonly install: readonly string[];
  readonly list: readonly string[];
  /** The name in tables. */
  readonly title: string;
}

const ANY = {
  quiet: 'MAILTO=""',
  lines: 10_000,
  install: ['crontab', '-u', 'u0'],
  list: ['crontab', '-u', 'u0', '-l'],
};
const BUSYBOX = ['busybox', 'crontab', '-c', '/var/spool/cron/crontabs', '-u', 'u0'];

/** How each is started is in bench/peers, by the same names. */
export const peers: Readonly<Record<string, Peer>> = {
  mailcron: { ...ANY, packages: [], title: 'mailcron' },
  'mailcron-pam': { ...ANY, packages: [], title: 'mailcron, PAM sessions' },
  cron: { ...ANY, packages: ['cron'], title: "Debian's cron" },
  bcron: {
    ...ANY,
    packages: ['bcron', 'ucspi-unix', 'libbg2'],
    install: ['bcrontab', '-u', 'u0'],
    list: ['bcrontab', '-u', 'u0', '-l'],
    title: 'bcron',
  },
  busybox: {
    packages: ['busybox-static'],
    quiet: 'MAILTO=', // it calls sendmail for MAILTO="" too
    lines: 240, // of 255, the settings among them
    install: BUSYBOX,
    list: [...BUSYBOX, '-l'],
    title: 'busybox crond',
  },
};

/** Whom to measure where nobody is named. */
export const everybody = ['mailcron', 'cron', 'bcron', 'busybox'];
