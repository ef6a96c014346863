/** Peers: who connected, by the kernel's word. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { peerOf } from '../../src/system/peer.ts';
import { needsRoot } from '../support/sandbox.ts';

const CONNECT = `require('node:net').connect(process.argv[1]).resume().on('end', () => process.exit())`;

/** Have a process of that uid connect, and hand over the server's end of it. */
async function connected(t: TestContext, uid?: number): Promise<{ socket: Socket; pid: number }> {
  const folder = mkdtempSync(join(tmpdir(), 'peer-'));
  chmodSync(folder, 0o755);
  t.after(() => rmSync(folder, { recursive: true }));
  const server = createServer();
  server.listen({ path: join(folder, 'sock'), writableAll: true, readableAll: true });
  await once(server, 'listening');
  const child = spawn(process.execPath, ['-e', CONNECT, join(folder, 'sock')], {
    stdio: ['ignore', 'inherit', 'inherit'],
    ...(uid !== undefined && { uid, gid: uid }),
  });
  const [socket]: Socket[] = await once(server, 'connection');
  assert.ok(socket !== undefined);
  t.after(async () => {
    socket.destroy();
    server.close();
    if (child.exitCode === null) await once(child, 'exit');
  });
  return { socket, pid: child.pid ?? 0 };
}

test('peerOf() tells process and user of who connected', async (t) => {
  const { socket, pid } = await connected(t);
  const [uid, gid] = [process.getuid?.(), process.getgid?.()];
  assert.deepEqual(peerOf(socket), { pid, uid, gid });
});

test('peerOf() tells another user from us', needsRoot, async (t) => {
  const { socket, pid } = await connected(t, 65534);
  assert.deepEqual(peerOf(socket), { pid, uid: 65534, gid: 65534 });
});

test('peerOf() has no answer for a connection that is closed', async (t) => {
  const { socket } = await connected(t);
  socket.destroy();
  assert.throws(() => peerOf(socket), /no descriptor/);
});
