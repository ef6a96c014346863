/** The resource limits of this process (getrlimit(2)), all of them, by the names of prlimit(1). */
import { check, libc } from './native.ts';

const c = {
  getrlimit: libc.func('int getrlimit(int resource, _Out_ uint64 *limit)'),
  setrlimit: libc.func('int setrlimit(int resource, const uint64 *limit)'),
};

/** In the order of their numbers, on every architecture of Linux that Node runs on. */
const NAMES = [
  ['cpu', 'fsize', 'data', 'stack', 'core', 'rss', 'nproc', 'nofile'],
  ['memlock', 'as', 'locks', 'sigpending', 'msgqueue', 'nice', 'rtprio', 'rttime'],
].flat();

const INFINITY = 2n ** 64n - 1n;

/** A soft and a hard limit. */
export interface Limit {
  readonly soft: bigint;
  readonly hard: bigint;
}

/** Limits by their names. */
export type Limits = ReadonlyMap<string, Limit>;

/** Read all limits. */
export function limits(): Limits {
  return new Map(
    NAMES.map((name, resource) => {
      const pair = new BigUint64Array(2);
      check('getrlimit', c.getrlimit(resource, pair));
      const [soft = 0n, hard = 0n] = pair;
      return [name, { soft, hard }];
    }),
  );
}

/** Set limits as far as this process may: a hard one is raised only with CAP_SYS_RESOURCE, which containers lack. */
export function setLimits(some: Limits): void {
  for (const [name, { soft, hard }] of some) {
    const resource = NAMES.indexOf(name);
    if (c.setrlimit(resource, BigUint64Array.of(soft, hard)) === 0) continue;
    const most = new BigUint64Array(2);
    check('getrlimit', c.getrlimit(resource, most));
    const [, highest = 0n] = most;
    const reachable = soft < highest ? soft : highest;
    check('setrlimit', c.setrlimit(resource, BigUint64Array.of(reachable, highest)));
  }
}

/** Those of `after` that are not as they were, as options of prlimit(1). */
export function changed(before: Limits, after: Limits): string[] {
  return [...after].flatMap(([name, { soft, hard }]) => {
    const was = before.get(name);
    if (was?.soft === soft && was.hard === hard) return [];
    return [`--${name}=${shown(soft)}:${shown(hard)}`];
  });
}

function shown(limit: bigint): string {
  return limit === INFINITY ? 'unlimited' : `${limit}`;
}
