/** The locale that this process was given. */
import { libc } from './native.ts';

const c = {
  newlocale: libc.func('void *newlocale(int mask, const char *locale, void *base)'),
  freelocale: libc.func('void freelocale(void *locale)'),
  nl_langinfo_l: libc.func('const char *nl_langinfo_l(int item, void *locale)'),
};

/** The character set of this process's locale, as nl_langinfo(CODESET) names it. */
export function codeset(): string {
  const LC_CTYPE_MASK = 1;
  const CODESET = 14;
  // A locale that is not installed is the C locale, as after a failed setlocale(LC_ALL, "").
  const locale: unknown =
    c.newlocale(LC_CTYPE_MASK, '', null) ?? c.newlocale(LC_CTYPE_MASK, 'C', null);
  const name = String(c.nl_langinfo_l(CODESET, locale));
  c.freelocale(locale);
  return name;
}
