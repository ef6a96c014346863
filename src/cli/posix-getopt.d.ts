/** Types of the package posix-getopt, which has none of its own. */
declare module 'posix-getopt' {
  export class BasicParser {
    constructor(optstring: string, argv: readonly string[], optind?: number);
    getopt(): { option: string; optopt?: string; optarg?: string; error?: boolean } | undefined;
    optind(): number;
  }
}
