/** Bytes → whether they are UTF-8, and where its characters end. */

/** At the end of a character, and so also at the beginning. */
export const WHOLE = 0;
/** What follows cannot make UTF-8 of it any more. */
export const BROKEN = 8;

/** By state: the second bytes that may come, and the state after them (RFC 3629, section 4). */
const FOLLOW: readonly (readonly [low: number, high: number, next: number])[] = [
  [0x80, 0xbf, WHOLE], // 1: one more
  [0x80, 0xbf, 1], // 2: two more
  [0x80, 0xbf, 2], // 3: three more
  [0xa0, 0xbf, 1], // 4: after E0, nothing that two bytes could say
  [0x80, 0x9f, 1], // 5: after ED, no surrogates
  [0x90, 0xbf, 2], // 6: after F0, nothing that three bytes could say
  [0x80, 0x8f, 2], // 7: after F4, nothing beyond U+10FFFF
];

/** First bytes from 0x80 on: up to this one, this state. */
const FIRST: readonly (readonly [high: number, state: number])[] = [
  [0x7f, WHOLE],
  [0xc1, BROKEN],
  [0xdf, 1],
  [0xe0, 4],
  [0xec, 2],
  [0xed, 5],
  [0xef, 2],
  [0xf0, 6],
  [0xf3, 3],
  [0xf4, 7],
  [0xff, BROKEN],
];

/** The state after a byte: `STEP[(state << 8) | byte]`. */
export const STEP: Uint8Array = table();

function table(): Uint8Array {
  const step = new Uint8Array(9 << 8).fill(BROKEN);
  for (let byte = 0; byte < 256; byte++)
    step[byte] = FIRST.find(([high]) => byte <= high)?.[1] ?? BROKEN;
  for (const [index, [low, high, next]] of FOLLOW.entries())
    step.fill(next, ((index + 1) << 8) | low, (((index + 1) << 8) | high) + 1);
  return step;
}

/** The length of the character that begins there in a byte string; 0 if none does. */
export function characterAt(text: string, at: number): number {
  let state = WHOLE;
  for (let end = at; end < text.length;) {
    state = STEP[(state << 8) | (text.charCodeAt(end++) & 0xff)] ?? BROKEN;
    if (state === WHOLE) return end - at;
    if (state === BROKEN) return 0;
  }
  return 0;
}
