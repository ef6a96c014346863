/** The command line of a mailer → why it would take mail and send none, or null if it would not. */
import { basename } from 'node:path';
import { toText } from '../system/bytes.ts';
import type { MailArgs } from './mailargs.ts';
import { PRESETS, type PresetName } from './presets.ts';

/** A word that must not stand on the command line, and what the mailer does then. */
type Pitfall = readonly [word: RegExp, does: string];

const SWALLOWS = 'takes the message and sends nothing';

const MODES: readonly Pitfall[] = [
  [/^-b[^m]/, 'is in another mode, and reads no message'],
  [/^-q/, 'works off its queue, and reads no message'],
];

/** By preset: what was seen to end with status 0; where it fails, the mail is kept anyway. */
const PITFALLS: Readonly<Record<PresetName, readonly Pitfall[]>> = {
  sendmail: MODES,
  postfix: MODES,
  exim4: [...MODES, [/^-N/, SWALLOWS]],
  opensmtpd: MODES,
  dma: MODES,
  msmtp: [...MODES, [/^(-P|--pretend)$/, SWALLOWS]],
  ssmtp: [
    ...MODES,
    [/^-(V|N)/, SWALLOWS],
    [/^-od[^i]/, 'reads each letter as an option, and fails or sends nothing'],
    [/^-[BLORX]$/, 'takes the next word for a recipient'],
  ],
  nullmailer: MODES,
  mailutils: [],
  'bsd-mailx': [[/^-[EIinv]*d/, SWALLOWS]],
  's-nail': [
    [/^-[DEFinv~#]*d/, SWALLOWS],
    [/^-f/, 'reads a mailbox, and sends nothing'],
  ],
  custom: [],
};

/** What they do with `-t` when recipients are arguments as well. */
const BOTH: Partial<Record<PresetName, string>> = {
  exim4: 'takes the arguments away from the recipients',
  ssmtp: SWALLOWS,
  opensmtpd: 'sends everything twice',
};

/** Find the reason why a mailer would lose mail without a word. */
export function pitfall({ program, words }: MailArgs, name: PresetName): string | null {
  const plain = words.filter((word) => typeof word === 'string').map(toText);
  const inContainer = containerPitfall([program, ...plain.slice(1)]);
  if (inContainer !== null) return inContainer;
  const { title } = PRESETS[name];
  for (const [pattern, does] of PITFALLS[name]) {
    const word = plain.slice(1).find((one) => pattern.test(one));
    if (word !== undefined) return `with ${word}, ${title} ${does}`;
  }
  const both = BOTH[name];
  const given = words.some((word) => typeof word !== 'string' && word.kind === 'recipients');
  return both !== undefined && given && plain.includes('-t')
    ? `with -t and recipients as arguments too, ${title} ${both}`
    : null;
}

/** Options of `docker exec` whose value is the next word. */
const WITH_VALUE = /^(-u|--user|-e|--env|--env-file|-w|--workdir|--detach-keys)$/;

/** A mailer inside a container: by `docker exec`, or by chroot(8). */
function containerPitfall(words: readonly string[]): string | null {
  if (basename(words[0] ?? '') === 'chroot' && words.some((word) => word.startsWith('/proc/')))
    return 'chroot into another mount namespace ignores setgid, which mailers need; use "nsenter --all -t PID --"';
  const at = words.findIndex((word) => /^(docker|podman|nerdctl)$/.test(basename(word)));
  const exec = words.indexOf('exec', at + 1);
  if (at === -1 || exec === -1) return null;
  let interactive = false;
  for (let next = exec + 1; words[next]?.startsWith('-'); next++) {
    const word = words[next] ?? '';
    if (/^(-\w*d\w*|--detach)$/.test(word)) return `with ${word}, nobody waits for the mailer`;
    interactive ||= /^(-\w*i\w*|--interactive)$/.test(word);
    if (WITH_VALUE.test(word)) next++;
  }
  const name = basename(words[at] ?? '');
  return interactive
    ? null
    : `without -i, "${name} exec" gives the mailer no input: it sends an empty mail, with exit status 0`;
}
