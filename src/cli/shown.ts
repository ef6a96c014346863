/** What all commands of cronctl do with their text and their operands. */
import { EXIT, Failure } from '../system/failure.ts';
import { print } from './terminal.ts';

/** Print a text, and return the exit status. */
export async function show(text: string): Promise<number> {
  return (await print(Buffer.from(`${text}\n`))) ? EXIT.OK : EXIT.FAILURE;
}

/** Fail if there are operands where a command has none. */
export function refuseOperands([first]: readonly string[], usage: string): void {
  if (first !== undefined)
    throw new Failure(`usage error: "${first}" is no option\n${usage}`, { exit: EXIT.USAGE });
}
