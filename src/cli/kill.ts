/** cronctl kill: a job that is running → asked to end, and made to. */
import { constants } from 'node:os';
import { EXIT, Failure } from '../system/failure.ts';
import { inquire } from './inquiry.ts';
import { harmless } from './lines.ts';
import { longOptions } from './longs.ts';
import { print, say } from './terminal.ts';

const USAGE = `usage:\tcronctl kill [--now | --signal SIGNAL] [--json] [--config FILE] RUN...

\tRUN\t(as status shows it, or the beginning of it)
\t--now\t(with SIGKILL, and not with SIGTERM first)
\t--signal SIGNAL\t(send this one, and nothing after it)
\t--json\t(an object a line)
\t--config FILE\t(read this file and not /etc/mailcron.toml)`;

/** End jobs; the exit status says whether all of them were running. */
export async function kill(args: readonly string[]): Promise<number> {
  const names = ['now', 'signal:', 'json', 'config:', 'help'];
  const { options, operands } = longOptions(args, names, 's:', USAGE);
  if (options.has('help')) return show(USAGE);
  if (operands.length === 0) throw wrong('name a run');
  const named = options.get('signal') ?? options.get('s');
  if (named !== undefined && options.has('now')) throw wrong('give --now or --signal, not both');
  const signal = options.has('now') ? 'SIGKILL' : named === undefined ? undefined : nameOf(named);
  let status: number = EXIT.OK;
  for (const run of operands) {
    try {
      const question = { request: 'kill', run, ...(signal !== undefined && { signal }) };
      const done = await inquire(question, options.get('config'));
      const { run: name, owner, command, signal: sent, grace } = done;
      const object = { run: name, user: owner, command, signal: sent, grace };
      await show(options.has('json') ? JSON.stringify(object) : asText(object));
    } catch (error) {
      if (!(error instanceof Failure) || operands.length === 1) throw error;
      say(`cronctl: ${error.message}`);
      status = error.exit;
    }
  }
  return status;
}

function asText({ run, user, command, signal, grace }: Readonly<Record<string, unknown>>): string {
  const then = typeof grace === 'number' ? `; SIGKILL follows after ${grace / 1000} s` : '';
  const job = `${harmless(String(run))} of ${harmless(String(user))}`;
  return `${harmless(String(signal))} was sent to ${job}${then}: ${harmless(String(command))}`;
}

/** A signal by its name, with or without SIG, or by its number. */
function nameOf(word: string): string {
  const upper = word.toUpperCase();
  const name = upper.startsWith('SIG') ? upper : `SIG${upper}`;
  const found = Object.entries(constants.signals).find(
    ([known, number]) => known === name || `${number}` === word,
  );
  if (found === undefined) throw wrong(`there is no signal "${word}"`);
  return found[0];
}

function wrong(problem: string): Failure {
  return new Failure(`usage error: ${problem}\n${USAGE}`, { exit: EXIT.USAGE });
}

async function show(text: string): Promise<number> {
  return (await print(Buffer.from(`${text}\n`))) ? EXIT.OK : EXIT.FAILURE;
}
