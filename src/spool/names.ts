/** The name of a file → whether it is a crontab, in the spool and in cron.d. */

/** Know a tab of the spool: it has its user's name. `tmp.` is an install on its way, as in Debian. */
export function isUserTab(name: string): boolean {
  return name !== '' && !/^\.|^tmp\.|\/|\p{Cc}/u.test(name);
}

/** Know a crontab of cron.d, by the rules of run-parts(8): Debian's own, or with `cron -l` the LSB's. */
export function isSystemTab(name: string, lsb: boolean): boolean {
  if (!lsb) return /^[a-zA-Z0-9_-]+$/.test(name);
  // The three expressions of Debian's database.c, valid_name().
  if (/^_?([a-z0-9_.]+-)+[a-z0-9]+$/.test(name)) return !/^[a-z0-9-].*dpkg-(old|dist)$/.test(name);
  return /^[a-z0-9][a-z0-9-]*$/.test(name);
}
