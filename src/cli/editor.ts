/** A table in the hands of its author's editor: a private copy, what became of it, and its end. */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join, resolve } from 'node:path';
import { readAll, withFile } from '../spool/file.ts';
import { EXIT, Failure, reason } from '../system/failure.ts';
import { TABLE_LIMIT } from './check.ts';
import { undisturbed } from './terminal.ts';

/** The copy that is edited, in a directory that is its user's alone. */
export interface Draft {
  readonly file: string;
  /** Run the editor until it ends; throws a Failure unless it ended well. */
  edit(): Promise<void>;
  /** What the author has written; throws a Failure if it is no plain file of theirs any more. */
  read(): Buffer;
  discard(): void;
}

/** Begin a draft; VISUAL, EDITOR and TMPDIR count as in Debian's crontab(1). */
export function createDraft(table: Buffer, environment: NodeJS.ProcessEnv): Draft {
  const parent = resolve(environment['TMPDIR'] || '/tmp');
  const editor = chooseEditor(environment);
  const { directory, file } = privateCopy(parent, table);
  return {
    file,
    edit: () => undisturbed(() => runEditor(editor, file, parent)),
    read: () => readDraft(file),
    discard: () => rmSync(directory, { recursive: true, force: true }),
  };
}

function privateCopy(parent: string, table: Buffer): { directory: string; file: string } {
  try {
    const directory = mkdtempSync(join(parent, 'crontab.')); // 0700
    const file = join(directory, 'crontab');
    writeFileSync(file, table, { mode: 0o600, flag: 'wx' });
    return { directory, file };
  } catch (error) {
    const problem = `Creation of temporary crontab file failed - aborting: ${reason(error)}`;
    throw new Failure(problem, { exit: EXIT.FAILURE, cause: error });
  }
}

const SENSIBLE_EDITOR = '/usr/bin/sensible-editor';

function chooseEditor(environment: NodeJS.ProcessEnv): string {
  const chosen = environment['VISUAL'] || environment['EDITOR'];
  return chosen || (existsSync(SENSIBLE_EDITOR) ? SENSIBLE_EDITOR : 'vi');
}

async function runEditor(editor: string, file: string, cwd: string): Promise<void> {
  // The editor may have arguments, so it is shell text; the file's name is not, and cannot break out.
  // As vixie's: what the keyboard signals ends neither that shell nor an editor that does not care.
  const script = `trap '' HUP INT QUIT; ${editor} "$@"`;
  const child = spawn('/bin/sh', ['-c', script, '/bin/sh', file], {
    stdio: 'inherit',
    cwd,
  });
  const [status, signal] = await new Promise<[number | null, NodeJS.Signals | null]>(
    (resolveEnd, reject) => {
      child.once('error', (error) => reject(ended(`Cannot run an editor: ${reason(error)}`)));
      child.once('exit', (...end) => resolveEnd(end));
    },
  );
  if (signal !== null) throw ended(`"${editor}" killed; signal ${constants.signals[signal]}`);
  if (status !== 0) throw ended(`"${editor}" exited with status ${status}`);
}

/** Read through the descriptor that was examined: no-one may swap the file meanwhile (CVE-2010-0424). */
function readDraft(file: string): Buffer {
  const bytes = withDraft(file);
  if (bytes !== null) return bytes;
  throw ended(`crontab is too long; maximum size is ${TABLE_LIMIT} bytes.`);
}

function withDraft(file: string): Buffer | null {
  try {
    return withFile(file, false, (fd, stat) => {
      if (stat.uid !== process.getuid?.()) throw ended('Temporary crontab no longer owned by you.');
      if (!stat.isFile()) throw ended('The temporary crontab must remain a regular file');
      return readAll(fd, stat.size, TABLE_LIMIT);
    });
  } catch (error) {
    if (error instanceof Failure) throw error;
    const problem = `Can't open tempfile after edit: ${reason(error)}`;
    throw new Failure(problem, { exit: EXIT.FAILURE, cause: error });
  }
}

function ended(problem: string): Failure {
  return new Failure(problem, { exit: EXIT.FAILURE });
}
