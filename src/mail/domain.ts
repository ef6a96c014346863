/** Files of this machine → what it is called where mail is concerned. */
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import type { Names } from './relay.ts';

/** Debian's place for the domain of mail from this machine (Debian Policy, 11.6). */
const MAILNAME = '/etc/mailname';
const HOSTS = '/etc/hosts';

/**
 * Find the machine's names: the host's own where it has a domain, else the one that /etc/hosts
 * gives it, as `hostname -f` does where that file is asked first. No name server is asked.
 */
export function machineNames(read = readText, host = hostname()): Names {
  const full = host.includes('.') ? host : canonicalName(read(HOSTS), host);
  const mailname = read(MAILNAME).split(/\s/, 1)[0] ?? '';
  return {
    mail: mailname === '' ? (full ?? host) : mailname,
    ...(full !== undefined && { host: full }),
  };
}

/** The first name of the line that has the host's: hosts(5). */
function canonicalName(hosts: string, host: string): string | undefined {
  for (const line of hosts.split('\n')) {
    const [, canonical, ...aliases] = line.replace(/#.*/, '').trim().split(/\s+/);
    if (canonical?.includes('.') === true && aliases.includes(host)) return canonical;
  }
  return undefined;
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return ''; // not every machine has it
  }
}
