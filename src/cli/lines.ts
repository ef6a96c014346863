/** Instants, spans and texts → how a line on a terminal shows them. */
import { MINUTE_MS } from '../core/spans.ts';
import { toText } from '../system/bytes.ts';

/** Cut a line where a terminal would wrap it. */
export function fit(line: string): string {
  return cut(line, process.stdout.columns || Infinity);
}

/** Cut a line to a width. */
export function cut(line: string, width: number): string {
  return line.length <= width ? line : `${line.slice(0, Math.max(0, width - 3))}...`;
}

/** Show an instant as the clocks of this host do, with its zone of now. */
export function localTime(at: number): string {
  return clockTime(at, -new Date(at).getTimezoneOffset());
}

/** Show an instant as clocks do: `Sun 2026-11-22 14:05 +0100`. */
export function clockTime(at: number, offset: number): string {
  const date = new Date(at + offset * MINUTE_MS);
  const day = DAYS[date.getUTCDay()] ?? '';
  const size = Math.abs(offset);
  const [hours, minutes] = [Math.floor(size / 60), size % 60].map((n) => `${n}`.padStart(2, '0'));
  const time = date.toISOString().slice(0, 16).replace('T', ' ');
  return `${day} ${time} ${offset < 0 ? '-' : '+'}${hours}${minutes}`;
}

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];

/** Say how far away it is: `in 3 h 12 min`. */
export function distance(ms: number): string {
  return `in ${duration(ms)}`;
}

/** Say how long it is: `3 h 12 min`, in two units at most. */
export function duration(ms: number): string {
  const minutes = Math.floor(ms / MINUTE_MS);
  const [days, hours] = [Math.floor(minutes / 1440), Math.floor(minutes / 60) % 24];
  if (days > 0) return `${days} d ${hours} h`;
  if (hours > 0) return `${hours} h ${minutes % 60} min`;
  return minutes > 0 ? `${minutes} min` : `${Math.max(0, Math.ceil(ms / 1000))} s`;
}

/** Say how many bytes: `812 B`, `64 KiB`, `1.5 GiB`. */
export function bytesText(bytes: number): string {
  const power = bytes < 1024 ? 0 : Math.min(Math.floor(Math.log2(bytes) / 10), UNITS.length - 1);
  const number = bytes / 1024 ** power;
  return `${power > 0 && number < 10 ? number.toFixed(1) : Math.floor(number)} ${UNITS[power]}`;
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** A byte string on one line of a terminal: nothing in it moves the cursor. */
export function onOneLine(text: string): string {
  return harmless(toText(text));
}

/** Text on one line of a terminal. */
export function harmless(text: string): string {
  return text.replaceAll('\t', ' ').replaceAll(/[\p{Cc}\p{Bidi_Control}]/gu, '?');
}
