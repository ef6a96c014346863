/** `crontab -l` → how long it takes, beside the start of a Node without a program. */
import { once } from 'node:events';
import { type Case, type Course, quietFor } from '../beside/course.ts';
import { type Figure, median, row } from '../beside/figures.ts';
import { peers } from '../beside/peers.ts';
import { type Stage, withStage } from '../beside/stage.ts';

const ROUNDS = 25;

/** In turn, so that both see the same machine. */
export const list: Case = {
  title: () => 'crontab -l',
  minutes: (_, crons, repeat) => crons * (0.3 + repeat * 0.06),
  measure,
};

async function measure({ title, names, tools, repeat, say }: Course): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const peer of names) {
    const tabs = new Map([['root', '0 0 1 1 * true\n']]);
    await withStage({ peer, tools, tabs, people: 1 }, async (stage) => {
      for (let round = 0; round < repeat; round++) {
        await quietFor(10_000);
        const [own, bare]: [number[], number[]] = [[], []];
        for (let n = 0; n < ROUNDS; n++) {
          own.push(await time(stage, peers[peer]?.list ?? []));
          bare.push(await time(stage, ['/tools/node', '-e', '0']));
        }
        const columns = {
          'crontab -l, ms': median(own),
          'node -e 0, ms': median(bare),
          'times as long': median(own) / median(bare),
        };
        figures.push(...row(title, peer, columns));
        say(`  ${peer}: ${median(own).toFixed(1)} ms, Node alone ${median(bare).toFixed(1)} ms`);
      }
    });
  }
  return figures;
}

async function time(stage: Stage, argv: readonly string[]): Promise<number> {
  const begun = performance.now();
  const [status] = await once(stage.enter(argv), 'exit');
  if (status !== 0) throw new Error(`${argv.join(' ')} ended with ${status}`);
  return performance.now() - begun;
}
