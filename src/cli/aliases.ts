/** The aliases file of the configuration → its aliases, if it may be trusted. */
import { type AliasFault, type Aliases, readAliases } from '../mail/aliases.ts';
import { readAll, withFile } from '../spool/file.ts';
import { fromBytes } from '../system/bytes.ts';
import { EXIT, errorCode, Failure, reason } from '../system/failure.ts';

/** Larger ones are databases, and the business of other programs. */
const SIZE_LIMIT = 4 * 1024 * 1024;

/** An aliases file, read. */
export interface AliasFile {
  readonly aliases: Aliases;
  readonly faults: readonly AliasFault[];
  readonly size: number;
}

/**
 * Read it; one that is not there has no aliases.
 * @throws {Failure} with EXIT.TEMPORARY when it cannot be read, for a mail must not go elsewhere
 *   meanwhile, and EXIT.CONFIG when everybody may write to it
 */
export function openAliases(file: string): AliasFile {
  const bytes = read(file);
  return { ...readAliases(fromBytes(bytes)), size: bytes.length };
}

function read(file: string): Buffer {
  try {
    return withFile(file, true, (fd, stat) => {
      if (!stat.isFile() || (stat.mode & 0o002) !== 0) {
        const problem = `Cannot trust the aliases "${file}": ${stat.isFile() ? 'everybody may write to them' : 'no plain file'}`;
        throw new Failure(problem, { exit: EXIT.CONFIG });
      }
      const bytes = readAll(fd, stat.size, SIZE_LIMIT);
      if (bytes !== null) return bytes;
      const problem = `Cannot read the aliases "${file}": longer than ${SIZE_LIMIT} bytes`;
      throw new Failure(problem, { exit: EXIT.CONFIG });
    });
  } catch (error) {
    if (error instanceof Failure) throw error;
    if (errorCode(error) === 'ENOENT') return Buffer.alloc(0);
    const problem = `Cannot read the aliases "${file}": ${reason(error)}`;
    throw new Failure(problem, { exit: EXIT.TEMPORARY, cause: error });
  }
}
