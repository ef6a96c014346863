/** A head that cron has composed → single fields of it, unfolded, for a mailer that takes them as arguments. */

/** What a reader must know of a body, and programs of a mail; nothing of the crontab's variables, which ps would show. */
const FOR_THE_BODY =
  /^(MIME-Version|Content-Type|Content-Transfer-Encoding|Auto-Submitted|Message-ID): /i;

/** The fields that a body needs, each on one line. */
export function bodyHeaders(head: string): string[] {
  return fields(head).filter((field) => FOR_THE_BODY.test(field));
}

/** The value of a field on one line; an empty one when it is not there. */
export function fieldOf(head: string, name: string): string {
  const start = `${name.toLowerCase()}: `;
  const found = fields(head).find((field) => field.toLowerCase().startsWith(start));
  return found?.slice(start.length) ?? '';
}

function fields(head: string): string[] {
  return head.replaceAll(/\n[ \t]+/g, ' ').split('\n');
}
