/** The command of an entry → what its shell will not do as it was meant. */

import { firstPercent } from './entry.ts';
import { lookup } from './environment.ts';
import { quoted, visible } from './escape.ts';
import type { Warn } from './problem.ts';
import type { WrittenEntry } from './written.ts';

/** Find a program as a shell would: its path, or null; `path` is a PATH. */
export type Which = (name: string, path: string) => string | null;

/** Warn of a "%" that ends the command where it was meant as a part of it. */
export function warnOfPercent({ entry, command }: WrittenEntry, warn: Warn): void {
  if (entry.stdin === null || !isForShell(entry.environment)) return;
  const at = firstPercent(command.text);
  const [before, behind] = [command.text.slice(0, at), command.text.slice(at + 1)];
  const word = before.slice(Math.max(before.lastIndexOf(' '), before.lastIndexOf('\t')) + 1);
  const cut =
    hasOpenQuote(entry.command) ||
    // date +%F, --format=%H, pid,%cpu
    (/[+=,:]$/.test(word) && /^[A-Za-z]/.test(behind)) ||
    /(?:^|[ \t;|&(])printf[ \t]+$/.test(before) ||
    // An address of the web: a%20b
    (word.includes('://') && /^[0-9A-Fa-f]{2}/.test(behind));
  if (!cut) return;
  const message = `The command ends at this "%", and the rest is its input: write "\\%" for a percent sign`;
  warn({ column: command.column + at, reason: 'unescaped %', message });
}

/** Tell whether a quote, or a command in backquotes or `$(`, is left open at the end. */
function hasOpenQuote(command: string): boolean {
  // What is closed is struck out; a quote that is left was never closed.
  const open = command.replaceAll(/\\[^]|'[^']*'|"(?:\\[^]|[^"\\])*"|`[^`]*`/g, '');
  return /['"`]/.test(open) || open.lastIndexOf('$(') > open.lastIndexOf(')');
}

const DEFAULT_PATH = '/usr/bin:/bin';
const ELSEWHERE = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/sbin:/snap/bin';

/** Programs that are in an sbin on most systems. */
const SBIN = new Set(
  (
    'arp badblocks blkid btrfs chroot depmod dmsetup e2fsck ethtool fsck fstrim groupadd halt hdparm hwclock ' +
    'ifconfig ifdown ifup insmod ip6tables iptables ldconfig logrotate losetup lvm lvs mdadm mkfs mkswap modprobe ' +
    'nft ntpdate poweroff pvs reboot rmmod route rtcwake service shutdown smartctl swapoff swapon sysctl tune2fs ' +
    'update-grub useradd userdel usermod vgs visudo xfs_repair zfs zpool'
  ).split(' '),
);

/** Words that every shell knows itself. */
const BUILTINS = new Set(
  (
    'alias bg break case cd command continue echo eval exec exit export false fg for function getopts hash if jobs ' +
    'kill let local printf pwd read readonly return set shift source test time times trap true type typeset ulimit ' +
    'umask unset until wait while'
  ).split(' '),
);

/** Warn of a command that is not in PATH, which in cron is shorter than at a terminal. */
export function warnOfPath(line: WrittenEntry, which: Which | undefined, warn: Warn): void {
  const { entry, command } = line;
  const path = lookup(entry.environment, 'PATH') ?? DEFAULT_PATH;
  // A PATH with an unexpanded "$" has been told of where it is set.
  if (path.includes('$') || !isForShell(entry.environment)) return;
  const name = firstWord(entry.command);
  if (name === null || BUILTINS.has(name) || looksLikeUser(line, which)) return;
  const { column } = command;
  const reason = 'command not found';
  const inPath = `PATH (${path})`;
  if (which === undefined) {
    if (!SBIN.has(name) || /(?:^|[:/])sbin(?:$|[:/])/.test(path)) return;
    const message = `${quoted(name)} is mostly in /usr/sbin, which is not in ${inPath}`;
    warn({ column, reason, message });
  } else if (which(name, path) === null) {
    const found = which(name, ELSEWHERE);
    const message =
      found === null
        ? `On this host no ${quoted(name)} is in ${inPath}`
        : `${quoted(name)} is not in ${inPath}: write ${found}`;
    warn({ column, reason, message });
  }
}

/** The program that a command starts, if it is a bare name that nothing but PATH can find. */
function firstWord(command: string): string | null {
  const assignment = /^[A-Za-z_]\w*=(?:'[^']*'|"[^"]*"|[^\s'"$`]*)[ \t]+/;
  let rest = command;
  for (let skipped = assignment.exec(rest); skipped !== null; skipped = assignment.exec(rest))
    rest = rest.slice(skipped[0].length);
  return /^[A-Za-z0-9][\w.+-]*(?=$|[\s;|&<>])/.exec(rest)?.[0] ?? null;
}

/** Names that are users everywhere, and hardly ever programs. */
const USERS = new Set(['root', 'nobody', 'www-data']);

/** Warn of a user where none belongs, or of a word that is no user where one does. */
export function warnOfUser(
  line: WrittenEntry,
  which: Which | undefined,
  isUser: ((name: string) => boolean) | undefined,
  warn: Warn,
): void {
  const { user, command } = line;
  const reason = 'user column';
  if (user === null) {
    if (!looksLikeUser(line, which)) return;
    const name = quoted(firstWord(command.text) ?? '');
    const message = `${visible(name)} will be run as a command: a user's crontab has no user column`;
    warn({ column: command.column, reason, message });
  } else if (isUser === undefined ? !/^\w[\w.@\\-]*\$?$/.test(user.text) : !isUser(user.text)) {
    const message = `There is no user ${quoted(user.text)}: a system crontab names the user before the command`;
    warn({ column: user.column, reason, message });
  }
}

/** Tell whether a command begins with a user's name that is no program, and something to run. */
function looksLikeUser({ user, command }: WrittenEntry, which: Which | undefined): boolean {
  const name = firstWord(command.text) ?? '';
  if (user !== null || !USERS.has(name) || !/^\S+[ \t]+\S/.test(command.text)) return false;
  return (which?.(name, `${DEFAULT_PATH}:${ELSEWHERE}`) ?? null) === null;
}

/** Tell whether commands are read by a shell that takes quotes as sh(1) does. */
function isForShell(environment: WrittenEntry['entry']['environment']): boolean {
  return /(?:^|\/)(?:sh|bash|dash|ash|ksh|mksh|zsh)$/.test(lookup(environment, 'SHELL') ?? 'sh');
}
