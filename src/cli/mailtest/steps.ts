/** Steps of a test → lines on the terminal. */
import { onOneLine } from '../lines.ts';
import { print } from '../terminal.ts';

/** Tell one step. */
export type Tell = (step: string, text: string) => Promise<void>;

/** Print a step. */
export async function line(step: string, text: string): Promise<void> {
  const [first = '', ...rest] = text.split('\n').map(onOneLine);
  const indented = rest.map((more) => `${' '.repeat(WIDTH)}${more}\n`).join('');
  await print(Buffer.from(`${step.padEnd(WIDTH)}${first}\n${indented}`));
}

const WIDTH = 10;
