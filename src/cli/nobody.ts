/** The users whom a configuration names → a line of the log for each who is nobody, before anything has to wait for them. */
import { isRelay } from '../mail/relay.ts';
import type { Config } from '../system/config.ts';
import { reason } from '../system/failure.ts';
import type { Log } from '../system/sink.ts';
import type { Users } from '../system/users.ts';

/** Tell of them. Never throws: each may come, with the network or a package, and is looked up again when they are needed. */
export async function tellOfNobody(
  config: Config,
  users: Pick<Users, 'find'>,
  log: Log,
): Promise<void> {
  for (const [setting, name, meanwhile] of named(config)) {
    let why: string;
    try {
      if ((await users.find(name)) !== null) continue;
      why = 'there is no such user';
    } catch (error) {
      why = reason(error);
    }
    const detail = `${setting} = "${name}": ${why}; meanwhile ${meanwhile}`;
    log('CRON', 'ERROR', detail, { level: 'error' });
  }
}

function named({ mail, hooks }: Config): [setting: string, name: string, meanwhile: string][] {
  const { mailer_user: mailer, mailcmd, smtp } = mail;
  const hasRelay = isRelay(mailcmd) || smtp.host !== undefined;
  const isProgram = mailcmd !== 'mailbox:' && !isRelay(mailcmd);
  const hasHooks = hooks.on_failure !== undefined || hooks.on_missed !== undefined;
  return [
    ...(mailer !== undefined && isProgram
      ? [['[mail] mailer_user', mailer, waits('mailer')] as const]
      : []),
    ...(hasRelay ? [['[mail.smtp] run_as', smtp.run_as, waits('relay')] as const] : []),
    ...(hasHooks ? [['[hooks] hook_user', hooks.hook_user, 'no hook is run'] as const] : []),
  ].map((row) => [...row]);
}

function waits(way: string): string {
  return `mail for the ${way} waits in the outbox`;
}
