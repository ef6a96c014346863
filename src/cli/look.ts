/** An output and the environment → how words may look on it: how wide, in which characters and colours. */

/** What can be shown. */
export interface Look {
  /** Columns; endless where nothing wraps. */
  readonly width: number;
  /** Characters beyond ASCII. */
  readonly isUnicode: boolean;
  readonly hasColours: boolean;
}

/** What colours stand for, as parameters of the sequence that ECMA-48 calls SGR. */
const COLOURS = { bold: '1', dim: '2', bad: '31', good: '32', warn: '33', reverse: '7' } as const;

export type Colour = keyof typeof COLOURS;

/** Find out what an output can show. */
export function lookOf(
  output: { readonly isTTY?: boolean; readonly columns?: number },
  environment: NodeJS.ProcessEnv,
): Look {
  const { NO_COLOR = '', TERM = 'dumb', LC_ALL, LC_CTYPE, LANG } = environment;
  return {
    width: output.columns || Infinity, // a terminal need not know its size
    isUnicode: /utf-?8/i.test(LC_ALL || LC_CTYPE || LANG || ''),
    hasColours: output.isTTY === true && NO_COLOR === '' && TERM !== 'dumb',
  };
}

/** Colour a text where there are colours; it was cut to the width before. */
export function paint(
  { hasColours }: Pick<Look, 'hasColours'>,
  colour: Colour,
  text: string,
): string {
  return hasColours && text !== '' ? `\x1b[${COLOURS[colour]}m${text}\x1b[0m` : text;
}
