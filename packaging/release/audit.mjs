// What npm knows of holes in the packages that are shipped → one line, and status 1 if there is one.
//
// npm asks a service on the network for that. Where it does not answer, nothing was looked at: that is said, and is no
// failure, for the project is not worse because of it. As for the bill of materials, npm's own --omit=dev omits too much.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { shipped } from './packages.mjs';

const folder = fileURLToPath(new URL('../../', import.meta.url));
const { name } = JSON.parse(readFileSync(`${folder}package.json`, 'utf8'));
const argv = ['audit', '--audit', '--package-lock-only', '--json', '--silent'];
const { stdout } = spawnSync('npm', argv, { cwd: folder, encoding: 'utf8', maxBuffer: 1 << 26 });
const report = read(stdout);
if (report?.metadata?.vulnerabilities === undefined) {
  console.log(`npm audit: not done, for the service does not answer (${why(report)})`);
} else {
  const ours = new Set(shipped(folder).map((one) => one.name));
  const found = Object.values(report.vulnerabilities ?? {}).filter((one) => ours.has(one.name));
  for (const { name: hole, severity, range } of found) console.log(`${hole} ${range}: ${severity}`);
  console.log(`npm audit: ${found.length} of the ${ours.size} packages that come with ${name} have known holes`);
  process.exitCode = found.length > 0 ? 1 : 0;
}

function read(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The status that came instead of an answer, without the address that was asked. */
function why(answer) {
  return answer?.statusCode ?? /\b[45]\d\d\b|\bE[A-Z_]{4,}\b/.exec(answer?.message ?? '')?.[0] ?? 'no answer';
}
