/** What the jobs noted, what arrived, and the log → whether each output arrived once, or twice and counted. */
import { numberIn, type Notes, outputOf } from './jobs.ts';

/** What is known of the jobs beforehand. */
export interface Expected {
  /** All that a job prints. */
  outputOf(number: number): string;
  /** Why a job need not have run; null: it must. */
  excuse(number: number): string | null;
}

const REBOOT: Expected = { outputOf, excuse: () => null };

/** Numbers for people, and sentences for what must not be. */
export interface Verdict {
  readonly figures: Readonly<Record<string, number>>;
  readonly wrong: readonly string[];
}

/** A mail of a job. */
export interface Copy {
  readonly run: string;
  /** The report of a runner that died. */
  readonly lost: boolean;
  readonly body: string;
}

const LOST = /^cron: the process that watched this job died; [^\n]*\n(?:cron: [^\n]*\n)*\n/;
const GONE = /^cron: (\d+) bytes of its output could not be kept\.$/m;
/** What stands before the output of a job that ran into its limit. */
const TIMEOUT = /^cron: this job was ended after \d+ s \(CRON_TIMEOUT\)\n/;
const SHORT = /^cron: (\d+) bytes of this output could not be kept(?:: [^\n]*)?\n/;

/** Judge. */
export function judge(
  jobs: number,
  notes: Notes,
  arrived: readonly string[],
  log: string,
  known: Expected = REBOOT,
): Verdict {
  const copies = copiesOf(arrived);
  const counted = countDoubts(log);
  let unnamed = counted.unnamed;
  const figures = {
    jobs,
    'begun by no one, as documented': 0,
    'silent, and no mail': 0,
    'begun by no one, and told of': 0,
    'begun again, since a full disk took no record': 0,
    'arrived once': 0,
    'arrived more often, and counted': 0,
    'copies too many': 0,
    'told of as lost with their runner': 0,
    'of these with all of the output': 0,
    'short, which the mail says': 0,
  };
  const wrong: string[] = [];
  for (let number = 0; number < jobs; number++) {
    const found = copies.get(number) ?? [];
    const begun = notes.begun.get(number) ?? 0;
    const printed = notes.printed.has(number);
    const say = (what: string): void => {
      wrong.push(`job ${number}: ${what} (begun ${begun}, printed ${printed ? 'all' : 'not all'})`);
    };
    const again = Math.max(0, begun - 1);
    if (again > counted.unrecorded) say('was run more than once');
    if (again > 0) figures['begun again, since a full disk took no record']++;
    const expected = known.outputOf(number);
    if (found.length === 0) {
      if (begun === 0 && known.excuse(number) !== null) figures['begun by no one, as documented']++;
      else if (printed && expected === '') figures['silent, and no mail']++;
      else say('no mail');
      continue;
    }
    if (begun === 0) figures['begun by no one, and told of']++;
    const runs = new Set(found.map(({ run }) => run));
    const doubts = [...runs].reduce((sum, run) => sum + (counted.runs.get(run) ?? 0), 0);
    const may = 1 + again + doubts + (counted.jobs.get(number) ?? 0);
    unnamed -= Math.max(0, found.length - may);
    if (found.length > may && unnamed < 0)
      say(`${found.length} copies, of which ${may} are accounted for`);
    if (found.length === 1) figures['arrived once']++;
    else figures['arrived more often, and counted']++;
    figures['copies too many'] += found.length - 1;
    const states = found.map((copy) => contentOf(copy, expected));
    if (states.includes('wrong'))
      say(
        `a mail has something else: ${JSON.stringify(found.map(({ body }) => body.slice(0, 300)))}`,
      );
    if (states.includes('whole')) continue;
    if (states.includes('lost whole') || states.includes('lost')) {
      figures['told of as lost with their runner']++;
      if (states.includes('lost whole')) figures['of these with all of the output']++;
    } else if (states.includes('short')) figures['short, which the mail says']++;
  }
  for (const number of copies.keys())
    if (!(number >= 0 && number < jobs)) wrong.push(`a mail of no job: ${String(number)}`);
  return { figures, wrong };
}

