// package-lock.json → what is shipped as a CycloneDX bill of materials, on stdout; of one commit always the same bytes.
//
// npm knows the packages and the form. It names the component after its folder, dates it, and lists what no Linux gets.
// With --omit=dev it leaves out what is needed for development, too, such as nodemailer: so it lists all, and we choose.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { shipped } from './packages.mjs';

const folder = fileURLToPath(new URL('../../', import.meta.url));
const { name, version } = JSON.parse(readFileSync(`${folder}package.json`, 'utf8'));
const argv = ['sbom', '--package-lock-only', '--sbom-format=cyclonedx', '--offline', '--silent'];
const { status, stdout, stderr } = spawnSync('npm', argv, { cwd: folder, encoding: 'utf8', maxBuffer: 1 << 26 });
if (status !== 0) throw new Error(`npm sbom ended with ${status}: ${stderr}`);
const bill = JSON.parse(stdout);

const kept = new Set([`${name}@${version}`, ...shipped(folder).map((one) => `${one.name}@${one.version}`)]);
bill.components = bill.components.filter((one) => kept.has(one['bom-ref']));
bill.dependencies = bill.dependencies
  .filter(({ ref }) => kept.has(ref))
  .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter((one) => kept.has(one)) }));
Object.assign(bill.metadata.component, { type: 'application', name });

delete bill.serialNumber;
bill.metadata.timestamp = new Date(1000 * epoch()).toISOString();
const digest = createHash('sha256').update(JSON.stringify(bill)).digest('hex');
const uuid = digest.replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12}).*$/, '$1-$2-8$3-a$4-$5'); // RFC 9562: version 8, ours to define
const { $schema, bomFormat, specVersion, ...rest } = bill;
const whole = { $schema, bomFormat, specVersion, serialNumber: `urn:uuid:${uuid}`, ...rest };
process.stdout.write(`${JSON.stringify(whole, null, 2)}\n`);

/** The time of the last commit, as for the packages. */
function epoch() {
  const given = process.env.SOURCE_DATE_EPOCH;
  if (given !== undefined) return Number(given);
  const log = spawnSync('git', ['log', '-1', '--format=%ct'], { cwd: folder, encoding: 'utf8' });
  return log.status === 0 ? Number(log.stdout) : Date.UTC(2026, 0, 1) / 1000;
}
