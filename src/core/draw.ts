/** A seed → random numbers for `~` that come out the same at every reload. */

import type { Draw } from './field.ts';

const FNV_BASIS = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/** Hash a text with FNV-1a, going on from the hash of what stands before it. */
export function hash(text: string, before = FNV_BASIS): number {
  let state = before;
  for (let at = 0; at < text.length; at++) {
    state = Math.imul(state ^ text.charCodeAt(at), FNV_PRIME);
  }
  return state;
}

/** Draw from a hash: the same seed and place give the same number, on every host and day. */
export function stableDraw(seed: number): Draw {
  return (low, high, place) => low + (scatter(hash(place, seed)) % (high - low + 1));
}

/** Spread a hash over all bits (MurmurHash3's finalizer): FNV's lowest bit is a mere parity. */
function scatter(state: number): number {
  state = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
  state = Math.imul(state ^ (state >>> 13), 0xc2b2ae35);
  return (state ^ (state >>> 16)) >>> 0;
}
