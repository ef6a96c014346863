/** A file's new contents, in one step: a crash leaves the old or the new ones. */
import { closeSync, fsyncSync, openSync, renameSync, writeSync } from 'node:fs';

/** Replace a file of a directory that is ours alone. */
export function replaceFile(file: string, text: string): void {
  const draft = `${file}.new`;
  const fd = openSync(draft, 'w', 0o600);
  try {
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(draft, file);
}
