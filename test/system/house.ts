/** A box in which mailcron runs as root at Debian's paths, and `crontab` is ours. */
import { type Box, openBox } from '../support/system.ts';
import { debian, startMailcron, type MailcronOptions } from './crons.ts';

/** Open it; `before` is done while cron does not run yet. */
export async function openHouse(
  t: Parameters<typeof openBox>[0],
  before: (box: Box) => Promise<void> = async () => {},
  options: MailcronOptions = {},
): Promise<Box> {
  const box = await openBox(t);
  await box.run(`
    rm -rf /etc/crontab /etc/cron.d/* # the machine's own
    getent group crontab > /dev/null || groupadd crontab
    install -d -g crontab -m 1730 ${debian.spool}
    for name in crontab cronctl; do ln -s /src/bin/$name /usr/local/bin/$name; done`);
  await before(box);
  await startMailcron(box, options);
  return box;
}

/**
 * Give users numbers of their own, before anything of theirs runs: the kernel counts the processes of a number for the
 * whole machine, and another box may have the same.
 */
export async function setApart(box: Box, ...users: readonly string[]): Promise<void> {
  const first = 20_000 + (process.pid % 10_000) * 4;
  await box.run(users.map((user, n) => `usermod -u ${first + n} ${user}`).join('\n'));
}

/** Run a shell script as a user; what it printed on either output. Its last command must succeed. */
export function as(box: Box, user: string, script: string): Promise<string> {
  return box.run(
    `runuser -u ${user} -- env HOME=/tmp PATH=$PATH sh -c '${script.replaceAll("'", String.raw`'\''`)}' 2>&1`,
  );
}
