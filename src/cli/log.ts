/** cronctl log: the output of a job that is running → stdout; with -f, as it comes. */
import { EXIT, Failure } from '../system/failure.ts';
import { longOptions } from './longs.ts';
import { print, say } from './terminal.ts';
import { watchJob } from './watching.ts';

const USAGE = `usage:\tcronctl log [-f | --follow] [--config FILE] RUN

\tRUN\t(as status shows it, or the beginning of it)
\t-f\t(go on until the job ends)
\t--config FILE\t(read this file and not /etc/mailcron.toml)`;

/** Show what a job has printed so far, or until its end. */
export async function log(args: readonly string[]): Promise<number> {
  const { options, operands } = longOptions(args, ['follow', 'config:', 'help'], 'f', USAGE);
  if (options.has('help')) return (await print(Buffer.from(`${USAGE}\n`))) ? EXIT.OK : EXIT.FAILURE;
  const [run = '', ...others] = operands;
  if (run === '' || others.length > 0)
    throw new Failure(`usage error: name one run\n${USAGE}`, { exit: EXIT.USAGE });
  const follows = options.has('follow') || options.has('f');
  const question = { request: 'follow', run, ...(!follows && { wait: false }) } as const;
  const onRun = (): void => {};
  const status = await watchJob({ question, config: options.get('config'), onRun });
  if (status !== 0 && status <= 128) say(`cronctl: the job ended with exit status ${status}`);
  return EXIT.OK;
}
