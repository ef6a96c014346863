/** V8's optimizing compiler, which a process that does little is better off without: it is 4 MB of code, and 3 of data. */
import { setFlagsFromString } from 'node:v8';

/** V8's own limit: no function with more bytecode is optimized. bin/cron sets it to nothing for a start. */
const USUAL = 61_440;

/** There is hard work: from now on, what runs often is optimized. */
export function optimize(): void {
  setFlagsFromString(`--max-optimized-bytecode-size=${USUAL}`);
}
