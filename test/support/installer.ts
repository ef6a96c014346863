/** A client that installs table after table of many users, and tells each beginning and end: run by `startInstaller()`. */
import { once } from 'node:events';
import { writeSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { CallerTo, wordOf } from '../control/caller.ts';
import { type Orders, type Owner, tableOf } from './installs.ts';

/** Connect as that user: it is what the kernel tells the daemon. */
function connectAs(path: string, uid: number): Socket {
  const own = process.geteuid?.();
  if (own === 0) process.seteuid?.(uid);
  try {
    return connect(path); // which has called connect(2) when it returns
  } finally {
    if (own === 0) process.seteuid?.(0);
  }
}

/** Connect as soon as there is a daemon. */
async function reach(orders: Orders, uid: number): Promise<CallerTo> {
  for (;;) {
    try {
      const socket = connectAs(orders.socket, uid);
      await once(socket, 'connect');
      return new CallerTo(socket);
    } catch (error) {
      if (!orders.persistent) throw error;
      await pause(20);
    }
  }
}

async function installAll(orders: Orders, { name, uid, from, at }: Owner): Promise<void> {
  let caller: CallerTo | undefined;
  for (let number = from; number < from + orders.each; number++) {
    caller ??= await reach(orders, uid);
    if (at !== undefined) await pause(at - Date.now());
    say('sent', name, number, Date.now());
    const table = tableOf(name, number, orders.schedule);
    try {
      const { head } = await caller.ask('install', { user: name }, Buffer.from(table));
      say(head.ok ? 'done' : `refused: ${wordOf(head)}`, name, number, Date.now());
    } catch (error) {
      if (!orders.persistent) throw error;
      caller.socket.destroy();
      caller = undefined;
    }
  }
  caller?.socket.end();
}

function say(what: string, name: string, number: number, time: number): void {
  writeSync(1, `${name} ${number} ${time} ${what}\n`);
}

const orders: Orders = JSON.parse(process.argv[2] ?? '');
await Promise.all(orders.owners.map((owner) => installAll(orders, owner)));
