import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { removeDrafts } from '../../src/spool/drafts.ts';
import { house } from './house.ts';

const DEAD = 10_000;

test('removeDrafts() removes what dead installs left, and nothing else', (t) => {
  const { paths, root } = house(t);
  const at = (name: string): string => join(paths.spool, name);
  for (const name of [
    'tmp.abc123',
    'tmp.XyZ789',
    'alice',
    'tmp.abc1234',
    'xtmp.abc123',
    'tmp.abc-12',
  ])
    writeFileSync(at(name), '');
  mkdirSync(at('tmp.folder'));
  symlinkSync(root, at('tmp.symbol'));
  const { ctimeMs } = statSync(at('tmp.XyZ789'));
  assert.equal(removeDrafts(paths.spool, ctimeMs + DEAD - 1000), true);
  assert.equal(readdirSync(paths.spool).length, 8);
  assert.equal(removeDrafts(paths.spool, ctimeMs + DEAD + 1000), false);
  const left = ['alice', 'tmp.abc-12', 'tmp.abc1234', 'tmp.folder', 'tmp.symbol', 'xtmp.abc123'];
  assert.deepEqual(readdirSync(paths.spool).toSorted(), left.toSorted());
});
