/** A mailer that stores each mail whole, or misbehaves as it is told. */
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** What a way of delivery is to do, from now on. */
export interface Way {
  readonly name: string;
  /** What stands for it in the configuration. */
  readonly mail: Readonly<Record<string, unknown>>;
  readonly smtp: Readonly<Record<string, unknown>>;
  /** The first is the one that works. */
  readonly moods: readonly string[];
  mood(mood: string): Promise<void>;
  /** All that has arrived, as often as it did. */
  arrived(): string[];
  close(): Promise<void>;
}

/**
 * Its moods: what it does with the message in "$m". One that hangs does so for much longer than the configuration lets it,
 * and no longer than the end of it all waits: nobody ends the mailer of a runner that was killed.
 */
const MOODS = {
  good: 'store; exit 0',
  'says 75': 'exit 75',
  'reads half': 'head -c 300 > /dev/null; exit 0',
  hangs: 'exec sleep 30',
  'is killed before': 'head -c 300 > /dev/null; kill -9 $$',
  'is killed after': 'store; kill -9 $$',
  'stores and hangs': 'store; exec sleep 30',
} as const;

/** A program in place of sendmail; `root` is written to by whoever runs it. */
export function programWay(root: string): Way {
  const [program, store, mood] = [join(root, 'mailer'), join(root, 'store'), join(root, 'mood')];
  mkdirSync(store);
  chmodSync(store, 0o1777);
  const set = (name: string): void => {
    const action = new Map<string, string>(Object.entries(MOODS)).get(name) ?? '';
    writeFileSync(mood, `${action}\n`, { mode: 0o644 });
  };
  writeFileSync(
    program,
    `#!/bin/sh
export SANDBOX='${root}' # by which what is left running is found
read -r id < /proc/sys/kernel/random/uuid
# Whole, or not there.
store() { cat > ${store}/.$id && mv ${store}/.$id ${store}/$id; }
. ${mood}
`,
  );
  chmodSync(program, 0o755);
  set('good');
  return {
    name: 'a mailer that is a program',
    mail: { mailcmd: program, timeout: 2 },
    smtp: {},
    moods: Object.keys(MOODS),
    mood: async (name) => set(name),
    arrived: () =>
      readdirSync(store)
        .filter((name) => !name.startsWith('.'))
        .map((name) => readFileSync(join(store, name), 'latin1')),
    close: async () => {},
  };
}
