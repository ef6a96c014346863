/** Users of the configuration who are nobody are told of when cron starts, not when their first mail waits. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { tellOfNobody } from '../../src/cli/nobody.ts';
import { readConfig } from '../../src/system/config.ts';
import type { User, Users } from '../../src/system/users.ts';

const folder = mkdtempSync(join(tmpdir(), 'nobody-'));
after(() => rmSync(folder, { recursive: true }));

const root: User = { name: 'root', uid: 0, gid: 0, groups: [], home: '/root', shell: '/bin/sh' };
const users: Pick<Users, 'find'> = {
  async find(name) {
    if (name === 'ldap') throw new Error('it did not answer');
    return name === 'root' ? root : null;
  },
};

const WAITS = 'meanwhile mail for the mailer waits in the outbox';
const NOBODY = 'there is no such user; meanwhile';
const cases: Record<string, readonly string[]> = {
  '': [],
  '[mail]\nmailer_user = "root"': [],
  '[mail]\nmailer_user = "gone"': [`[mail] mailer_user = "gone": there is no such user; ${WAITS}`],
  '[mail]\nmailer_user = "ldap"': [`[mail] mailer_user = "ldap": it did not answer; ${WAITS}`],
  '[mail]\nmailcmd = "mailbox:"\nmailer_user = "gone"': [],
  '[mail.smtp]\nhost = "relay"': [
    `[mail.smtp] run_as = "mailcron": ${NOBODY} mail for the relay waits in the outbox`,
  ],
  '[mail.smtp]\nhost = "relay"\nrun_as = "root"': [],
  '[hooks]\nhook_user = "gone"': [],
  '[hooks]\non_failure = "/bin/true"\nhook_user = "gone"': [
    `[hooks] hook_user = "gone": ${NOBODY} no hook is run`,
  ],
};
for (const [text, lines] of Object.entries(cases))
  test(`tellOfNobody() with ${JSON.stringify(text)} says ${lines.length} lines`, async () => {
    const file = join(folder, 'mailcron.toml');
    writeFileSync(file, `${text}\n`);
    const said: string[] = [];
    const config = readConfig({ config: file }, {});
    await tellOfNobody(config, users, (_who, _event, detail) => void said.push(detail ?? ''));
    assert.deepEqual(said, lines);
  });
