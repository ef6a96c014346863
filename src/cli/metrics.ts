/** cronctl metrics: what the daemon has counted → OpenMetrics text on stdout. */
import { EXIT } from '../system/failure.ts';
import { inquire } from './inquiry.ts';
import { longOptions } from './longs.ts';
import { refuseOperands, show } from './shown.ts';
import { print } from './terminal.ts';

const USAGE = `usage:\tcronctl metrics [--config FILE]

\t--config FILE\t(read this file and not /etc/mailcron.toml)`;

/** Print the metrics of one's own jobs, or as root of all. */
export async function metrics(args: readonly string[]): Promise<number> {
  const { options, operands } = longOptions(args, ['config:', 'help'], '', USAGE);
  if (options.has('help')) return show(USAGE);
  refuseOperands(operands, USAGE);
  const { body } = await inquire({ request: 'metrics' }, options.get('config'));
  return (await print(body)) ? EXIT.OK : EXIT.FAILURE;
}
