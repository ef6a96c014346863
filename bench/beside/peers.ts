/** The crons that are measured → where each comes from, and how its crontabs must look. */

export interface Peer {
  /** Debian's packages, fetched where they are missing; none for mailcron itself. */
  readonly packages: readonly string[];
  /** The line of a crontab after which no output is mailed. */
  readonly quiet: string;
  /** What the cron takes of one user's crontab, in lines. */
  readonly lines: number;
  /** Beyond so many entries it takes longer to load than anybody waits. */
  readonly most?: number;
  /** What installs a crontab of user u0 from the file named after it, and what prints root's. */
  readonly install: readonly string[];
  readonly list: readonly string[];
  /** Cases that it is left out of, and why. */
  readonly cannot?: Readonly<Record<string, string>>;
  /** The name in tables. */
  readonly title: string;
}

const ANY = {
  quiet: 'MAILTO=""',
  lines: 10_000,
  install: ['crontab', '-u', 'u0'],
  list: ['crontab', '-l'],
};
const BUSYBOX = ['busybox', 'crontab', '-c', '/var/spool/cron/crontabs', '-u'];

/** How each is started is in bench/peers, by the same names. */
export const peers: Readonly<Record<string, Peer>> = {
  mailcron: { ...ANY, packages: [], title: 'mailcron' },
  'mailcron-pam': { ...ANY, packages: [], title: 'mailcron, PAM sessions' },
  cron: { ...ANY, packages: ['cron'], title: "Debian's cron" },
  bcron: {
    ...ANY,
    packages: ['bcron', 'ucspi-unix', 'libbg2'],
    install: ['bcrontab', '-u', 'u0'],
    list: ['bcrontab', '-u', 'root', '-l'],
    title: 'bcron',
  },
  busybox: {
    packages: ['busybox-static'],
    quiet: 'MAILTO=', // it calls sendmail for MAILTO="" too
    lines: 240, // of 255, the settings among them
    install: [...BUSYBOX, 'u0'],
    list: [...BUSYBOX, 'root', '-l'],
    title: 'busybox crond',
  },
  mcron: {
    ...ANY,
    packages: ['mcron', 'guile-3.0-libs', 'libgc1'],
    most: 10_000, // these take it five seconds, ten times as many over a minute
    cannot: {
      install: 'its crontab(1) ends with "Unbound variable: crontab-user"',
      list: 'its crontab(1) ends with "Unbound variable: crontab-user"',
      output: 'it takes half a MiB of output a second',
    },
    title: 'mcron',
  },
};

/** Whom to measure where nobody is named. */
export const everybody = ['mailcron', 'cron', 'bcron', 'busybox', 'mcron'];
