/** SIGUSR1 → no debugger of Node's: whoever may send a signal must not thereby get in. */

/**
 * An option for Node, before the program. By default SIGUSR1 has Node listen on a port, to which everybody on this machine
 * may connect and run code; a listener of ours for the signal comes too late for one that is sent at the start. To this
 * address nothing can be bound, and none can connect.
 */
export const NO_DEBUGGER = '--inspect-port=0.0.0.1:1024';
