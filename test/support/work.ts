/** How much work something is, whatever else the machine is doing: its processor time. */

/** Do it; returns milliseconds of this process. */
export function workOf(deed: () => void): number {
  const before = process.cpuUsage();
  deed();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}
