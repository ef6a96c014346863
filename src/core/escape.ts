/** Bytes of a crontab → printable ASCII, for the log and for messages. */

const QUOTE_LIMIT = 40;

/** Show a byte string as vixie's mkprints() does in CMD lines: `^X`, `^?`, `\303`. */
export function visible(text: string): string {
  return text.replaceAll(/[^ -~]/g, (char) => {
    const byte = char.charCodeAt(0);
    if (byte < 0x20) return `^${String.fromCharCode(byte + 0x40)}`;
    return byte === 0x7f ? '^?' : `\\${byte.toString(8).padStart(3, '0')}`;
  });
}

/** Quote a user's text in a message: printable, and of a length that leaves room to explain. */
export function quoted(text: string): string {
  return text.length > QUOTE_LIMIT
    ? `"${visible(text.slice(0, QUOTE_LIMIT))}..."`
    : `"${visible(text)}"`;
}
