/** What is asked for over the control socket → what is done: a row and a function for each request. */
import { hostname } from 'node:os';
import { join } from 'node:path';
import { type Answer, type Call, type Desk, openDesk, type Rows } from '../control/desk.ts';
import { type Caller, isPrivileged } from '../control/permit.ts';
import { refusal, SOCKET_NAME } from '../control/protocol.ts';
import { type ControlServer, openServer } from '../control/server.ts';
import type { Rounds } from '../mail/rounds.ts';
import type { Runners } from '../run/runners.ts';
import { access } from '../spool/access.ts';
import { openBackups } from '../spool/backup.ts';
import { spoolCrontabs } from '../spool/store.ts';
import type { Log } from '../system/sink.ts';
import { systemNames } from '../system/users.ts';
import { type ArchiveTools, archiveAnswers } from './archive.ts';
import { TABLE_LIMIT } from './check.ts';
import { type LoadedCrontabs, ownName } from './crontabs.ts';
import type { Ended } from './ended.ts';
import { Changes, noCrontab } from './install.ts';
import { liveAnswers, type LiveTools } from './live.ts';
import { mailAnswers } from './mails.ts';
import { type Metrics, metricsAnswer, type Present } from './meters.ts';
import { overview } from './overview.ts';
import { type ReceptionTools, submitRow } from './reception.ts';
import type { Settings } from './serve.ts';
import type { Soonest } from './soonest.ts';

/** The parts of the daemon that requests are about. */
export interface ControlTools extends ReceptionTools {
  readonly crontabs: LoadedCrontabs;
  readonly runners: LiveTools['runners'] & Pick<Runners, 'list'>;
  readonly history: ArchiveTools['history'];
  readonly soonest: Soonest;
  readonly ended: Ended;
  readonly metrics: Metrics;
  /** For the metrics. */
  readonly present: () => Promise<Present>;
  readonly rounds: Pick<Rounds, 'flush' | 'look'> | null;
  /** In milliseconds since the epoch. */
  readonly started: number;
}

/** Open the control socket of this daemon. */
export function openControl(settings: Settings, tools: ControlTools): Promise<ControlServer> {
  return openServer({
    path: join(settings.config.paths.run, SOCKET_NAME),
    desk: controlDesk(settings, tools),
    complain(error, { uid, pid }) {
      const detail = `request of uid ${uid}, pid ${pid}: ${stackOf(error)}`;
      tools.log('CRON', 'ERROR', detail, { level: 'error' });
    },
  });
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

function controlDesk(settings: Settings, tools: ControlTools): Desk {
  const { paths } = settings.config;
  const uid = process.geteuid?.() ?? 0;
  const realm = {
    uid,
    onlyUser: uid === 0 ? null : ownName(),
    access: (user: string) => access(user, paths),
  };
  const people = {
    nameOf: systemNames(),
    uidOf: async (name: string) => (await tools.users.find(name))?.uid ?? null,
  };
  return openDesk(answers(settings, tools, uid), realm, people, (caller, { error }) => {
    // As Debian's: root is told, and nobody else.
    if (error === 'not-allowed' && !isPrivileged(caller, uid))
      note(tools.log, caller, 'AUTH', 'crontab command not allowed');
  });
}

/** Log as Debian's crontab(1) would, in the name of the process that asks. */
function note(log: Log, { name, pid }: Caller, event: string, detail: string): void {
  log(name, event, detail, { tag: 'crontab', pid });
}

/** What a table is listed for, and how that is logged; a change is logged when it is made. */
const LISTINGS: ReadonlyMap<unknown, string | null> = new Map([
  ['edit', 'BEGIN EDIT'],
  ['change', null],
]);

function answers(
  { config, startNothing: startsNothing }: Settings,
  tools: ControlTools,
  daemon: number,
): Rows {
  const { crontabs, runners, rounds, users, log } = tools;
  const { paths } = config;
  const store = spoolCrontabs(paths.spool);
  const backups = openBackups(join(paths.state, 'backup'));
  const changes = new Changes({ store, backups, crontabs, hostname: hostname() });
  const live = liveAnswers({
    runners,
    crontabs,
    outputs: join(paths.state, 'output'),
    daemon,
    startsNothing,
    note: (caller, event, detail) => log(caller.name, event, detail),
  });
  const archive = archiveAnswers({ history: tools.history, daemon });
  const mails = mailAnswers({ outbox: join(paths.state, 'outbox'), rounds, daemon });

  async function list({ head: { purpose }, caller, user }: Call): Promise<Answer> {
    const event = LISTINGS.has(purpose) ? LISTINGS.get(purpose) : 'LIST';
    if (event) note(log, caller, event, user.name);
    const body = await store.read(user, purpose === 'whole');
    return body === null ? { head: noCrontab(user) } : { head: DONE, body };
  }

  async function install(call: Call, table: Buffer): Promise<Answer> {
    const refused = await changes.install(call, table);
    if (refused === null) note(log, call.caller, 'REPLACE', call.user.name);
    return { head: refused ?? DONE };
  }

  async function remove(call: Call): Promise<Answer> {
    const refused = await changes.remove(call);
    if (refused === null) note(log, call.caller, 'DELETE', call.user.name);
    return { head: refused ?? DONE };
  }

  async function listBackups({ user }: Call): Promise<Answer> {
    const kept = await backups.list(user);
    const told = kept.map(({ number, at, size }) => ({
      number,
      at: new Date(at).toISOString(),
      size,
    }));
    return { head: { ...DONE, backups: told } };
  }

  async function backup({ user, head: { number = 1 } }: Call): Promise<Answer> {
    const body = await backups.read(user, number);
    if (body !== null) return { head: DONE, body };
    return { head: refusal('none', `no backup number ${number} of the crontab of ${user.name}`) };
  }

  async function reload(): Promise<Answer> {
    await crontabs.refresh();
    const { tabs } = crontabs;
    const entries = tabs.reduce((sum, tab) => sum + tab.entries.length, 0);
    return { head: { ...DONE, crontabs: tabs.length, entries } };
  }

  return {
    list: { body: 'none', answer: list },
    install: { body: 'memory', limit: TABLE_LIMIT, answer: install },
    remove: { body: 'none', answer: remove },
    backups: { body: 'none', answer: listBackups },
    backup: { body: 'none', answer: backup },
    status: {
      body: 'none',
      answer: overview({
        ...tools,
        mails: mails.count,
        outputs: join(paths.state, 'output'),
        daemon,
      }),
    },
    metrics: { body: 'none', answer: metricsAnswer(tools.metrics, tools.present, daemon) },
    history: { body: 'none', answer: archive.history },
    log: { body: 'none', answer: archive.log },
    run: { body: 'none', answer: live.run },
    follow: { body: 'none', answer: live.follow },
    kill: { body: 'none', answer: live.kill },
    mailq: { body: 'none', answer: mails.mailq },
    flush: { body: 'none', answer: mails.flush },
    submit: submitRow(config, daemon, { users, rounds, log }),
    reload: { body: 'none', answer: reload },
  };
}

const DONE = { ok: true } as const;
