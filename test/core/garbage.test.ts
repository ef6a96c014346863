/** What is made anew for each line or minute, to be collected later: processor time that a machine's clock tells only roughly. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';

/** A young generation in which all has room, in MB, so that nothing is collected; and what tells if it was. */
const ROOM = ['--min-semi-space-size=256', '--max-semi-space-size=256', '--trace-gc'];

/** Bytes that a piece of work allocates, of JavaScript's memory, the second time that it is done. */
function allocatedBy(prepare: string, work: string): number {
  const core = new URL('../../src/core/', import.meta.url).href;
  const program = `
    import { agenda, zonesOf } from '${core}agenda.js';
    import { parsePacked } from '${core}crontab.js';
    import { wakeAll } from '${core}zones.js';
    const parse = (text) => parsePacked(text, { kind: 'user', owner: 'alice', seed: '' });
    const work = (turn) => { ${work} };
    ${prepare}
    work(0);
    const before = process.memoryUsage().heapUsed;
    work(1);
    console.log(process.memoryUsage().heapUsed - before);`;
  const args = [...ROOM, '--input-type=module', '--eval', program];
  const { stdout, stderr, status } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  assert.match(stdout, /^\d+\n$/, 'something was collected');
  return Number(stdout);
}

test('a line that is parsed makes at most 1,800 bytes, the entry among them', () => {
  const lines = 10_000;
  const bytes = allocatedBy(
    `const text = Array.from({ length: ${lines} }, (_, n) =>
       \`\${n % 60} \${n % 24} * * \${n % 7} /usr/local/bin/job-\${n} --do something >/dev/null\\n\`).join('');`,
    'parse(text);',
  );
  assert.ok(bytes / lines < 1800, `${(bytes / lines).toFixed(0)} bytes a line`);
});

test('a minute in which none of 1,000 crontabs has anything due makes at most 30,000 bytes', () => {
  const minutes = 59;
  const bytes = allocatedBy(
    `const tabs = Array.from({ length: 1000 }, (_, n) =>
       ({ label: \`\${n}\`, entries: parse(\`0 * * * * job-\${n}\\n\`).entries }));`,
    `for (let minute = 1; minute <= ${minutes}; minute++) {
       const utc = 60 * (500_000 + turn) + minute;
       const { wakes } = wakeAll({ '': { fixed: utc - 1, wild: utc - 1 } }, zonesOf(tabs, 'host'), () => ({ utc, local: utc }));
       const past = { away: () => null, firstSeen: () => 0 };
       if (agenda(tabs, wakes, past, 'host').length > 0) throw new Error('something is due');
     }`,
  );
  assert.ok(bytes / minutes < 30_000, `${(bytes / minutes).toFixed(0)} bytes a minute`);
});
