import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { Doing } from '../../src/cli/doing.ts';
import { parseTab, type Tab } from '../../src/spool/tab.ts';
import { until } from '../support/wait.ts';

const tabOf = (text: string): Tab =>
  parseTab({ label: 'alice', path: '/x', shown: 'x', user: 'alice' }, text, 'host');

/** A daemon whose next start is a minute away, and its manager. */
function around(t: TestContext, entries: number) {
  const told: string[] = [];
  const state = { now: 1_800_000_000_000, looks: 0, tabs: [tabOf('@daily x\n'.repeat(entries))] };
  const tell = (line: string): void => void told.push(line);
  const doing = new Doing({
    manager: {
      listens: true,
      ready: tell,
      alive: tell,
      does: tell,
      reloading() {},
      stopping() {},
    },
    crontabs: state,
    runners: { jobs: [] },
    soonest: {
      of: () => {
        state.looks++;
        const [tab] = state.tabs;
        const entry = tab?.entries.at(0);
        assert.ok(tab && entry);
        return Promise.resolve([
          { at: state.now + 60_000, local: 0, turn: 0, tab, entry, user: 'alice' },
        ]);
      },
    },
    clock: { now: () => state.now },
  });
  t.after(() => doing.close());
  const change = async (): Promise<string> => {
    const before = told.length;
    doing.changed();
    await until('it is told', () => told.length > before);
    return told.at(-1) ?? '';
  };
  return { doing, state, told, change };
}

test('changed() has the next start told, which is looked for when it has passed or a crontab has changed', async (t) => {
  const { state, change } = around(t, 2);
  const line = /^2 entries in 1 crontab, 0 running jobs, next \w{3} [\d-]{10} \d\d:\d\d [+-]\d{4}$/;
  assert.match(await change(), line);
  assert.match(await change(), line);
  assert.equal(state.looks, 1);
  state.now += 60_000;
  await change();
  assert.equal(state.looks, 2);
  state.now -= 120_000;
  await change();
  assert.equal(state.looks, 3);
  state.tabs = [tabOf('@daily y\n')];
  assert.match(await change(), /^1 entry in 1 crontab, 0 running jobs, next /);
  assert.equal(state.looks, 4);
});

test('alive() tells no start that has passed', async (t) => {
  const { doing, state, told, change } = around(t, 1);
  await change();
  state.now += 60_000;
  doing.alive();
  assert.equal(told.at(-1), '1 entry in 1 crontab, 0 running jobs');
});

test('alive() tells once, and again only to look for a next start that is not known', async (t) => {
  const { doing, state, told, change } = around(t, 1);
  await change();
  const before = told.length;
  doing.alive();
  await pause(1500); // what is told soon is told after a second
  assert.equal(told.length, before + 1);
  state.now += 60_000;
  doing.alive();
  await until('it is told again', () => told.length === before + 3);
  assert.equal(state.looks, 2);
});

test('changed() looks for no next start among very many entries', async (t) => {
  const { state, change } = around(t, 1001);
  assert.equal(await change(), '1001 entries in 1 crontab, 0 running jobs');
  assert.equal(state.looks, 0);
});
