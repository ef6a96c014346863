/** An encoded body and its Content-Transfer-Encoding → the bytes that it stands for. */
import { fromBytes, toBytes } from '../system/bytes.ts';

type Bytes = AsyncIterable<Uint8Array>;

/** Undo quoted-printable and base64; all else stays as it is. */
export function decoded(chunks: Bytes, encoding: string): Bytes {
  switch (encoding.trim().toLowerCase()) {
    case 'quoted-printable':
      return piecewise(chunks, (text) => text.lastIndexOf('\n') + 1, quotedPrintable);
    case 'base64':
      return piecewise(withoutBlanks(chunks), (text) => text.length - (text.length % 4), base64);
    default:
      return chunks;
  }
}

/** Decode as much of what has come as is whole; the rest goes with what comes next. */
async function* piecewise(
  chunks: Bytes,
  whole: (text: string) => number,
  decode: (text: string) => Buffer,
): Bytes {
  let rest = '';
  for await (const chunk of chunks) {
    const text = rest + fromBytes(chunk);
    const length = whole(text);
    if (length > 0) yield decode(text.slice(0, length));
    rest = text.slice(length);
  }
  if (rest !== '') yield decode(rest);
}

async function* withoutBlanks(chunks: Bytes): Bytes {
  for await (const chunk of chunks) yield toBytes(fromBytes(chunk).replaceAll(/\s+/g, ''));
}

/** RFC 2045, 6.7; what is no escape is left as it is. */
function quotedPrintable(text: string): Buffer {
  const bytes = text
    .replaceAll(/[ \t]+(?=\r?\n)/g, '')
    .replaceAll(/=\r?\n/g, '')
    .replaceAll(/=([0-9A-Fa-f]{2})/g, (_, hex: string) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    );
  return toBytes(bytes);
}

function base64(text: string): Buffer {
  return Buffer.from(text, 'base64');
}
