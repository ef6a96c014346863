/** Figures → bars, as an SVG that can be read on light and on dark. */
import { brief, type Figure, median } from './figures.ts';

interface Panel {
  readonly heading: string;
  readonly title: string;
  readonly column: string;
  readonly unit: string;
}

const PANELS: readonly Panel[] = [
  {
    heading: '1 job: its start after the minute began',
    title: '1 job',
    column: 'median, ms',
    unit: 'ms',
  },
  {
    heading: '1,000 jobs due at once: the last start',
    title: '1,000 jobs',
    column: 'last, ms',
    unit: 'ms',
  },
  {
    heading: '1,000 jobs due at once: processor time of each, its shell included',
    title: '1,000 jobs',
    column: 'CPU a job, ms',
    unit: 'ms',
  },
  {
    heading: '1,000 mails: the last one complete',
    title: '1,000 mails',
    column: 'last, ms',
    unit: 'ms',
  },
  {
    heading: 'Memory with 1,000 running jobs, without them',
    title: '1,000 running jobs',
    column: 'memory besides them, MB',
    unit: 'MB',
  },
];

const [WIDTH, LEFT, RIGHT, BAR, STEP, HEAD] = [720, 150, 90, 16, 22, 40];

/** One panel for each that was measured; less is better in all of them. */
export function chart(figures: readonly Figure[], nameOf: (peer: string) => string): string {
  const parts: string[] = [];
  let y = 0;
  for (const panel of PANELS) {
    const own = figures.filter(({ title, what }) => title === panel.title && what === panel.column);
    const bars = [...new Set(own.map(({ peer }) => peer))].map((peer) => ({
      peer,
      value: median(own.filter((one) => one.peer === peer).map(({ value }) => value)),
    }));
    if (bars.length === 0) continue;
    y += HEAD;
    parts.push(`<text class="head" x="16" y="${y - 12}">${escape(panel.heading)}</text>`);
    const most = Math.max(...bars.map(({ value }) => value));
    for (const { peer, value } of bars) {
      const width = Math.max(1, ((WIDTH - LEFT - RIGHT) * value) / most);
      const middle = y + BAR - 4;
      parts.push(
        `<text x="${LEFT - 8}" y="${middle}" text-anchor="end">${escape(nameOf(peer))}</text>`,
        `<rect class="${peer.startsWith('mailcron') ? 'own' : 'other'}" x="${LEFT}" y="${y}" width="${width.toFixed(1)}" height="${BAR}" rx="2"/>`,
        `<text x="${(LEFT + width + 6).toFixed(1)}" y="${middle}">${brief(value)} ${panel.unit}</text>`,
      );
      y += STEP;
    }
  }
  const height = y + 16;
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img">\n` +
    '<title>mailcron beside other crons: less is better</title>\n' +
    `<style>${STYLE}</style>\n` +
    `<rect class="paper" width="${WIDTH}" height="${height}"/>\n${parts.join('\n')}\n</svg>\n`
  );
}

const STYLE =
  'text{font:13px system-ui,sans-serif;fill:#24292f}.head{font-weight:600}.paper{fill:#fff}.own{fill:#0969da}.other{fill:#afb8c1}' +
  '@media(prefers-color-scheme:dark){text{fill:#e6edf3}.paper{fill:#0d1117}.own{fill:#58a6ff}.other{fill:#57606a}}';

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
