/** A configuration and mails → a postman's answers, as JSON: what a scheduler does with one, in a box. */
import { readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { openPostman } from '../../src/cli/relay.ts';
import { systemLauncher } from '../../src/run/launcher.ts';
import { readConfig } from '../../src/system/config.ts';
import type { Refused } from '../../src/system/outgoing.ts';
import { systemUsers } from '../../src/system/users.ts';

/** A mail of this test; byte strings. */
export interface Posted {
  readonly sender: string;
  readonly recipients: readonly string[];
  readonly subject: string;
  readonly body: string;
  /** So often, for a long body. */
  readonly times?: number;
}

const [config = '', file = ''] = process.argv.slice(2);
const uid = process.getuid?.() ?? -1;
const users = systemUsers();
const own = userInfo().username;
const postman = openPostman(
  readConfig({ config }, {}).mail,
  users,
  systemLauncher(uid, 1024),
  uid === 0 ? undefined : own,
);
const user = await users.find(own);
if (postman === null || user === null) throw new Error('There is no postman, or no user');
const mails: Posted[] = JSON.parse(readFileSync(file, 'utf8'));
const refused: (readonly Refused[])[] = await Promise.all(
  mails.map(({ sender, recipients, subject, body, times = 1 }, index) => {
    const piece = Buffer.from(body, 'latin1');
    return postman.hand({
      run: `run-${index}`,
      user,
      sender,
      recipients,
      head: `From: root (Cron Daemon)\nTo: ${recipients.join(', ')}\nSubject: ${subject}\nContent-Transfer-Encoding: 8bit\n\n`,
      size: piece.length * times,
      async *chunks() {
        for (let count = 0; count < times; count += 1) yield piece;
      },
    });
  }),
);
await postman.close();
process.stdout.write(JSON.stringify(refused));
