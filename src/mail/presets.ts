/** A mailer's name → how it is called, and what its exit statuses mean (test/system/mail sees most of them). */

/** What an exit status says of the message. */
export type Meaning =
  /** The mailer answers for it: delivered, queued, or returned to the sender by the mailer itself. */
  | 'taken'
  /** Nobody has got it; another try may go better. */
  | 'later'
  /** Nobody has got it, and nobody will. */
  | 'permanent';

/** A rule about an exit status; with `said` only if the mailer said so. The first that fits counts. */
interface Rule {
  readonly status: number;
  readonly said?: RegExp;
  readonly means: Meaning;
}

/** How a mail for several recipients is handed over. */
export type Several =
  /** In one call; when one of them is refused, nobody has got it, and then each is tried by itself. */
  | 'all or none'
  /** Each in a call of its own: who was refused, or that anybody was, cannot be told otherwise. */
  | 'one by one';

export interface Preset {
  /** MAILARGS where none are given. */
  readonly args: string;
  readonly rules: readonly Rule[];
  /** What else than all of them in one call suits it. */
  readonly several?: Several;
  /** What it is, for people. */
  readonly title: string;
}

/** Safe with all eight: vixie's `-or0s` is not, and a lone dot needs `-i` (dma does not know `-oi`). */
const SENDMAIL = '%s -FCronDaemon -i -odi -oem %s';

/** sysexits.h: what is wrong with the message or a recipient stays wrong; all else may be mended. */
const SYSEXITS: readonly Rule[] = [
  { status: 65, means: 'permanent' },
  { status: 67, means: 'permanent' },
  { status: 68, means: 'permanent' },
];

/** Where the relay's answer is in what the mailer says: 5yz is for ever. */
const RELAY_REFUSED = /(^|[\s(])5\d\d[ -]/m;

const presets = {
  sendmail: {
    title: 'the original sendmail',
    args: SENDMAIL,
    // Some recipients are unknown: the others have it, and the sender a bounce.
    rules: [{ status: 67, means: 'taken' }],
  },
  postfix: {
    title: 'Postfix',
    args: SENDMAIL,
    rules: [{ status: 75, said: /message file too big|File too large/, means: 'permanent' }],
  },
  exim4: {
    title: 'Exim 4',
    args: SENDMAIL,
    // Without a word: too big, or an address that it cannot read. What it cannot do now, it says.
    rules: [{ status: 1, said: /^$/, means: 'permanent' }],
  },
  opensmtpd: {
    title: 'OpenSMTPD',
    args: SENDMAIL,
    rules: [
      // Its daemon is down: stored in its offline queue, and delivered later. Another try is a duplicate.
      { status: 75, means: 'taken' },
      { status: 70, said: /(^|[\s:])4\d\d[ -]/m, means: 'later' },
      { status: 70, said: RELAY_REFUSED, means: 'permanent' },
    ],
    several: 'all or none',
  },
  dma: {
    title: 'the DragonFly Mail Agent',
    args: SENDMAIL,
    rules: SYSEXITS,
    several: 'all or none',
  },
  msmtp: {
    title: 'msmtp',
    args: SENDMAIL,
    // 65: refused for ever; 69: refused for now; 68: no such relay, by a name service that may err.
    rules: [{ status: 65, means: 'permanent' }],
    several: 'all or none',
  },
  ssmtp: {
    title: 'sSMTP',
    args: SENDMAIL,
    rules: [{ status: 1, said: RELAY_REFUSED, means: 'permanent' }],
    several: 'all or none',
  },
  nullmailer: {
    title: 'nullmailer',
    args: SENDMAIL,
    rules: [],
    // It takes everybody; when the relay refuses one of them, it gives up all.
    several: 'one by one',
  },
  mailutils: {
    title: 'mail of GNU Mailutils',
    args: '%s -a%H -s %S -- %s',
    rules: [],
    several: 'one by one',
  },
  'bsd-mailx': {
    title: 'mail of bsd-mailx',
    args: '%s -a%H -s %S -- %s',
    // It alone of the three tells how its sendmail ended.
    rules: [{ status: 1, said: /process failed with error code 6[578]$/, means: 'permanent' }],
    several: 'one by one',
  },
  's-nail': {
    title: 'S-nail',
    // It encodes by itself, and refuses what is not in its charset.
    args: '%s -Sttycharset=%C -Ssendcharsets=%C -s %S -. %s',
    rules: [],
    several: 'one by one',
  },
  custom: {
    title: 'a mailer that is not known by name',
    args: SENDMAIL,
    rules: SYSEXITS,
  },
} satisfies Record<string, Preset>;

export type PresetName = keyof typeof presets;

export const PRESETS: Readonly<Record<PresetName, Preset>> = presets;

export function isPresetName(name: string): name is PresetName {
  return Object.hasOwn(PRESETS, name);
}

/** What `[mail] mailer` may be. */
export const MAILERS: readonly string[] = ['auto', ...Object.keys(PRESETS)];

/** Say what an exit status means for the mail. */
export function meaning({ rules }: Preset, status: number, said: string): Meaning {
  if (status === 0) return 'taken';
  const rule = rules.find((one) => one.status === status && (one.said?.test(said) ?? true));
  return rule?.means ?? 'later';
}
