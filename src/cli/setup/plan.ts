/** What this machine is → what mailcron needs on it: files, links, and commands. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram, type Init } from './machine.ts';

/** A file or a symbolic link that is to be there. */
export type Wanted =
  | { readonly path: string; readonly text: string; readonly mode: number }
  | { readonly path: string; readonly target: string };

export type Command = readonly [program: string, ...args: string[]];

export interface Plan {
  readonly files: readonly Wanted[];
  /** Directories that cron needs, made if they are not there. */
  readonly directories: readonly string[];
  /** Makes the user that speaks to relays, if there is none. */
  readonly user: Command | null;
  /** What lets init know of cron, and starts it. */
  readonly begin: readonly Command[];
  /** What undoes `begin`: before the files go, and after. */
  readonly end: readonly Command[];
  readonly after: readonly Command[];
}

/** Where things are: the machine's root, this package, and the Node that runs it. */
export interface Places {
  readonly root: string;
  readonly package: string;
  readonly node: string;
}

/** The user of the built-in delivery, by its default name. */
export const USER = 'mailcron';

/** /usr belongs to packages: what no package brings is in /usr/local. */
const CRON = '/usr/local/sbin/cron';
const PROGRAMS = {
  [CRON]: 'cron',
  '/usr/local/sbin/cron-sendmail': 'cron-sendmail',
  '/usr/local/bin/crontab': 'crontab',
  '/usr/local/bin/cronctl': 'cronctl',
};

const PAGES = [
  'cron.8',
  'cron-sendmail.8',
  'mailcron-setup.8',
  'crontab.1',
  'cronctl.1',
  'crontab.5',
  'mailcron.toml.5',
];

/** What an init reads: our file in the package, its place, and its mode. */
const SERVICES: Record<Init, readonly (readonly [from: string, to: string, mode: number])[]> = {
  systemd: [
    ['systemd/cron.service', '/etc/systemd/system/cron.service', 0o644],
    ['sysusers/mailcron.conf', '/etc/sysusers.d/mailcron.conf', 0o644],
  ],
  openrc: [
    ['openrc/cron.initd', '/etc/init.d/cron', 0o755],
    ['openrc/cron.confd', '/etc/conf.d/cron', 0o644],
  ],
  sysvinit: [['sysvinit/cron', '/etc/init.d/cron', 0o755]],
  none: [],
};

/** Make the plan for an init. */
export function makePlan(init: Init, places: Places): Plan {
  const services = SERVICES[init].map(([from, path, mode]) => {
    const text = readFileSync(join(places.package, 'packaging', from), 'utf8');
    return { path, mode, text: text.replaceAll('/usr/sbin/cron', CRON) };
  });
  const programs = Object.entries(PROGRAMS).map(([path, name]) => ({
    path,
    mode: 0o755,
    text: starter(places, name),
  }));
  const pages = PAGES.map((page) => ({
    path: `/usr/local/share/man/man${page.slice(-1)}/${page}`,
    target: join(places.package, 'man', page),
  }));
  return {
    files: [...programs, ...pages, ...services],
    directories: ['/var/spool/cron/crontabs'],
    user: userCommand(init, places.root),
    ...SWITCHES[init](places.root),
  };
}

/** A program that starts ours with this very Node, whatever PATH its caller has. */
function starter(places: Places, name: string): string {
  const [node, program] = [places.node, join(places.package, 'bin', name)].map(quote);
  const threads = name === 'cron' ? 'UV_THREADPOOL_SIZE=${UV_THREADPOOL_SIZE:-32} ' : '';
  return `#!/bin/sh\n# Written by mailcron-setup.\n${threads}exec ${node} ${program} "$@"\n`;
}

function quote(word: string): string {
  return /^[\w./@+-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}

type Switches = Pick<Plan, 'begin' | 'end' | 'after'>;

const SWITCHES: Record<Init, (root: string) => Switches> = {
  systemd: () => ({
    begin: [
      ['systemctl', 'daemon-reload'],
      ['systemctl', 'enable', '--now', 'cron.service'],
    ],
    end: [['systemctl', 'disable', '--now', 'cron.service']],
    after: [['systemctl', 'daemon-reload']],
  }),
  openrc: () => ({
    begin: [
      ['rc-update', 'add', 'cron', 'default'],
      ['rc-service', 'cron', 'start'],
    ],
    end: [
      ['rc-service', 'cron', 'stop'],
      ['rc-update', 'del', 'cron', 'default'],
    ],
    after: [],
  }),
  sysvinit(root) {
    const [start, stop] = [
      ['/etc/init.d/cron', 'start'] as const,
      ['/etc/init.d/cron', 'stop'] as const,
    ];
    // Debian's, or Red Hat's and SUSE's; elsewhere the links are the administrator's to make.
    if (findProgram(root, 'update-rc.d') !== null)
      return {
        begin: [['update-rc.d', 'cron', 'defaults'], start],
        end: [stop],
        after: [['update-rc.d', 'cron', 'remove']],
      };
    if (findProgram(root, 'chkconfig') !== null)
      return {
        begin: [['chkconfig', '--add', 'cron'], start],
        end: [stop, ['chkconfig', '--del', 'cron']],
        after: [],
      };
    return { begin: [start], end: [stop], after: [] };
  },
  none: () => ({ begin: [], end: [], after: [] }),
};

function userCommand(init: Init, root: string): Command | null {
  if (init === 'systemd') return ['systemd-sysusers', '/etc/sysusers.d/mailcron.conf'];
  if (findProgram(root, 'useradd') !== null)
    return [
      'useradd',
      '--system',
      '--no-create-home',
      '--home-dir',
      '/',
      '--shell',
      '/bin/false',
      USER,
    ];
  if (findProgram(root, 'adduser') !== null)
    // busybox'
    return ['adduser', '-S', '-D', '-H', '-h', '/', '-s', '/bin/false', USER];
  return null;
}

/** What removes the user again. */
export function userRemoval(root: string): Command | null {
  const program = ['userdel', 'deluser'].find((name) => findProgram(root, name) !== null);
  return program === undefined ? null : [program, USER];
}
