/** A user and recipients → the mail of a job that printed a line, for a test. */
import { hostname } from 'node:os';
import { composeHead } from '../../core/message.ts';
import { fromText } from '../../system/bytes.ts';
import { codeset } from '../../system/libc/locale.ts';
import type { Outgoing } from '../../system/outgoing.ts';
import type { User } from '../../system/users.ts';

/** What a job named "cronctl mail-test" would have printed. */
export function compose(user: User, to: readonly string[]): Outgoing {
  const host = hostname();
  const text = `This is a test: mail of cron on ${host} comes to you.\n`;
  const body = Buffer.from(text);
  const run = `mail-test-${process.pid}`;
  const head = composeHead({
    user: fromText(user.name),
    host: fromText(host.replace(/\..*$/, '')),
    command: `cronctl mail-test, ${new Date().toISOString()}`,
    to: to.join(', '),
    environment: [],
    charset: codeset(),
    failed: false,
  });
  return {
    run,
    user,
    sender: fromText(user.name),
    recipients: to,
    head,
    size: body.length,
    async *chunks() {
      yield body;
    },
  };
}
