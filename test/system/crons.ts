/** The two crons side by side in one box: Debian's at its own paths, ours at paths of its own. */
import assert from 'node:assert/strict';
import type { Box, Program, StartOptions } from '../support/system.ts';
import { until } from '../support/system.ts';

/** Debian's packages that make up its cron; see `unpackDebian()`. */
export const DEBIAN = ['cron', 'cron-daemon-common'] as const;

/** Where a cron looks for its tabs, and where its log goes. */
export interface Paths {
  readonly spool: string;
  readonly systemCrontab: string;
  readonly cronD: string;
  readonly log: string;
}

export const debian: Paths = {
  spool: '/var/spool/cron/crontabs',
  systemCrontab: '/etc/crontab',
  cronD: '/etc/cron.d',
  log: '/var/log/syslog',
};

/** Paths for a mailcron of its own name, so that any number run in one box. */
export function own(name: string): Paths {
  return {
    spool: `/srv/${name}/spool`,
    systemCrontab: `/srv/${name}/crontab`,
    cronD: `/srv/${name}/cron.d`,
    log: `/srv/${name}/log`,
  };
}

/** Install a user's tab as crontab(1) leaves it. */
export async function installTab(
  box: Box,
  paths: Paths,
  user: string,
  text: string | Buffer,
): Promise<void> {
  await box.write(`${paths.spool}/${user}`, text, user, 0o600);
}

/** Unpack Debian's cron over the box's root, with the group and the spool that its installation makes. */
export async function unpackDebian(box: Box): Promise<void> {
  await box.run(`
    for deb in /debs/cron_*.deb /debs/cron-daemon-common_*.deb; do
      dpkg --fsys-tarfile $deb | tar -x -C / --keep-directory-symlink
    done
    groupadd -f crontab
    install -d -g crontab -m 1730 ${debian.spool}`);
}

/**
 * Start Debian's cron as its unit does, with a syslog that keeps its lines.
 * With a name it has a log and a /run of its own, so that any number run in one box.
 */
export async function startDebian(
  box: Box,
  { name, ...rest }: { name?: string } & StartOptions = {},
): Promise<Program> {
  const cron = ['/usr/sbin/cron', '-f'];
  if (name === undefined) {
    await startSyslog(box, '/dev', debian.log);
    return box.start(cron, rest);
  }
  await startSyslog(box, `/srv/${name}`, own(name).log);
  const apart = `mount -t tmpfs run /run; : >> /dev/log; mount --bind /srv/${name}/log.socket /dev/log; exec "$@"`;
  return box.start(['unshare', '--mount', 'sh', '-ec', apart, 'sh', ...cron], rest);
}

/** Write every line that is sent to a socket into a file. */
export async function startSyslog(box: Box, folder: string, file: string): Promise<void> {
  const socket = folder === '/dev' ? 'log' : 'log.socket';
  const perl = `
    socket S, AF_UNIX, SOCK_DGRAM, 0;
    bind S, sockaddr_un("${folder}/${socket}") or die;
    chmod 0666, "${folder}/${socket}";
    open L, ">>", "${file}";
    select L;
    $| = 1;
    while (defined recv S, $line, 65536, 0) { print $line, "\n" }`;
  await box.run(`mkdir -p ${folder}`);
  box.start(['perl', '-MSocket', '-e', perl]);
  await until('there is a syslog', async () =>
    (await box.list(folder)).includes(socket) ? true : undefined,
  );
}

export interface MailcronOptions extends StartOptions {
  /** Without a name, it has the paths that it has on every machine. */
  readonly name?: string;
  /** Where a named one finds its crontabs, when that is not its own place. */
  readonly paths?: Paths;
  readonly args?: readonly string[];
  /** TOML to go with the paths. */
  readonly settings?: string;
}

/** Start mailcron in the foreground, at Debian's paths or at its own. */
export async function startMailcron(box: Box, options: MailcronOptions = {}): Promise<Program> {
  const { name, paths = own(name ?? ''), args = [], settings = '', ...rest } = options;
  const file = name === undefined ? '/etc/mailcron.toml' : `/srv/${name}/mailcron.toml`;
  await box.write(file, configuration(name, paths) + settings);
  await box.run(`mkdir -p ${name === undefined ? debian.spool : paths.spool}`);
  const cron = ['node', '/src/bin/cron', '-f', '--config', file, ...args];
  const program = box.start(cron, rest);
  const log = name === undefined ? '/var/log/mailcron' : paths.log;
  await until('mailcron has started', async () => {
    assert.equal(program.status(), null, `mailcron ended: ${program.output()}`);
    return (await box.read(log)).includes('STARTUP') || undefined;
  });
  return program;
}

function configuration(name: string | undefined, paths: Paths): string {
  if (name === undefined) return '[log]\nto = "/var/log/mailcron"\n';
  return `
[paths]
spool = "${paths.spool}"
system_crontab = "${paths.systemCrontab}"
cron_d = "${paths.cronD}"
allow = "/srv/${name}/allow"
deny = "/srv/${name}/deny"
run = "/srv/${name}/run"
pidfile = "/srv/${name}/pid"
reboot = "/srv/${name}/reboot"
state = "/srv/${name}/state"
mailbox = "/srv/${name}/mailbox"

[log]
to = "${paths.log}"
`;
}
