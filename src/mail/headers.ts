/** The header block of a message → its fields; fields that are missing or not for others' eyes. */
import { addresses as addressField } from '../core/header.ts';
import { type NoAddress, readAddresses } from './addresses.ts';

/** A field as it stands there, folded lines and all; byte strings. */
export interface Field {
  /** In small letters. */
  readonly name: string;
  /** With the name, and with a newline at the end of each line. */
  readonly text: string;
}

/** Recipients that a message names itself. */
export interface Named {
  readonly addresses: readonly string[];
  readonly wrong: readonly NoAddress[];
}

/** A line that begins a field; old programs put blanks before the colon. */
export const FIELD = /^([!-9;-~]+)[ \t]*:/;

/** Read a header block whose lines all are fields or continue one. */
export function readFields(block: string): Field[] {
  const fields = block.match(/[^\n]*\n(?:[ \t][^\n]*\n)*/g) ?? [];
  return fields.map((text) => ({ name: (FIELD.exec(text)?.[1] ?? '').toLowerCase(), text }));
}

/** A field's value on one line, without blanks around it. */
export function valueOf({ text }: Field): string {
  return text
    .slice(text.indexOf(':') + 1)
    .replaceAll('\n', '')
    .trim();
}

const RECIPIENTS = ['to', 'cc', 'bcc'] as const;

/**
 * Tell whom a message is for (`-t`). In one that is sent on (Resent-To), those to whom it went
 * before are recipients no more.
 */
export function namedRecipients(fields: readonly Field[]): Named {
  const resent = fields.filter(({ name }) => RECIPIENTS.some((to) => name === `resent-${to}`));
  const those = resent.length > 0 ? resent : fields.filter(({ name }) => isOneOf(RECIPIENTS, name));
  const lists = those.map((field) => readAddresses(valueOf(field)));
  return {
    addresses: lists.flatMap(({ addresses }) => addresses),
    wrong: lists.flatMap(({ wrong }) => wrong),
  };
}

/** What goes no further: blind copies, and what is for the last mailbox to say. */
const DROPPED = ['bcc', 'resent-bcc', 'return-path', 'content-length'];

/** What is said of a message by whoever takes it. */
export interface Stamp {
  /** For a From that is missing: a name, or '' for none. */
  readonly name: string;
  readonly from: string;
  /** For a To that is missing. */
  readonly recipients: readonly string[];
  readonly date: string;
  /** Without its angle brackets. */
  readonly messageId: string;
  /** The host, and the user who called. */
  readonly host: string;
  readonly uid: number;
}

/** Says of a message that it was here; the name of the host is its value. */
const HOP = 'X-Cron-Sendmail-Hop';
/** As sendmail(8) itself: a message on so long a way is going round in circles. */
const RECEIVED_LIMIT = 30;

/**
 * Write the header block as it goes on: without what nobody else may see, and with From, Date,
 * Message-ID and To where they are missing; up to and with the empty line at its end.
 */
export function completeHead(fields: readonly Field[], stamp: Stamp): string {
  const has = (name: string): boolean => fields.some((field) => field.name === name);
  const isAddressed = has('to') || has('cc');
  const [first = '', second] = stamp.recipients;
  const to = second === undefined ? first : 'undisclosed-recipients:;';
  return [
    `Received: by ${stamp.host} (cron-sendmail, from userid ${stamp.uid});\n\t${stamp.date}\n`,
    `${HOP}: ${stamp.host}\n`,
    ...fields.filter(({ name }) => !DROPPED.includes(name)).map(({ text }) => clean(text)),
    has('from') ? '' : fromField(stamp.name, stamp.from),
    isAddressed || first === '' ? '' : `To: ${to}\n`,
    has('date') ? '' : `Date: ${stamp.date}\n`,
    has('message-id') ? '' : `Message-ID: <${stamp.messageId}>\n`,
    '\n',
  ].join('');
}

/**
 * Why a message is not taken a second time; null: it is no second time.
 *
 * Whoever sends a message on puts Resent fields above it: that is a new way and no circle.
 */
export function isCircling(fields: readonly Field[], host: string): string | null {
  const received = fields.filter(({ name }) => name === 'received').length;
  if (received > RECEIVED_LIMIT) return `it has ${received} Received fields`;
  const resent = fields.findIndex(({ name }) => name.startsWith('resent-'));
  const hop = fields.findIndex(
    (field) => field.name === HOP.toLowerCase() && valueOf(field) === host,
  );
  if (hop === -1 || (resent !== -1 && resent < hop)) return null;
  return `its ${HOP} tells that it was sent by cron-sendmail on ${host} before`;
}

/** Write From, in ASCII whatever the name has; a byte string of UTF-8. */
export function fromField(name: string, address: string): string {
  // oxlint-disable-next-line no-control-regex -- they are what is looked for
  const words = name.replaceAll(/[\0-\x1f\x7f]+/g, ' ').trim();
  return addressField('From', [{ name: words, address, isTight: false }], 'UTF-8');
}

/** What no mail system takes in a header: NUL, and a carriage return that ends no line. */
function clean(text: string): string {
  return text.replaceAll(/[\0\r]/g, ' ');
}

function isOneOf(names: readonly string[], name: string): boolean {
  return names.includes(name);
}
