/** MAILCMD and MAILARGS → the command line of a mailer, for each mail. */
import { fromText } from '../system/bytes.ts';
import { EXIT, Failure } from '../system/failure.ts';
import type { Outgoing } from '../system/outgoing.ts';
import { bodyHeaders, fieldOf } from './head.ts';
import type { Letter, Reads } from './letter.ts';

/** A word of a command line; byte strings. */
type Word =
  | string
  /** As many words as there are recipients. */
  | { readonly kind: 'recipients' }
  /** One word with the Subject in it. */
  | { readonly kind: 'subject'; readonly before: string; readonly after: string }
  /** One word with the charset of the body in it. */
  | { readonly kind: 'charset'; readonly before: string }
  /** For each header field that the body needs, this option and the field. */
  | { readonly kind: 'headers'; readonly option: string };

/** MAILCMD and MAILARGS taken apart. */
export interface MailArgs {
  readonly program: string;
  readonly words: readonly Word[];
  /** With the Subject as an argument the mailer writes the head by itself. */
  readonly reads: Reads;
}

/**
 * Read MAILCMD and MAILARGS. As in vixie's config.h the first `%s` is the program and the second
 * the recipients; without a second one they are in the message (`-t`). `%S` is the Subject: then
 * the mailer reads the body alone. With it, `-a%H` is the option -a with each header field that the
 * body needs, and `%C` at the end of a word is the body's charset. Split at blanks and quotes as a
 * shell would, run without one.
 * @throws {Failure} with EXIT.CONFIG
 */
export function readMailArgs(mailcmd: string, mailargs: string): MailArgs {
  const wrong = (problem: string): Failure => new Failure(problem, { exit: EXIT.CONFIG });
  const format = split(mailargs);
  const command = split(mailcmd);
  if (format === null) throw wrong(`MAILARGS has a quote that is never closed: ${mailargs}`);
  if (command === null) throw wrong(`MAILCMD has a quote that is never closed: ${mailcmd}`);
  if (format[0] !== '%s')
    throw wrong(`MAILARGS must begin with "%s", which stands for MAILCMD: ${mailargs}`);
  const [program = ''] = command;
  if (!program.startsWith('/'))
    throw wrong(`MAILCMD must be the absolute path of a program: ${mailcmd}`);
  const rest = format.slice(1);
  const count = rest.filter((word) => word === '%s').length;
  if (count > 1 || rest.some((word) => word !== '%s' && word.includes('%s')))
    throw wrong(
      `MAILARGS takes one second "%s", a word of its own, for the recipients: ${mailargs}`,
    );
  const hasSubject = rest.some((word) => word.includes('%S'));
  if (hasSubject && count === 0)
    throw wrong(
      `MAILARGS with "%S" needs a "%s" for the recipients too, who are in no header then: ${mailargs}`,
    );
  const words = [...command.map(fromText), ...rest.map(readWord)];
  const hasHeaders = rest.some((word) => word.endsWith('%H'));
  return { program, words, reads: hasSubject ? (hasHeaders ? 'body' : 'text') : 'message' };
}

function readWord(word: string): Word {
  if (word === '%s') return { kind: 'recipients' };
  if (word.endsWith('%H')) return { kind: 'headers', option: fromText(word.slice(0, -2)) };
  if (word.endsWith('%C')) return { kind: 'charset', before: fromText(word.slice(0, -2)) };
  const at = word.indexOf('%S');
  if (at === -1) return fromText(word);
  return {
    kind: 'subject',
    before: fromText(word.slice(0, at)),
    after: fromText(word.slice(at + 2)),
  };
}

/** Split into words at blanks; single and double quotes keep blanks together. Null: a quote is left open. */
export function split(text: string): string[] | null {
  const words = text.match(/(?:[^\s'"]|'[^']*'|"[^"]*")+/g) ?? [];
  const unquoted = text.replaceAll(/'[^']*'|"[^"]*"/g, '');
  if (/['"]/.test(unquoted)) return null;
  return words.map((word) => word.replaceAll(/'([^']*)'|"([^"]*)"/g, '$1$2'));
}

/** The mailer's command line for a mail. */
export function mailerArgv(
  { words }: MailArgs,
  { recipients, head, charset }: Pick<Outgoing, 'recipients' | 'head'> & Pick<Letter, 'charset'>,
): [string, ...string[]] {
  const [program = '', ...rest] = words.flatMap((word) => {
    if (typeof word === 'string') return [word];
    switch (word.kind) {
      case 'recipients':
        return recipients;
      case 'subject':
        return [`${word.before}${fieldOf(head, 'Subject')}${word.after}`];
      case 'charset':
        return [`${word.before}${charset}`];
      case 'headers':
        return bodyHeaders(head).flatMap((field) => [word.option, field]);
      default:
        return word satisfies never;
    }
  });
  return [program, ...rest];
}
