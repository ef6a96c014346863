/** The FILE of a command line, or `-` → its bytes, never more than a table may have. */
import { readAll, withFile } from '../spool/file.ts';
import { EXIT, Failure, reason } from '../system/failure.ts';
import { TABLE_LIMIT } from './check.ts';

/** Read a table that is given to crontab(1); throws a Failure. */
export async function readGiven(file: string): Promise<Buffer> {
  const bytes = file === '-' ? await readInput() : readFile(file);
  if (bytes !== null) return bytes;
  throw failure(`crontab is too long; maximum size is ${TABLE_LIMIT} bytes.`);
}

async function readInput(): Promise<Buffer | null> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > TABLE_LIMIT) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function readFile(file: string): Buffer | null {
  try {
    return withFile(file, true, (fd, stat) => {
      if (stat.isFile()) return readAll(fd, stat.size, TABLE_LIMIT);
      throw failure(`${file}: Not a regular file.`);
    });
  } catch (error) {
    if (error instanceof Failure) throw error;
    const why = reason(error);
    // As perror(3) has it.
    throw failure(`${file}: ${why.charAt(0).toUpperCase()}${why.slice(1)}`);
  }
}

function failure(problem: string): Failure {
  return new Failure(problem, { exit: EXIT.FAILURE });
}
