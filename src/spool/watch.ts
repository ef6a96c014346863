/** Changes of the crontabs' files and directories → "look again now". */
import { watch as chokidar } from 'chokidar';

/** What one change sets off is over after that long, in milliseconds. */
const SETTLE = 50;

/** Who hears of changes. */
export interface Hints {
  /** Something changes in one of the paths. */
  readonly onHint?: () => void;
  /** It is over, soon after. */
  readonly onChange: () => void;
}

/**
 * Tell of what changes in one of the paths, until the signal aborts. Only a hint: what it misses (a full inotify, a
 * network file system, a directory that comes later) the looks of the minutes find, so nothing that goes wrong here is
 * worth a word.
 */
export function watch(
  paths: readonly string[],
  { onHint, onChange }: Hints,
  signal: AbortSignal,
): void {
  if (signal.aborted) return;
  const watched = new Set(paths);
  const watcher = chokidar([...paths], {
    // One watch a directory tells of its files too: ten thousand tabs must not cost a watch each.
    ignored: (path) => !watched.has(path),
    depth: 0,
    ignoreInitial: true,
    followSymlinks: false,
    ignorePermissionErrors: true,
    usePolling: false,
    atomic: false,
  });
  let timer: NodeJS.Timeout | undefined;
  watcher.on('raw', () => {
    onHint?.();
    timer ??= setTimeout(() => {
      timer = undefined;
      onChange();
    }, SETTLE);
  });
  watcher.on('error', () => {});
  const close = (): void => {
    clearTimeout(timer);
    void watcher.close(); // nothing waits for it: we are leaving
  };
  signal.addEventListener('abort', close, { once: true });
}
