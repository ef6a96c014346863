/** cronctl reload: the crontabs of the daemon → looked at now. */
import { EXIT } from '../system/failure.ts';
import { inquire } from './inquiry.ts';
import { longOptions } from './longs.ts';
import { refuseOperands, show } from './shown.ts';

const USAGE = `usage:\tcronctl reload [--json] [--config FILE]

\t--json\t(an object: how many crontabs and entries are in force then)
\t--config FILE\t(read this file and not /etc/mailcron.toml)`;

/** Have cron look at its crontabs now; returns when it has. */
export async function reload(args: readonly string[]): Promise<number> {
  const { options, operands } = longOptions(args, ['json', 'config:', 'help'], '', USAGE);
  if (options.has('help')) return show(USAGE);
  refuseOperands(operands, USAGE);
  const { crontabs, entries } = await inquire({ request: 'reload' }, options.get('config'));
  return options.has('json') ? show(JSON.stringify({ crontabs, entries })) : EXIT.OK;
}
