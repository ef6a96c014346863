/** cronctl run: an entry → started now, as cron would; its output → stdout. */
import { EXIT, Failure } from '../system/failure.ts';
import { inquire } from './inquiry.ts';
import { harmless } from './lines.ts';
import { longOptions } from './longs.ts';
import { print, say } from './terminal.ts';
import { watchJob } from './watching.ts';

const USAGE = `usage:\tcronctl run [--detach [--json]] [--no-mail] [--user USER] [--config FILE] ENTRY

\tENTRY\t(a line of one's crontab: 12; or of another: alice:12, /etc/crontab:7,
\t\tbackup:3; or a part of the command that only one entry has)
\t--detach\t(do not wait for the job's end, and print the name of its run)
\t--json\t(print an object)
\t--no-mail\t(mail nothing of what it prints)
\t--user USER\t(of this user's crontab; only root may)
\t--config FILE\t(read this file and not /etc/mailcron.toml)`;

const OPTIONS = ['detach', 'json', 'no-mail', 'user:', 'config:', 'help'] as const;

/** Start an entry now; ends with the job's exit status. */
export async function run(args: readonly string[]): Promise<number> {
  const { options, operands } = longOptions(args, OPTIONS, 'u:', USAGE);
  if (options.has('help')) return show(USAGE);
  const [entry = '', ...others] = operands;
  if (entry === '' || others.length > 0) throw wrong('name one entry');
  if (options.has('json') && !options.has('detach')) throw wrong('--json goes with --detach');
  const question = {
    request: 'run',
    entry,
    user: options.get('user') ?? options.get('u'),
    ...(options.has('no-mail') && { mail: false }),
  } as const;
  const config = options.get('config');
  if (!options.has('detach')) return attached(question, config);
  const started = await inquire({ ...question, detach: true }, config);
  const { run: name, owner, command } = started;
  if (options.has('json')) return show(JSON.stringify({ run: name, user: owner, command }));
  return show(harmless(String(name)));
}

/** Show it to its end; an interrupt ends the showing, and not the job. */
function attached(
  question: Parameters<typeof watchJob>[0]['question'],
  config: string | undefined,
) {
  let leave = (): void => process.exit(INTERRUPTED);
  process.on('SIGINT', () => leave());
  return watchJob({
    question,
    config,
    onRun(name, owner, command) {
      say(`cronctl: ${name}, as ${harmless(owner)}: ${command}`);
      leave = () => {
        say(
          `\ncronctl: the job goes on: "cronctl kill ${name}" ends it, "cronctl log -f ${name}" shows it`,
        );
        process.exit(INTERRUPTED);
      };
    },
  });
}

/** As a shell has it. */
const INTERRUPTED = 130;

function wrong(problem: string): Failure {
  return new Failure(`usage error: ${problem}\n${USAGE}`, { exit: EXIT.USAGE });
}

async function show(text: string): Promise<number> {
  return (await print(Buffer.from(`${text}\n`))) ? EXIT.OK : EXIT.FAILURE;
}
