/** The image of packaging/container, without Docker: its Dockerfile's steps done in a box, its cron as process 1 there. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test, type TestContext } from 'node:test';
import { CONTAINER } from '../support/container.ts';
import { type Box, boxed, openBox, type Program, until } from '../support/system.ts';

const read = (name: string): string =>
  readFileSync(new URL(`../../../packaging/container/${name}`, import.meta.url), 'utf8');

interface Instruction {
  readonly name: string;
  readonly rest: string;
}

/** The instructions of the Dockerfile, stage by stage. */
function stages(): Map<string, Instruction[]> {
  const text = read('Dockerfile')
    .replaceAll(/^#.*\n/gm, '')
    .replaceAll(/\\\n/g, ' ');
  const all = new Map<string, Instruction[]>();
  let current: Instruction[] = [];
  for (const line of text.split('\n').filter((one) => one !== '')) {
    const [, name = '', rest = ''] = /^([A-Z]+) +(.*)$/.exec(line) ?? [];
    const stage = /^(\S+) AS (\S+)$/.exec(rest);
    if (name === 'FROM')
      all.set(stage?.[2] ?? '', (current = [...(all.get(stage?.[1] ?? '') ?? [])]));
    else current.push({ name, rest });
  }
  return all;
}

interface Image {
  readonly box: Box;
  readonly command: readonly string[];
  readonly health: readonly string[];
  readonly user: string;
}

/** Do in a box what Docker would do on a bare Debian with Node; the project is built already, in /src. */
async function build(t: TestContext, target: string): Promise<Image> {
  const box = await openBox(t);
  await box.run('rm -rf /etc/crontab /etc/cron.d /var/spool/cron /usr/sbin/sendmail');
  let [command, health, user]: [string[], string[], string] = [[], [], '0:0'];
  for (const { name, rest } of stages().get(target) ?? []) {
    const words = rest.split(' ');
    switch (name) {
      case 'COPY': {
        const [to = '', ...from] = words.filter((word) => !word.startsWith('--')).toReversed();
        for (const path of from) {
          const source = path.replace(/^(?:\/src)?\/?/, '/src/');
          const place = from.length > 1 || to.endsWith('/') ? `${to.replace(/\/$/, '')}/` : to;
          await box.run(`mkdir -p ${place.replace(/[^/]*$/, '')}; cp -r ${source} ${place}`);
        }
        break;
      }
      case 'RUN':
        await box.run(rest);
        break;
      case 'USER':
        user = rest;
        break;
      case 'CMD':
        command = JSON.parse(rest);
        break;
      case 'HEALTHCHECK':
        health = JSON.parse(rest.replace(/^.* CMD /, ''));
        break;
      case 'VOLUME':
        break;
      default:
        assert.fail(`the test knows no ${name}`);
    }
  }
  return { box, command, health, user };
}

/** What docs/containers.md says that root's cron needs. */
const CAPABILITIES = '+chown,+dac_override,+kill,+setgid,+setuid';

/** What compose.yaml drops and forbids, and the image's user. */
function as(user: string, capabilities = ''): string[] {
  const [uid, gid] = user.split(':');
  const kept = capabilities === '' ? '-all' : `-all,${capabilities}`;
  const bounds = [`--bounding-set=${kept}`, '--inh-caps=-all', '--no-new-privs'];
  return ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups', ...bounds, '--'];
}

function run({ box, command }: Image, drop: readonly string[], env = {}): Program {
  return box.start([...CONTAINER, ...drop, ...command], { env });
}

/** The pid of process 1, as the box sees it. */
async function first(box: Box): Promise<string> {
  return until('process 1', async () => {
    const said = await box.run(
      'for pid in $(pgrep -x unshare); do pgrep -x -P $pid node || true; done',
    );
    return said.trim() || undefined;
  });
}

test(
  'the image without root runs the jobs of one user, is healthy, and ends in order',
  boxed,
  async (t) => {
    const image = await build(t, 'user');
    const { box, health, user } = image;
    await box.write(
      '/etc/cron.d/jobs',
      '@reboot cron id -un; pwd; env\n@reboot alice echo hello\n',
    );
    const env = { TZ: 'Asia/Tokyo', PASSWORD: 'secret' };
    const cron = run(image, as(user), env);
    const mail = await until(
      'the mail',
      async () => (await box.read('/var/mail/cron')) || undefined,
      () => cron.output(),
    );
    assert.match(mail, /\n\ncron\n\/home\/cron\n/);
    assert.match(mail, /^PATH=\/usr\/local\/sbin:/m);
    assert.match(mail, /^TZ=Asia\/Tokyo$/m);
    assert.doesNotMatch(mail, /PASSWORD|hello/);
    const pid = await first(box);
    const inside = `nsenter -t ${pid} -p -m -S ${user.split(':')[0]} -G ${user.split(':')[1]} --`;
    assert.match(await box.run(`${inside} ${health.join(' ')}`), / is running with pid 1 /);
    await box.run(`kill -TERM ${pid}`);
    await until(
      'it has ended',
      () => cron.status() ?? undefined,
      () => cron.output(),
    );
    assert.equal(cron.status(), 0, cron.output());
  },
);

test('the image of root runs everybody’s jobs, with few capabilities', boxed, async (t) => {
  const image = await build(t, 'root');
  const { box, health, user } = image;
  await box.write('/etc/cron.d/jobs', '@reboot alice id -un\n@reboot bob id -un\n');
  const cron = run(image, as(user, CAPABILITIES));
  const pid = await first(box);
  const inside = `nsenter -t ${pid} -p -m --`;
  await until(
    'it is healthy',
    async () =>
      (await box.run(`${inside} ${health.join(' ')} > /dev/null 2>&1 && echo yes || true`)) ||
      undefined,
  );
  // Like "docker exec -u alice": no privileges are needed for a crontab.
  const alice = `${inside} setpriv --reuid=alice --regid=alice --init-groups --no-new-privs`;
  await box.run(`echo "0 5 * * * id -un" | ${alice} crontab -`);
  assert.equal(await box.run(`${alice} crontab -l`), '0 5 * * * id -un\n');
  for (const name of ['alice', 'bob']) {
    const mail = await until(
      `the mail of ${name}`,
      async () => (await box.read(`/var/mail/${name}`)) || undefined,
      () => cron.output(),
    );
    assert.match(mail, new RegExp(`\\n\\n${name}\\n`));
  }
  await box.run(`kill -TERM ${pid}`);
  await until(
    'it has ended',
    () => cron.status() ?? undefined,
    () => cron.output(),
  );
  assert.equal(cron.status(), 0, cron.output());
  assert.doesNotMatch(cron.output(), /EPERM|EACCES|not permitted|denied/);
});
