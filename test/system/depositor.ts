/** The hand that puts mail into mailboxes, for a test that is not on the machine: recipients → what it refused, as JSON. */
import { fileURLToPath } from 'node:url';
import { depositIn } from '../../src/mail/deposit.ts';
import { systemLauncher } from '../../src/run/launcher.ts';
import { fromText } from '../../src/system/bytes.ts';
import { getgrnam } from '../../src/system/libc/names.ts';
import { systemUsers } from '../../src/system/users.ts';

const [owner = '', body = '', ...recipients] = process.argv.slice(2);
const program = fileURLToPath(new URL('../../src/cli/deposit.js', import.meta.url));
const users = systemUsers();
const user = await users.find(owner);
if (user === null) throw new Error(`There is no user "${owner}"`);
const self = process.geteuid?.() ?? -1;
const format = process.env['FORMAT'] === 'maildir' ? 'maildir' : 'mbox';
const hand = depositIn(
  {
    program: [process.execPath, program],
    mailbox: '/var/mail',
    format,
    spool: '/tmp/spool',
    timeout: 60_000,
    self,
  },
  {
    launcher: systemLauncher(self, 1024),
    users,
    mailGroup: () => getgrnam('mail'),
    log: () => {},
  },
);
const bytes = Buffer.from(/^\d+$/.test(body) ? 'a line of a mail\n'.repeat(Number(body)) : body);
const refused = await hand({
  run: 'run-1',
  user,
  sender: user.name,
  recipients,
  head: fromText(`Subject: for ${recipients.join()}\n\n`),
  size: bytes.length,
  async *chunks() {
    yield bytes;
  },
});
process.stdout.write(JSON.stringify(refused.map(({ reason }) => reason)));
