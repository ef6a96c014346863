/** `crontab -l` → how long it takes, beside the start of a Node without a program. */
import { once } from 'node:events';
import { type Course, quietFor } from '../beside/course.ts';
import { type Figure, median } from '../beside/figures.ts';
import { peers } from '../beside/peers.ts';
import { Stage } from '../beside/stage.ts';

const ROUNDS = 25;

/** In turn, so that both see the same machine. */
export async function list(course: Course): Promise<Figure[]> {
  const title = 'crontab -l';
  const figures: Figure[] = [];
  for (const peer of course.names) {
    const command = peers[peer]?.list ?? null;
    if (command === null) continue;
    const tabs = new Map([['root', '0 0 1 1 * true\n']]);
    const stage = new Stage({ peer, tools: course.tools, tabs, people: 1, groups: 0 });
    try {
      await stage.begun();
      await quietFor(20_000);
      for (let round = 0; round < course.repeat; round++) {
        const [own, bare]: [number[], number[]] = [[], []];
        for (let n = 0; n < ROUNDS; n++) {
          own.push(await time(stage, command));
          bare.push(await time(stage, ['/tools/node', '-e', '0']));
        }
        const columns = {
          'crontab -l, ms': median(own),
          'node -e 0, ms': median(bare),
          'times as long': median(own) / median(bare),
        };
        for (const [what, value] of Object.entries(columns))
          figures.push({ title, peer, what, value });
        course.say(
          `  ${peer}: ${median(own).toFixed(1)} ms, Node alone ${median(bare).toFixed(1)} ms`,
        );
      }
    } finally {
      await stage.close();
    }
  }
  return figures;
}

async function time(stage: Stage, argv: readonly string[]): Promise<number> {
  const begun = performance.now();
  const [status] = await once(stage.enter(argv), 'exit');
  if (status !== 0) throw new Error(`${argv.join(' ')} ended with ${status}`);
  return performance.now() - begun;
}
