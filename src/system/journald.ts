/** Fields → an entry as systemd's journal takes it (systemd.io/JOURNAL_NATIVE_PROTOCOL). */

/** Where the journal of the machine listens. */
const SOCKET = '/run/systemd/journal/socket';

/** The socket that `journal`, or `journal:/another/one`, names; null: it is none of these. */
export function journalSocket(to: string): string | null {
  const named = /^journal(?::(?<path>\/.+))?$/s.exec(to);
  return named === null ? null : (named.groups?.['path'] ?? SOCKET);
}

/** Compose an entry; what is not known is no field. */
export function fieldsOf(
  fields: Readonly<Record<string, Buffer | string | number | null | undefined>>,
): Buffer {
  const parts = Object.entries(fields).flatMap(([name, value]) => {
    if (value === undefined || value === null) return [];
    const bytes = typeof value === 'object' ? value : Buffer.from(`${value}`);
    return bytes.includes('\n')
      ? [`${name}\n`, lengthOf(bytes), bytes, '\n']
      : [`${name}=`, bytes, '\n'];
  });
  return Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)));
}

/** A value with a newline in it has its length before it. */
function lengthOf(bytes: Buffer): Buffer {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(bytes.length));
  return length;
}
