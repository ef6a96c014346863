import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isZone, offsetIn } from '../../src/core/zone.ts';

const offsets: readonly [zone: string, instant: string, minutes: number][] = [
  ['UTC', '2026-01-01T00:00Z', 0],
  ['Europe/Berlin', '2026-03-29T00:59:59Z', 60],
  ['Europe/Berlin', '2026-03-29T01:00:00Z', 120],
  ['America/New_York', '2026-11-01T05:59Z', -240],
  ['America/New_York', '2026-11-01T06:00Z', -300],
  ['Australia/Lord_Howe', '2026-01-01T00:00Z', 660],
  ['Australia/Lord_Howe', '2026-07-01T00:00Z', 630],
  ['America/St_Johns', '2026-01-01T00:00Z', -210],
  ['Asia/Kathmandu', '2026-01-01T00:00Z', 345],
  ['Pacific/Apia', '2011-12-30T09:59Z', -600],
  ['Pacific/Apia', '2011-12-30T10:00Z', 840],
  ['Europe/Berlin', '2040-07-01T00:00Z', 120],
];

for (const [zone, instant, minutes] of offsets) {
  test(`offsetIn() knows ${zone} at ${instant}`, () => {
    assert.equal(offsetIn(zone, Date.parse(instant)), minutes);
  });
}

const names: Record<string, boolean> = {
  'Europe/Berlin': true,
  UTC: true,
  EST5EDT: true,
  'Etc/GMT+5': true,
  'Europe/Berlim': false,
  '+01:00': false,
  'CET-1CEST': false,
  '../../etc/passwd': false,
  '': false,
};

for (const [name, known] of Object.entries(names)) {
  test(`isZone() ${known ? 'knows' : 'does not know'} "${name}"`, () => {
    assert.equal(isZone(name), known);
  });
}
