/** Command line → options and operands, by getopt(3)'s rules; a mistake is one line and the usage. */
import { createRequire } from 'node:module';
import { EXIT, Failure } from '../system/failure.ts';

// It is CommonJS: an import would load and run a lexer first, to find the names that it exports.
const { BasicParser }: typeof import('posix-getopt') = createRequire(import.meta.url)(
  'posix-getopt',
);

/** Letter → its value; '' for an option without one. Given twice, the later wins. */
export interface CommandLine {
  readonly options: ReadonlyMap<string, string>;
  readonly operands: readonly string[];
}

/**
 * Read a command line; as to GNU's getopt(3), options may stand between the operands and behind them.
 * @param spec getopt's option string, long names in parentheses: `fu:(user)`. A long option
 *   without a short one takes a letter beyond ASCII, which nobody can type by accident.
 * @throws {Failure} with `exit`: what is wrong, then the usage.
 */
export function commandLine(
  spec: string,
  argv: readonly string[],
  usage: string,
  exit: number = EXIT.FAILURE,
): CommandLine {
  let parser = new BasicParser(`:${spec}`, argv);
  const options = new Map<string, string>();
  const operands: string[] = [];
  const wrong = (problem: string): Failure =>
    new Failure(`usage error: ${problem}\n${usage}`, { exit });
  for (;;) {
    const at = parser.optind();
    // The package looks long names up in a plain object, which has a "constructor" too.
    const name = /^--([^=]+)/.exec(argv[at] ?? '')?.[1];
    if (name !== undefined && !spec.includes(`(${name})`))
      throw wrong(`unrecognized option "--${name}"`);
    const option = parser.getopt();
    if (option === undefined) {
      const operand = argv[at];
      if (operand === undefined) return { options, operands };
      if (operand === '--') return { options, operands: [...operands, ...argv.slice(at + 1)] };
      operands.push(operand);
      parser = new BasicParser(`:${spec}`, argv, at + 1);
      continue;
    }
    const { option: letter, optopt = '', optarg = '' } = option;
    if (letter === ':') throw wrong(`option "${argv[at] ?? optopt}" needs a value`);
    // After an unknown option the package does not advance: reading on would never end.
    if (letter === '?')
      throw wrong(
        optopt.length > 1
          ? `option "--${optopt}" takes no value`
          : `unrecognized option "-${optopt}"`,
      );
    options.set(letter, optarg);
  }
}
