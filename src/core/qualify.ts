/** Addresses without a domain → addresses with one, in an envelope and in a header block. */

/** Header fields that hold addresses (RFC 5322, 3.6.2 and 3.6.3). */
const FIELD = /^(?:Resent-)?(?:From|Sender|Reply-To|To|Cc|Bcc):/i;

/** A field of a header block: its first line and those that go on with it. */
const FIELDS = /[^\n]*(?:\n[ \t][^\n]*)*\n?/g;

/** A local part as RFC 5322 has it: atoms with dots between them, or a quoted string. */
const LOCAL_PART = /^(?:[^\s@<>()[\]:;,"\\]+|"(?:[^"\\]|\\.)*")$/;

/** Add the domain to an address that has none; the empty address, where errors of errors go, stays empty. */
export function qualify(address: string, domain: string): string {
  return address === '' || address.includes('@') ? address : `${address}@${domain}`;
}

/**
 * Add the domain to addresses of a header block that have none, and change nothing else.
 * @param sender stands in From for an address without a domain
 */
export function qualifyHead(head: string, domain: string, sender?: string): string {
  return head.replaceAll(FIELDS, (field) => {
    const name = FIELD.exec(field)?.[0];
    if (name === undefined) return field;
    const put = (address: string): string =>
      sender !== undefined && /^From:$/i.test(name) ? sender : `${address}@${domain}`;
    return name + qualifyList(field.slice(name.length), put);
  });
}

/** Put a domain to each mailbox of the list that is one word: within angle brackets, or on its own. */
function qualifyList(list: string, put: (address: string) => string): string {
  const tokens = tokensOf(list);
  let words: number[] = []; // of the mailbox at hand, without blanks and comments
  let bracket = false;
  const close = (): void => {
    const [at] = words;
    const word = at === undefined ? undefined : tokens[at];
    if (words.length === 1 && at !== undefined && word !== undefined && LOCAL_PART.test(word))
      tokens[at] = put(word);
    words = [];
  };
  tokens.forEach((token, at) => {
    if (token === '<') {
      words = []; // what stands before it is a name
      bracket = true;
    } else if (token === '>') {
      close();
      bracket = false;
      words = [-1, -1]; // nothing after it, up to the comma, is an address
    } else if (token === ':' && !bracket) {
      words = []; // the name of a group
    } else if (token === ',' || token === ';') {
      close();
    } else if (!/^[\s(]/.test(token)) {
      words.push(at);
    }
  });
  close();
  return tokens.join('');
}

/** What a word ends at. */
const DELIMITER = /[\s,;:<>("]/;

/** Take an address list apart: words, blanks, delimiters, quoted strings, comments, which nest. */
function tokensOf(list: string): string[] {
  const tokens: string[] = [];
  for (let at = 0; at < list.length;) {
    const start = at;
    const first = list.charAt(at++);
    if (first === '"' || first === '(') at = closing(list, start);
    else if (/\s/.test(first)) while (/\s/.test(list.charAt(at))) at += 1;
    else if (!DELIMITER.test(first))
      while (at < list.length && !DELIMITER.test(list.charAt(at))) at += 1;
    tokens.push(list.slice(start, at));
  }
  return tokens;
}

/** Where a quoted string or a comment ends; one that is never closed takes all that is left. */
function closing(list: string, start: number): number {
  const quoted = list.charAt(start) === '"';
  let depth = 0;
  for (let at = start + 1; at < list.length; at += 1) {
    const char = list.charAt(at);
    if (char === '\\') at += 1;
    else if (quoted && char === '"') return at + 1;
    else if (!quoted && char === '(') depth += 1;
    else if (!quoted && char === ')' && depth-- === 0) return at + 1;
  }
  return list.length;
}
