/** Byte strings (one char a byte, as core reads crontabs) to bytes, and to text for people. */

/** The bytes as a string of one char a byte; nothing is decoded, so nothing is lost. */
export function fromBytes(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

/** The bytes of a byte string. */
export function toBytes(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}

/** A byte string as a person reads it: UTF-8 where it is that. */
export function toText(text: string): string {
  return toBytes(text).toString('utf8');
}

/** A string of JavaScript, such as a path or an argument, as a byte string. */
export function fromText(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}
