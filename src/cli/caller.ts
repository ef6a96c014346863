/** The process that runs → its user and this machine's names, as a mail tells them. */
import { statSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { isAbsolute } from 'node:path';
import { machineNames } from '../mail/domain.ts';
import { hostNames } from '../mail/local.ts';
import type { Sender } from '../mail/submission.ts';
import { fromText } from '../system/bytes.ts';
import { fullName, getpwuid } from '../system/libc/names.ts';
import type { User } from '../system/users.ts';

export interface Caller {
  readonly user: User;
  readonly sender: Sender;
  /** Where files may be made that are gone when the process is. */
  readonly temporary: string;
}

/** Tell who calls; in a container that may be a number without a name. */
export function whoCalls(): Caller {
  const uid = process.geteuid?.() ?? -1;
  const passwd = getpwuid(uid) ?? {
    name: String(uid),
    uid,
    gid: process.getegid?.() ?? -1,
    home: '/',
    shell: '/bin/sh',
  };
  const host = hostname();
  const names = machineNames();
  return {
    user: { ...passwd, home: ownHome(uid) ?? passwd.home, groups: process.getgroups?.() ?? [] },
    sender: {
      user: fromText(passwd.name),
      uid,
      name: fullName(uid),
      domain: fromText(names.mail),
      host: fromText(host),
      hosts: hostNames(names, host),
    },
    temporary: tmpdir(),
  };
}

/** HOME, if it is the caller's own: sudo may have left that of another user. */
function ownHome(uid: number): string | null {
  const home = process.env['HOME'] ?? '';
  if (!isAbsolute(home)) return null;
  return statSync(home, { throwIfNoEntry: false })?.uid === uid ? home : null;
}
