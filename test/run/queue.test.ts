/** Jobs of one entry that may not overlap, and jobs that may not run for ever. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Firing } from '../../src/run/protocol.ts';
import { Queue } from '../../src/run/queue.ts';
import { isAlive } from '../support/sandbox.ts';
import { until } from '../support/wait.ts';
import { place, takeOver } from './desk.ts';
import { firing } from './firings.ts';

const queued = (run: string, identity = 'entry'): Firing =>
  firing(run, { identity, overlap: 'queue' });

test('Queue holds a firing while a job of its entry runs, and no other', () => {
  const queue = new Queue();
  queue.started('entry');
  assert.equal(queue.holds(queued('b')), true);
  assert.equal(queue.holds(queued('b', 'other')), false);
  assert.equal(queue.holds(firing('b', { identity: 'entry' })), false, 'allow is the default');
});

test('Queue gives them out one after the other, in their order', () => {
  const queue = new Queue();
  queue.started('entry');
  for (const run of ['b', 'c']) assert.equal(queue.wait(queued(run)), true);
  assert.equal(queue.size, 2);
  assert.equal(queue.ended('entry')?.run, 'b');
  queue.started('entry');
  assert.equal(queue.holds(queued('d')), true, 'c is before it');
  assert.equal(queue.ended('entry')?.run, 'c');
  queue.started('entry');
  assert.equal(queue.ended('entry'), null);
  assert.equal(queue.holds(queued('e')), false);
});

test('Queue waits for the last of several jobs', () => {
  const queue = new Queue();
  queue.started('entry');
  queue.started('entry');
  queue.wait(queued('b'));
  assert.equal(queue.ended('entry'), null);
  assert.equal(queue.ended('entry')?.run, 'b');
});

test('Queue waits for jobs of other runners until they are told to have ended, or nobody can tell', () => {
  const queue = new Queue();
  queue.busyElsewhere(['entry', 'other']);
  queue.wait(queued('b'));
  queue.wait(queued('c', 'other'));
  assert.equal(queue.free('entry')?.run, 'b');
  assert.deepEqual(
    queue.freeAll().map(({ run }) => run),
    ['c'],
  );
});

test('Queue lets a hundred wait and no more', () => {
  const queue = new Queue();
  queue.started('entry');
  const kept = Array.from({ length: 101 }, (_, index) => queue.wait(queued(`${index}`)));
  assert.deepEqual([kept.lastIndexOf(true), kept.indexOf(false)], [99, 100]);
});

test('Runner starts what is queued after the job before it, and not while another runner has one', async (t) => {
  const here = place(t);
  await here.run('r');
  const desk = await takeOver(here.socket('r'));
  const notes = join(here.folder, 'notes');
  const noting = (run: string): Firing =>
    firing(run, {
      identity: 'entry',
      overlap: 'queue',
      command: `echo begin ${run} >> ${notes}; sleep 0.2; echo end ${run} >> ${notes}`,
    });
  desk.say({ order: 'start', firings: [noting('a'), noting('b')], busy: ['entry'] });
  await desk.hears('recorded');
  assert.equal(here.logged.filter((line) => line.includes('this one waits')).length, 2);
  desk.say({ order: 'free', identity: 'entry' });
  await desk.hears('ended', 2);
  assert.deepEqual(readFileSync(notes, 'utf8').split('\n'), [
    'begin a',
    'end a',
    'begin b',
    'end b',
    '',
  ]);
});

test('Runner that drains still starts what is queued', async (t) => {
  const here = place(t);
  const runner = await here.run('r');
  const desk = await takeOver(here.socket('r'));
  const firings = ['a', 'b', 'c'].map((run) => ({ ...queued(run), command: `echo ${run}` }));
  desk.say({ order: 'start', firings, busy: [] }, { order: 'drain' });
  await runner.ended;
  assert.deepEqual(
    here.posted.map(({ body }) => body),
    ['a\n', 'b\n', 'c\n'],
  );
});

test('Runner ends a job and all that it started after CRON_TIMEOUT, and says so in its mail', async (t) => {
  const here = place(t);
  await here.run('r');
  const desk = await takeOver(here.socket('r'));
  const pids = join(here.folder, 'pids');
  const command = `sleep 600 & echo $! > ${pids}; echo begun; wait; echo never`;
  desk.say({ order: 'start', firings: [firing('a', { command, timeout: 1 })], busy: [] });
  const ended = await desk.hears('ended');
  assert.deepEqual(ended.exit, { code: null, signal: 'SIGTERM' });
  const [mail] = await until('the mail', () => here.posted.length > 0 && here.posted);
  assert.equal(mail?.body, 'cron: this job was ended after 1 s (CRON_TIMEOUT)\nbegun\n');
  const child = Number(readFileSync(pids, 'utf8'));
  await until('the child is gone', () => !isAlive(child));
  assert.match(here.logged.join('\n'), /ERROR \(ended after 1 s \(CRON_TIMEOUT\)/);
});

test('Runner ends with CRON_TIMEOUT what has made a group of its own, and what has closed its output', async (t) => {
  const here = place(t);
  await here.run('r');
  const desk = await takeOver(here.socket('r'));
  const child = (name: string): string => join(here.folder, name);
  // A shell with job control gives each child a group; none of them is in the group of the job.
  const command = `bash -mc 'sleep 600 & echo $! > ${child('apart')}; wait'`;
  // Nobody who prints is left when SIGTERM has ended the shell; who ignores that must not be forgotten.
  const deaf = `(trap '' TERM; exec >&- 2>&-; exec sleep 600) & echo $! > ${child('deaf')}; exec >&- 2>&-; trap '' TERM; while :; do sleep 1; done`;
  const firings = [
    firing('a', { command, timeout: 1 }),
    firing('b', { command: deaf, timeout: 1 }),
  ];
  desk.say({ order: 'start', firings, busy: [] });
  await until('both are told of', () => here.posted.length > 1);
  const heads = here.posted.map(({ head }) => /^X-Cron-Status: (.*)$/m.exec(head)?.[1] ?? '');
  assert.deepEqual(heads.toSorted(), ['signal SIGKILL', 'signal SIGTERM']);
  for (const name of ['apart', 'deaf']) {
    const pid = Number(readFileSync(child(name), 'utf8'));
    await until(`${name} is gone`, () => !isAlive(pid));
  }
});

test('Runner does not end a job that is in time', async (t) => {
  const here = place(t);
  await here.run('r');
  const desk = await takeOver(here.socket('r'));
  desk.say({ order: 'start', firings: [firing('a', { timeout: 60 })], busy: [] });
  assert.deepEqual((await desk.hears('ended')).exit, { code: 0, signal: null });
});