/** What has arrived, by the numbers of the jobs. */
export function copiesOf(arrived: readonly string[]): Map<number, Copy[]> {
  const copies = new Map<number, Copy[]>();
  for (const mail of arrived) {
    const end = mail.indexOf('\n\n') + 2;
    const head = mail.slice(0, end).replaceAll(/\n[ \t]+/g, ' ');
    const number = numberIn(head);
    const run = /^Message-ID: <([^.]+)\./im.exec(head)?.[1] ?? '';
    const lost = /^X-Cron-Status: unknown/m.test(head) || LOST.test(mail.slice(end));
    const body = mail.slice(end).replace(TIMEOUT, '');
    copies.set(number, [...(copies.get(number) ?? []), { run, lost, body }]);
  }
  return copies;
}

type Content = 'whole' | 'short' | 'lost' | 'lost whole' | 'wrong';

function contentOf({ lost, body }: Copy, expected: string): Content {
  if (lost) {
    const text = body.replace(LOST, '');
    if (text === expected) return 'lost whole';
    const gone = Number(GONE.exec(body)?.[1] ?? 0);
    if (gone > 0) return text.length + gone <= expected.length + 1 ? 'lost' : 'wrong';
    // SMTP ends the last line, wherever it was cut.
    return expected.startsWith(text) || expected.startsWith(text.slice(0, -1)) ? 'lost' : 'wrong';
  }
  if (body === expected) return 'whole';
  const missing = Number(SHORT.exec(body)?.[1] ?? 0);
  const rest = body.replace(SHORT, '');
  // What a job that could print no more has printed is all of it; SMTP ends the last line.
  if (missing > 0) return rest.length + missing <= expected.length + 1 ? 'short' : 'wrong';
  return 'wrong';
}

/**
 * Lines of the log after which a mail may come once more: by the run, by the number of the job, and those that name neither;
 * and how many journals a full disk did not take, without which a job may be begun once more.
 */
function countDoubts(log: string): {
  runs: ReadonlyMap<string, number>;
  jobs: ReadonlyMap<number, number>;
  unnamed: number;
  unrecorded: number;
} {
  let [unnamed, unrecorded] = [0, 0];
  const runs = new Map<string, number>();
  const jobs = new Map<number, number>();
  for (const line of log.split('\n')) {
    const twice = / MAIL \(\d+-(\S+) may be sent twice/.exec(line)?.[1];
    const failed = / MAIL \(\d+-(\S+) was not delivered at try \d+ \((.*?)\);/.exec(line);
    const first = / MAIL \(not delivered \((.*?)\), kept in .*?\/\d+-([^/]+)\/message\.eml/.exec(
      line,
    );
    const unclear = [
      [failed?.[1], failed?.[2]],
      [first?.[2], first?.[1]],
    ].flatMap(([run, why]) => (run !== undefined && UNCLEAR.test(why ?? '') ? [run] : []));
    for (const run of [...(twice === undefined ? [] : [twice]), ...unclear])
      runs.set(run, (runs.get(run) ?? 0) + 1);
    const unkept = / MAIL \(not delivered \((.*?)\), and not kept either: /.exec(line)?.[1];
    if (unkept !== undefined && UNCLEAR.test(unkept)) unnamed++;
    if (/ ERROR \(cannot write the journal /.test(line)) unrecorded++;
    if (/ LOST \(/.test(line)) {
      const number = numberIn(line);
      jobs.set(number, (jobs.get(number) ?? 0) + 1);
    }
  }
  return { runs, jobs, unnamed, unrecorded };
}

/** After these nobody can know whether the mail was taken. */
const UNCLEAR = /was ended by SIG|did not end within|relay|connection|time-?out|postman/i;
