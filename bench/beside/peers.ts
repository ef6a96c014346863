/** The crons that are measured → where each comes from, and how its crontabs must look. */

export interface Peer {
  /** Debian's packages, fetched where they are missing; none for mailcron itself. */
  readonly packages: readonly string[];
  /** The line of a crontab after which no output is mailed. */
  readonly quiet: string;
  /** What the cron takes of one user's crontab, in lines. */
  readonly lines: number;
  /** The name in tables. */
  readonly title: string;
}

const ANY = { quiet: 'MAILTO=""', lines: 10_000 };

/** How each is started is in bench/peers, by the same names. */
export const peers: Readonly<Record<string, Peer>> = {
  mailcron: { ...ANY, packages: [], title: 'mailcron' },
  'mailcron-pam': { ...ANY, packages: [], title: 'mailcron, PAM sessions' },
  cron: { ...ANY, packages: ['cron'], title: "Debian's cron" },
  bcron: { ...ANY, packages: ['bcron', 'ucspi-unix', 'libbg2'], title: 'bcron' },
  // It calls sendmail for MAILTO="" too, and reads 255 lines, the settings among them.
  busybox: { packages: ['busybox-static'], quiet: 'MAILTO=', lines: 240, title: 'busybox crond' },
};

/** Whom to measure where nobody is named. */
export const everybody = ['mailcron', 'cron', 'bcron', 'busybox'];
