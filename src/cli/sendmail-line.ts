/** What sendmail(8) can be asked for, and how: a command line that was read, and the usage that tells of it. */
import { EXIT, Failure } from '../system/failure.ts';

/** What is to be done. */
export type Duty = 'send' | 'queue' | 'flush' | 'aliases' | 'verify' | 'help' | 'version';

/** A command line, read; texts are byte strings. */
export interface SendmailLine {
  readonly duty: Duty;
  /** As they stand there: each may be a list of addresses. */
  readonly recipients: readonly string[];
  /** `-t`: the message names recipients too. */
  readonly fromMessage: boolean;
  /** A line that is a dot ends the message. */
  readonly dotEnds: boolean;
  /** `-n`: names are not looked up in the aliases. */
  readonly noAliases: boolean;
  /** `-f`, `-r`: the address that errors go to; '' is nobody. */
  readonly sender: string | null;
  /** `-F`: the sender's name, for a From that is missing. */
  readonly name: string | null;
  readonly verbose: boolean;
  /** `-oeq`: errors are told by the exit status only. */
  readonly quiet: boolean;
  readonly config: string | undefined;
}

export const SENDMAIL_USAGE = `usage:\tcron-sendmail [-tinv] [-f sender] [-F name] [-B type] [-o option] [recipient...]
\tcron-sendmail -bp | -q | -bi | -bv address...

\tthe message is read from standard input
\t-t\t(recipients are in To, Cc and Bcc, too)
\t-i, -oi\t(a line with a single dot does not end the message)
\t-f, -r\t(where errors go to)
\t-F\t(the sender's name, if the message has no From)
\t-n\t(no aliases)
\t-v\t(say what happens)
\t-bp\t(show what waits; as mailq)
\t-q\t(try now what waits)
\t-bi\t(check the aliases; as newaliases)
\t-bv\t(tell where addresses lead to)
\t--config FILE\t(read this file and not /etc/mailcron.toml)
\t--version\t(show the version)`;

/** Complain of a line, with the usage. */
export function misused(problem: string): Failure {
  return new Failure(`usage error: ${problem}\n${SENDMAIL_USAGE}`, { exit: EXIT.USAGE });
}
