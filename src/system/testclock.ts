/** The `[test]` section → a clock that stands still and shows what a file says; refused outside a sandbox. */
import { readFileSync, realpathSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Clock } from './clock.ts';
import type { Config } from './config.ts';
import { DEFAULT_CONFIG, DEFAULTS } from './defaults.ts';
import { errorCode, EXIT, Failure, reason } from './failure.ts';

/** Names the clock's file once more: a configuration alone, copied to where it does not belong, moves no clock. */
export const TEST_MARK = 'CRON_TEST_CLOCK';

/** How often a sleeper looks at the clock, in real milliseconds. */
const LOOK = 5;

/** A clock that shows the milliseconds since the epoch that are in the file, with the zones of a real one. */
export function testClock(file: string, real: Clock): Clock {
  let shown = read(file);
  const now = (): number => (shown = read(file, shown));
  return {
    now,
    offset: (at, zone) => real.offset(at, zone),
    async sleep(ms, signal) {
      const since = shown; // by what the sleeper knows: the file may say something else by now
      // Set back, it is no clock to sleep by: who sleeps looks anew.
      for (let at = since; at >= since && at < since + ms && !signal.aborted; at = now()) {
        try {
          await pause(LOOK, undefined, { signal });
        } catch {
          return; // The abort is seen by whoever asked for the sleep.
        }
      }
    },
  };
}

/**
 * Refuse a test clock that could move a real cron: the environment must name its file as well, and the directory of
 * that file must hold every path that is configured, and be no part of the system's nor hold any.
 * @throws {Failure} with EXIT.CONFIG
 */
export function checkTestClock(config: Config, environment: NodeJS.ProcessEnv): void {
  const file = config.test.clock;
  if (file === undefined) return;
  const refuse = (why: string): Failure =>
    new Failure(`Cannot use the test clock "${file}": ${why}`, { exit: EXIT.CONFIG });
  if (environment[TEST_MARK] !== file) throw refuse(`${TEST_MARK} does not name it`);
  const room = realPlace(dirname(file));
  for (const [name, path] of Object.entries(config.paths))
    if (!isWithin(realPlace(path), room))
      throw refuse(`[paths] ${name} = "${path}" is not below its directory`);
  for (const path of [DEFAULT_CONFIG, ...Object.values(DEFAULTS.paths)])
    if (isWithin(realPlace(path), room) || isWithin(room, realPlace(path)))
      throw refuse(`its directory has to do with "${path}", which is the system's`);
  try {
    read(file);
  } catch (error) {
    throw refuse(reason(error));
  }
}

/** What is shown; a file that cannot be read for now does not move the clock. */
function read(file: string, before?: number): number {
  try {
    const shown = Number(readFileSync(file, 'latin1').trim() || NaN);
    if (Number.isSafeInteger(shown)) return shown;
    throw new Error('it does not hold milliseconds since the epoch');
  } catch (error) {
    if (before === undefined) throw error;
    return before;
  }
}

/** A path without links, though its last parts may not be there yet. */
function realPlace(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    if (errorCode(error) !== 'ENOENT' || dirname(path) === path) throw error;
    return join(realPlace(dirname(resolve(path))), path.slice(dirname(path).length));
  }
}

function isWithin(path: string, room: string): boolean {
  return path === room || path.startsWith(room.endsWith('/') ? room : `${room}/`);
}
