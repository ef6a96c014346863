import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Family, Histogram, openMetrics } from '../../src/core/openmetrics.ts';

test('openMetrics() writes gauges, counters and histograms', () => {
  const of = new Histogram([0.5, 1]);
  for (const value of [0.5, 0.6, 7]) of.add(value);
  const text = openMetrics([
    { type: 'gauge', name: 'up', help: 'It "is".', samples: [{ value: 1 }] },
    {
      type: 'counter',
      name: 'output_bytes',
      help: 'Two\nlines.',
      samples: [{ labels: { user: 'a"b\\c\nd' }, value: 12 }],
    },
    {
      type: 'histogram',
      name: 'run_seconds',
      help: 'x',
      histograms: [{ labels: { user: 'a' }, of }],
    },
  ]);
  assert.equal(
    text,
    String.raw`# TYPE up gauge
# HELP up It \"is\".
up 1
# TYPE output_bytes counter
# UNIT output_bytes bytes
# HELP output_bytes Two\nlines.
output_bytes_total{user="a\"b\\c\nd"} 12
# TYPE run_seconds histogram
# UNIT run_seconds seconds
# HELP run_seconds x
run_seconds_bucket{user="a",le="0.5"} 1
run_seconds_bucket{user="a",le="1.0"} 2
run_seconds_bucket{user="a",le="+Inf"} 3
run_seconds_count{user="a"} 3
run_seconds_sum{user="a"} 8.1
# EOF
`,
  );
});

/** The lines of the specification's grammar, as far as they are written here. */
const LINE =
  /^(# EOF|# (TYPE|UNIT|HELP) [a-z_]+ .+|[a-z_]+(\{[a-z_]+="(?:[^"\\\n]|\\[\\n"])*"(,[a-z_]+="(?:[^"\\\n]|\\[\\n"])*")*\})? [-+0-9.eE]+)$/;

test('openMetrics() writes lines of the grammar, whatever the labels are', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary' }),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      (user, value) => {
        const family: Family = {
          type: 'gauge',
          name: 'x',
          help: 'y',
          samples: [{ labels: { user }, value }],
        };
        const lines = openMetrics([family]).split('\n');
        assert.equal(lines.pop(), '');
        assert.equal(lines.at(-1), '# EOF');
        for (const line of lines) assert.match(line, LINE);
      },
    ),
  );
});
