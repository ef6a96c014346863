/** The configuration → the postman, where there is a relay to bring mail to. */
import { fileURLToPath } from 'node:url';
import { machineNames } from '../mail/domain.ts';
import { Postman } from '../mail/postman.ts';
import { isRelay, readRelay } from '../mail/relay.ts';
import type { Config } from '../system/config.ts';
import { NO_DEBUGGER } from '../system/debugger.ts';
import type { Launcher } from '../system/program.ts';
import type { Users } from '../system/users.ts';

const PROGRAM = fileURLToPath(new URL('./postman.js', import.meta.url));

/**
 * Make the postman that the configuration asks for; null: it names no relay.
 * @param own the name of this process's user, where that is not root: nobody else can be had
 * @throws {Failure} with EXIT.CONFIG
 */
export function openPostman(
  { mailcmd, smtp }: Config['mail'],
  users: Users,
  launcher: Launcher,
  own?: string,
): Postman | null {
  if (!isRelay(mailcmd) && smtp.host === undefined) return null;
  const relay = readRelay(mailcmd, smtp, machineNames());
  const argv = [process.execPath, NO_DEBUGGER, PROGRAM] as const;
  return new Postman({ relay, user: own ?? smtp.run_as, argv }, users, launcher);
}
