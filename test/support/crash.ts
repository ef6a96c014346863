/** A daemon and a client that are killed again and again while tables are installed → what was found out of order. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { withoutHeader } from '../../src/spool/header.ts';
import { CallerTo } from '../control/caller.ts';
import { entriesOf, Ledger, numberOf, startInstaller } from './installs.ts';
import type { Sandbox, Started } from './sandbox.ts';

export interface CrashPlan {
  readonly users: readonly { readonly name: string; readonly uid: number }[];
  /** Installs that are to be answered, of all users. */
  readonly installs: number;
  /** How long a daemon lives once it works, in milliseconds at most. */
  readonly life: number;
}

export interface CrashCount {
  readonly kills: number;
  readonly clientKills: number;
  readonly installs: number;
  /** Installs that were begun, not answered, and are in force, and such that are not. */
  readonly kept: number;
  readonly lost: number;
}

const SCHEDULE = '@yearly';

/** Kill until so many installs were answered; throws what a table is that it may not be. */
export async function crash(sandbox: Sandbox, plan: CrashPlan): Promise<CrashCount> {
  const ledger = new Ledger();
  const socket = sandbox.path('run', 'cron.sock');
  let [kills, clientKills, kept, lost] = [0, 0, 0, 0];
  let daemon: Started = await sandbox.start();
  const install = (): ReturnType<typeof startInstaller> => {
    const owners = plan.users.map(({ name, uid }) => ({
      name,
      uid,
      from: ledger.of(name).sent + 1,
    }));
    const each = plan.installs; // never all of them
    return startInstaller({ socket, owners, each, schedule: SCHEDULE, persistent: true }, ledger);
  };
  let client = install();
  while (ledger.done < plan.installs) {
    // The client is a process of its own, and what it sends comes when it likes: no moment is as good as another.
    await pause(Math.random() * plan.life);
    const isClientsTurn = Math.random() < 0.3;
    if (isClientsTurn) {
      client.kill();
      await client.ended;
      clientKills++;
    }
    daemon.kill('SIGKILL');
    await daemon.ended;
    kills++;
    await pause(50); // what the client has read by now is entered
    const found = plan.users.map(({ name }) => ({ name, number: tableInSpool(sandbox, name) }));
    for (const { name, number } of found) {
      const { sent, done } = ledger.of(name);
      isInOrder(ledger, name, number);
      if (number < sent) lost++;
      else if (number > done) kept++;
    }
    const before = ledger.done;
    daemon = await sandbox.start();
    if (isClientsTurn) {
      // Nobody changes anything now: what lies in the spool is in force.
      const sum = found.reduce(
        (all, { name, number }) => all + (number < 0 ? 0 : entriesOf(name, number)),
        0,
      );
      assert.equal(await entriesInForce(socket), sum);
      client = install();
    }
    assert.ok(ledger.done >= before);
  }
  client.kill();
  await client.ended;
  assert.deepEqual(ledger.refused, []);
  daemon.kill('SIGTERM');
  await daemon.ended;
  for (const { name } of plan.users) isInOrder(ledger, name, tableInSpool(sandbox, name));
  return { kills, clientKills, installs: ledger.done, kept, lost };
}

/** See that no table is older than what cron said is in force, nor one that was never sent. */
function isInOrder(ledger: Ledger, name: string, number: number): void {
  const { sent, done } = ledger.of(name);
  const found = `${name} has table ${number}; sent ${sent}, in force ${done}`;
  assert.ok(number >= done && number <= sent, found);
}

/** The number of a user's table, which is whole; -1: there is none. */
function tableInSpool(sandbox: Sandbox, name: string): number {
  if (!readdirSync(sandbox.path('spool')).includes(name)) return -1;
  const text = withoutHeader(readFileSync(sandbox.path('spool', name))).toString('latin1');
  const number = numberOf(name, text, SCHEDULE);
  assert.ok(number !== null, `The table of ${name} is not whole: ${text.slice(0, 200)}`);
  return number;
}

async function entriesInForce(path: string): Promise<number> {
  const socket = connect(path);
  await once(socket, 'connect');
  try {
    const { head } = await new CallerTo(socket).ask('status');
    assert.ok(head.ok && head.status !== undefined);
    return head.status.entries;
  } finally {
    socket.destroy();
  }
}
