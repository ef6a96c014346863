/** A seed → lines of crontabs and whole crontabs, good and bad, always the same. */

/** What a generated line is, with its parts as they are written. */
export type Line =
  | {
      readonly kind: 'entry';
      readonly text: string;
      readonly times: string;
      readonly command: string;
    }
  | { readonly kind: 'assignment'; readonly text: string; readonly name: string }
  | { readonly kind: 'other'; readonly text: string };

/** Numbers at random, drawn from a seed (Mulberry32). */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  /** From 0 to `size` - 1. */
  below(size: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296) * size);
  }

  /** Once in so many times. */
  once(times: number): boolean {
    return this.below(times) === 0;
  }

  pick<T>(list: readonly T[]): T {
    const [picked] = list.slice(this.below(list.length));
    if (picked === undefined) throw new RangeError('There is nothing to pick from');
    return picked;
  }

  /** So many lines; most are good, or have one thing that is odd. */
  lines(count: number): Line[] {
    return Array.from({ length: count }, () => this.line(3));
  }

  /** A line that is odd once in so many times. */
  line(odd: number): Line {
    const kind = this.below(10);
    if (kind < 6) return this.#entry(odd);
    if (kind < 9) return this.#assignment(odd);
    return { kind: 'other', text: this.once(odd) ? this.pick(JUNK) : this.pick(NOTHING) };
  }

  /** A crontab of some lines, which ends as crontabs do, or not. */
  crontab(): string {
    const lines = Array.from({ length: this.below(12) }, () => this.line(40).text);
    const text = lines.map((line) => `${line}\n`).join('');
    if (this.once(8)) return text.replaceAll('\n', '\r\n');
    if (this.once(6)) return `${text}${this.line(40).text}`;
    return text;
  }

  #entry(odd: number): Line {
    const strange = this.once(odd);
    const what = strange ? this.below(4) : -1;
    const named = this.once(6);
    const nickname = what === 0 ? this.pick(BAD_NICKNAMES) : this.pick(NICKNAMES);
    const bad = what === 0 || what === 1 ? this.below(5) : -1;
    const times = named
      ? nickname
      : RANGES.map((range, index) => this.#field(range, index === bad)).join('\n');
    const command = what === 2 ? this.pick(BAD_COMMANDS) : this.pick(COMMANDS);
    const start = what === 3 ? this.pick(['-', '- ', '\r', '\v', '\f', '\xa0']) : '';
    const words = `${start}${times.replaceAll('\n', () => this.#blank())}`;
    const text = `${this.once(8) ? this.#blank() : ''}${words}${this.#blank()}${command}`;
    const end = this.once(30) ? '\r' : '';
    return { kind: 'entry', text: `${text}${end}`, times: words, command: `${command}${end}` };
  }

  #field(range: Values, isBad: boolean): string {
    if (!isBad && this.once(3)) return '*';
    const items = Array.from({ length: this.once(4) ? 1 + this.below(3) : 1 }, () =>
      this.#item(range),
    );
    if (isBad) items[this.below(items.length)] = this.#badItem(range);
    return items.join(',');
  }

  #item(range: Values): string {
    const [one, two] = [this.#value(range), this.#value(range)].toSorted((a, b) => a - b);
    const span = `${this.#name(range, one ?? 0)}-${this.#name(range, two ?? 0)}`;
    const step = 1 + this.below(this.once(5) ? 100 : 9);
    switch (this.below(6)) {
      case 0:
        return `*/${step}`;
      case 1:
        return span;
      case 2:
        return `${span}/${step}`;
      case 3:
        return '*';
      default:
        return this.#name(range, this.#value(range));
    }
  }

  #badItem(range: Values): string {
    const [one, two] = [
      this.#name(range, this.#value(range)),
      this.#name(range, this.#value(range)),
    ];
    const pattern = this.pick(range.names.length > 0 && this.once(4) ? BAD_NAMES : BAD_ITEMS);
    return pattern
      .replaceAll('H', `${range.high}`)
      .replaceAll('A', one)
      .replaceAll('B', two)
      .replaceAll('X', () => this.pick(BYTES));
  }

  #value({ low, high }: Values): number {
    return low + this.below(high - low + 1);
  }

  #name({ low, names }: Values, value: number): string {
    const name = names[value - low];
    if (name === undefined || !this.once(3)) return this.once(20) ? `0${value}` : `${value}`;
    return this.pick([name, name.toUpperCase(), `${name[0]?.toUpperCase()}${name.slice(1)}`]);
  }

  #blank(): string {
    return this.once(5) ? this.pick(['\t', '  ', ' \t ', '\t\t']) : ' ';
  }

  #assignment(odd: number): Line {
    const strange = this.once(odd);
    const name = strange && this.once(3) ? this.pick(BAD_NAMES_OF) : this.pick(NAMES);
    const value = strange ? this.pick(BAD_VALUES) : this.pick(VALUES);
    const equals = this.pick(['=', '=', '=', ' = ', '= ', '\t=', ' =\t', '\r=', '=\v']);
    const start = this.once(8) ? this.#blank() : '';
    const end = this.once(20) ? this.pick([' ', '\t', '\r', ' \r', '\f']) : '';
    if (this.once(10)) return this.#setting(start);
    const text = `${start}${name}${equals}${value}${end}`;
    return { kind: 'assignment', text, name: name.replaceAll(/^(["'])(.*)\1$/g, '$2') };
  }

  #setting(start: string): Line {
    const [name, ...values] = this.pick(SETTINGS);
    const value = values[this.below(values.length)];
    return { kind: 'assignment', text: `${start}${name}=${value}`, name };
  }
}

interface Values {
  readonly low: number;
  readonly high: number;
  readonly names: readonly string[];
}

const MONTHS = 'jan feb mar apr may jun jul aug sep oct nov dec'.split(' ');
const DAYS = 'sun mon tue wed thu fri sat'.split(' ');

const RANGES: readonly Values[] = [
  { low: 0, high: 59, names: [] },
  { low: 0, high: 23, names: [] },
  { low: 1, high: 31, names: [] },
  { low: 1, high: 12, names: MONTHS },
  { low: 0, high: 7, names: DAYS },
];

/** What the lines are made of: lists that are odd in no way, and lists of what is. */
const NICKNAMES = '@reboot|@yearly|@annually|@monthly|@weekly|@daily|@midnight|@hourly'.split('|');
const BAD_NICKNAMES = '@Daily|@every_minute|@5|@|@ daily|@daily\r|@daily,|@@'.split('|');

/** A and B are values of the field, H is its highest one, X is an odd byte. */
const BAD_ITEMS = [
  ...'A~B|A~|~B|~|A~B/2|*~B|A~B~A|A~H|A!|A;|A.|AX|*X|*foo|*A|*-A|**|A-A-A|A-A/2/3'.split('|'),
  ...'*/2!|*/2-3|A-A!|A_|H-A|B-A|A-B|H-A/2|0-0|A-0|A-H/99999999999|4294967296'.split('|'),
  ...'4294967297|*/4294967297|*/4294967298|*/2147483648|*/99999999999999999999'.split('|'),
  ...'00000000001|A/5|*/0|*/|*/x|*/-1|A-|-A|-||A,|,A|A,,B|Ax|A-Bx|*/5x|xA|60|32|24'.split('|'),
  ...'13|8|H0|99|0|?|L|W|A#2|AL|$|H/15|+5|5.5|1e1|0x1|X|XA|!|"A"|A\\|%'.split('|'),
  `${'0'.repeat(999)}1`,
  `${'0'.repeat(998)}1`,
];
const BAD_NAMES = [
  ...'sat-sun|fri-0|SAT-SUN/2|7-0|mon-sun|6-0,3|sun-sat|sun-sun|fri-7|monday|sund|ja'.split('|'),
  ...'january|mon5|5mon|mon-|mon/2|*/mon|dec-jan|sat-mon|feb~apr'.split('|'),
];
const BYTES = '\x80|\xa0|\xc3|\xe4|\xff|\0|\r|\v|\f|\x01|\x7f|\x1a'.split('|');

const COMMANDS = [
  ...'true|echo hello  world |cd && ls -l; date|echo "a b" \'c\' # no comment|a=b c'.split('|'),
  ...'/bin/x\t-y|cat%one%two|cat % one|cat%|cat%%|cat%a%|cat%one\\%two%three'.split('|'),
  ...'cat%a\\b|cat%a\\|cat%a\\\\%b|date +\\%F|x\\%y\\%z%a|x \\|x \\y|\\%|\\%%\\%'.split('|'),
  ..."printf '\\%s' a|x\\|gr\xfc\xdf \xe2\x82\xac|x\xffy|x\x01\x7fy|x\ry|x\vy".split('|'),
  ...'@daily|5|#|"|\'|~|!|$HOME'.split('|'),
];
const BAD_COMMANDS = [
  ...'| |\t|%|%one|%%|\r|*|* x|*foo|** x|-n x|-q x|-s x|-nq x|-n -q x|-x y|-|- x|-n'.split('|'),
  ...'-n  %a|--help|-nx y|a\\\\b|a\\\\\\b|a\\\\%b|a\\\\\\%b%c|\\\\|a\\\\\\\\b%c\\\\d'.split('|'),
  ...'x\0y|x\0|\0|x\0* * * * * y|x\0A=b|x\0 '.split('|'),
  ...[997, 998, 999, 1000, 1100, 131_072].map((length) => 'x'.repeat(length)),
  `x%${'y'.repeat(1000)}`,
];

const NAMES = 'A|B_1|lower|X.y-z|"a b"|\'q\'|"Q"|A\'b|A"|5|@x|\xc3\xa4|%|$A|!'.split('|');
const BAD_NAMES_OF = [
  ...'|""|\'\'|"A|\'A|A B|"A"B|"A=B"|"A"\'B\'|\r|\x80|A\0|\0|\v|*|-A'.split('|'),
  'N'.repeat(1000),
];
const VALUES = [
  ...'x|x y|x  # y|x\ty|"x"|\'x\'|""|\'\'|"x y"|" x"|"it\'s"|\'a"b\'|"#"|$A:${B}|a=b'.split('|'),
  ...'=|=x|x"|x\'|x"y"|x \\|\\|\xc3\xa4|"\xff"|x\ry|x\x01|/usr/bin:/bin|x\xa0|%|a%b'.split('|'),
  ...'\\"|5 * * * * x'.split('|'),
];
const BAD_VALUES = [
  ...'| |\t |"|\'|"x|\'x|"x"y|"x" y|"x"\'y\'|"x" # y|"x""|"x\'|\'x"|"\'x\'"|\'"x"\''.split('|'),
  ...'"\'x"|"x\'"|"\'\'"|\'"\'|"\' x \'"|"x "|" "|\'x\t\'|" x  "|"x \'"|"\'x\' "'.split('|'),
  ...'x\0y|\0|"x\0y"|x\0|"x"\0|"x\0|x\0y=z|\0x'.split('|'),
  ...[990, 996, 997, 998, 1200, 131_072].map((length) => 'x'.repeat(length)),
  ...[995, 996, 997, 1200].map((length) => `"${'x'.repeat(length)}"`),
  `${'x'.repeat(995)} ${'y'.repeat(100)}`,
];

/** Names that mean something, and values good and bad. */
const SETTINGS: readonly (readonly [name: string, ...values: string[]])[] = [
  ['CRON_TZ', 'Europe/Berlin', 'UTC', '""', 'Mars/Olympus', '+01:00', 'CET'],
  ['RANDOM_DELAY', '0', '45', '1440', '1441', '-1', 'x', '""'],
  ['CRON_MAIL_SUCCESS', 'always', 'nonempty', 'never', 'sometimes'],
  ['CRON_TIMEOUT', '10', '5m', '2h', '0', '5w', 'x', '25d'],
  ['CRON_OVERLAP', 'allow', 'skip', 'queue', 'kill'],
  ['CRON_CATCHUP', 'skip', 'once', 'all', 'some'],
  [
    'MAILTO',
    'root',
    '""',
    'a@example.org,b@example.org',
    '"a b"',
    '-oQ/tmp',
    '"|x"',
    '"A <a@b>"',
    'a@b;c',
  ],
  ['MAILFROM', 'root', '""', 'a@example.org', '-x', '"a b"'],
  ['CONTENT_TYPE', 'text/html', '"text/plain; charset=x"'],
];

const NOTHING = [
  ...'* * * * * =|* * * * * =x|| |\t|# x|  # x|#|\t#\0|# \xff|# x\r|#%'.split('|'),
  `# ${'x'.repeat(2000)}`,
];
const JUNK = [
  ...'# * * * * x|= * * * * x|5=A * * * * x|#A=x|*/5=* * * * * x|5# * * * * x'.split('|'),
  ...'* * * * # x|* * * * A=B x|x|x y|* * * *|5|* * * * |5 5 5 5 x y|export A=b'.split('|'),
  ...'set A=b|; x|// x|\r|\0|\x1a|\xef\xbb\xbf* * * * * x|* * * * * * x'.split('|'),
  ...'0 * * * * ? x|*/5 * * * * * x|@daily * x|\xa0|\v|\f# x|=|"'.split('|'),
];
