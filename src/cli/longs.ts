/** The arguments of a cronctl command → its options by their long names. */
import { EXIT } from '../system/failure.ts';
import { commandLine } from './options.ts';

/** Option → its value; '' for one that has none. */
export type Options = ReadonlyMap<string, string>;

/** Beyond ASCII: letters that nobody types by accident (see commandLine). */
const FIRST = 0x1000;

/**
 * Read long options.
 * @param names those with a value end in ":"
 * @param short letters that are known as well, by getopt's rules; "h" is "help"
 */
export function longOptions(
  args: readonly string[],
  names: readonly string[],
  short: string,
  usage: string,
): { readonly options: Options; readonly operands: readonly string[] } {
  const letters = names.map((name, index) => [String.fromCharCode(FIRST + index), name] as const);
  const spec = letters.map(([letter, name]) =>
    name.endsWith(':') ? `${letter}:(${name.slice(0, -1)})` : `${letter}(${name})`,
  );
  const nameOf = new Map<string, string>(
    letters.map(([letter, name]) => [letter, name.replace(/:$/, '')]),
  );
  const { options, operands } = commandLine(
    `${short}${spec.join('')}`,
    ['', '', ...args],
    usage,
    EXIT.USAGE,
  );
  const named = [...options].map(
    ([letter, value]) => [nameOf.get(letter) ?? letter, value] as const,
  );
  return { options: new Map(named), operands };
}
