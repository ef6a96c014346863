/** A time zone and an instant → how far its clocks are ahead of UTC. */

/** Making a formatter costs as much as a thousand uses of it; crontabs can name many, in any case. */
const LIMIT = 500;
const formatters = new Map<string, Intl.DateTimeFormat>();

/** Tell whether a name is one of the zone database's, or UTC; offsets such as "+01:00" are none. */
export function isZone(name: string): boolean {
  if (!/^[A-Za-z][A-Za-z0-9_+/-]*$/.test(name)) return false;
  try {
    formatter(name);
    return true;
  } catch {
    return false;
  }
}

/**
 * Tell by how many minutes the clocks of a zone are ahead of UTC.
 * @param at milliseconds since the epoch
 */
export function offsetIn(zone: string, at: number): number {
  // "GMT+05:30"; plain "GMT" for none. Seconds, which old local times had, count for nothing.
  const { sign, hours, minutes } =
    /GMT(?<sign>[+-])(?<hours>\d\d):(?<minutes>\d\d)/.exec(formatter(zone).format(at))?.groups ??
    {};
  const size = Number(hours ?? 0) * 60 + Number(minutes ?? 0);
  return sign === '-' ? -size : size;
}

function formatter(zone: string): Intl.DateTimeFormat {
  const known = formatters.get(zone);
  if (known !== undefined) return known;
  const made = new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'longOffset' });
  if (formatters.size >= LIMIT) formatters.clear();
  formatters.set(zone, made);
  return made;
}
