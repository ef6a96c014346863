/** Cases and crons → mailcron beside others, measured on this machine: `npm run bench -- burst 1000 mailcron cron`. */
import { parseArgs } from 'node:util';
import { burst, tell } from './burst.ts';
import { everybody, peers } from './beside/peers.ts';
import { packagesOf, tools } from './beside/cache.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    repeat: { type: 'string', default: '1' },
    users: { type: 'string', default: '1' },
    groups: { type: 'string', default: '0' },
  },
});
const say = (line: string): void => void process.stdout.write(`${line}\n`);

/** Those that are named, or all; one that cannot be had is left out. */
function present(named: readonly string[]): string[] {
  return (named.length > 0 ? named : everybody).filter((name) => {
    const { packages = [] } = peers[name] ?? {};
    if (peers[name] === undefined) throw new Error(`no such cron: ${name}`);
    try {
      packagesOf(packages);
      return true;
    } catch (error) {
      say(`${name} is left out: ${error instanceof Error ? error.message : String(error)}`);
      return false;
    }
  });
}

const [name = 'burst', ...rest] = positionals;
if (name !== 'burst') throw new Error(`no such case: ${name}`);
const sizes = rest.filter((word) => /^\d+$/.test(word)).map(Number);
const names = present(rest.filter((word) => !/^\d+$/.test(word)));
const kit = tools();
for (const jobs of sizes.length > 0 ? sizes : [1000]) {
  const [repeat, people, groups] = [values.repeat, values.users, values.groups].map(Number);
  say(`${jobs} jobs due in a minute, of ${people} users: ${names.join(', ')}`);
  const plan = {
    names,
    tools: kit,
    jobs,
    repeat: repeat ?? 1,
    people: people ?? 1,
    groups: groups ?? 0,
    say,
  };
  say(tell(await burst(plan)));
}
