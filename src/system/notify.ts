/** What a service tells the manager that started it: sd_notify(3), by one datagram each; without a manager, nothing. */
import { reason } from './failure.ts';
import { closeDescriptor } from './libc/descriptors.ts';
import { datagramSocket, send } from './libc/sockets.ts';
import type { Log } from './sink.ts';

/** The manager of services, systemd or another that speaks its protocol. */
export interface Manager {
  /** Somebody hears what is told. */
  readonly listens: boolean;
  /** The work begins: what is ordered after the service may start. */
  ready(status: string): void;
  /** The configuration is read again, until `ready()`. */
  reloading(): void;
  stopping(): void;
  /** Alive, and what it is doing, in a line for people. */
  alive(status: string): void;
  /** What it is doing. */
  does(status: string): void;
}

/** The variables of the protocol; nobody whom the service starts is to speak in its name. */
const VARIABLES = ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID'] as const;

const NOBODY: Manager = {
  listens: false,
  ready() {},
  reloading() {},
  stopping() {},
  alive() {},
  does() {},
};

/**
 * Take the manager's socket out of the environment.
 * @param interval between two calls of `alive()`, in milliseconds; a watchdog that bites sooner is complained of
 */
export function openManager(env: NodeJS.ProcessEnv, interval: number, log: Log): Manager {
  const { NOTIFY_SOCKET: path = '', WATCHDOG_USEC: watchdog = '0' } = env;
  for (const name of VARIABLES) delete env[name];
  if (path === '') return NOBODY;
  const complain = (problem: string): void => log('CRON', 'ERROR', problem, { level: 'error' });
  let fd: number;
  try {
    fd = datagramSocket(path);
  } catch (error) {
    complain(`cannot tell the service manager: ${reason(error)}`);
    return NOBODY;
  }
  const patience = Number(watchdog) / 1000;
  if (patience > 0 && patience <= interval)
    complain(
      `the watchdog of the service (${patience / 1000} s) is not longer than the minute in which it is fed: set WatchdogSec=180`,
    );
  let tell = (...facts: string[]): void => void send(fd, Buffer.from(facts.join('\n')));
  return {
    listens: true,
    ready: (status) => tell('READY=1', statusLine(status)),
    reloading: () => tell('RELOADING=1', `MONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`),
    stopping() {
      tell('STOPPING=1');
      closeDescriptor(fd);
      tell = () => {};
    },
    alive: (status) => tell('WATCHDOG=1', statusLine(status)),
    does: (status) => tell(statusLine(status)),
  };
}

/** Nothing in it may be a fact of its own. */
function statusLine(status: string): string {
  return `STATUS=${status.replaceAll(/\p{Cc}/gu, ' ')}`;
}
