/** A root directory → which init starts its services, and which other crons are there. */
import { spawnSync } from 'node:child_process';
import {
  accessSync,
  constants,
  existsSync,
  readdirSync,
  readFileSync,
  readlinkSync,
} from 'node:fs';
import { join } from 'node:path';

/** Who starts services, or `none`: a container, say. */
export const INITS = ['systemd', 'openrc', 'sysvinit', 'none'] as const;
export type Init = (typeof INITS)[number];

/** By what each is known: while it runs, and where only its files are there. */
const SIGNS: readonly (readonly [Init, running: string, installed: string])[] = [
  ['systemd', '/run/systemd/system', '/usr/lib/systemd/systemd'],
  ['openrc', '/run/openrc', '/sbin/openrc-run'],
  ['sysvinit', '/etc/inittab', '/etc/init.d/rc'],
];

/** Find out which init a machine has; below another root nothing runs. */
export function findInit(root: string): Init {
  const there = (path: string): boolean => existsSync(join(root, path));
  const running = root === '/' ? SIGNS.find(([, sign]) => there(sign)) : undefined;
  const found = running ?? SIGNS.find(([, sign, program]) => there(program) || there(sign));
  return found?.[0] ?? 'none';
}

/** Where an administrator's programs are; PATH may be anything. */
const FOLDERS = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];

/** The path of a program below a root, as it is seen from there. */
export function findProgram(root: string, name: string): string | null {
  const paths = FOLDERS.map((folder) => join(folder, name));
  return paths.find((path) => isExecutable(join(root, path))) ?? null;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** By which every job changes its user. */
const SETPRIV = '/usr/bin/setpriv';

/** Whether the setpriv(1) that cron needs is there: busybox' of the same name changes no user. */
export function hasSetpriv(): boolean {
  const { stdout } = spawnSync(SETPRIV, ['--version'], { encoding: 'utf8' });
  return typeof stdout === 'string' && stdout.includes('util-linux');
}

/** A cron that is not ours, and runs. */
export interface OtherCron {
  readonly pid: number;
  readonly name: string;
}

/** Names of daemons that read the same crontabs: vixie's, cronie's and busybox', fcron, bcron. Ours is a "node". */
const CRONS = ['cron', 'crond', 'fcron', 'bcron-sched', 'systemd-cron'];

/** Find crons that run; those in containers are no business of ours. */
export function otherCrons(): OtherCron[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.flatMap((pid) => {
    try {
      const name = readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
      if (!CRONS.includes(name)) return [];
      const here = readlinkSync('/proc/self/ns/pid') === readlinkSync(`/proc/${pid}/ns/pid`);
      return here ? [{ pid: Number(pid), name }] : [];
    } catch {
      return []; // it has ended this moment
    }
  });
}

/** Services by which distributions start a cron. */
const SERVICES = ['cron', 'crond', 'cronie', 'dcron', 'fcron', 'bcron', 'busybox-crond'];

/** What ends another cron for good and keeps its crontabs. */
export function howToStop(init: Init): string[] {
  switch (init) {
    case 'systemd':
      return ['systemctl disable --now cron.service    (crond.service, cronie.service)'];
    case 'openrc':
    case 'sysvinit': {
      const name = SERVICES.find((service) => existsSync(`/etc/init.d/${service}`)) ?? 'cron';
      return init === 'openrc'
        ? [`rc-service ${name} stop && rc-update del ${name}`]
        : [`/etc/init.d/${name} stop && update-rc.d ${name} disable`];
    }
    case 'none':
      return ['end it by its process id'];
    default:
      return init satisfies never;
  }
}
