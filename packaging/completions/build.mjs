// The programs' own usage texts → completions for bash, zsh and fish, in the folders of /usr/share that is given.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const [share] = process.argv.slice(2);

const help = (program, ...words) =>
  execFileSync(process.execPath, [here(`../../bin/${program}`), ...words, '--help'], { encoding: 'utf8' });

/** The commands of cronctl, each with what it says of itself and its options. */
const commands = [...help('cronctl').matchAll(/^\t([a-z-]+)\t\((.*)\)$/gm)].map(([, name, what]) => {
  const usage = help('cronctl', name);
  const options = [...new Set(usage.match(/(?<=^|[\s[|,])--?[a-z][a-z-]*/gm))].filter((option) => option !== '--help');
  return { name, what, options: [...options.sort(), '--help'] };
});

const quote = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

/** What stands for the table in each shell's file. */
const TABLES = {
  bash: () =>
    [
      `_cronctl_commands=${quote(commands.map(({ name }) => name).join(' '))}`,
      'declare -A _cronctl_options=(',
      ...commands.map(({ name, options }) => `  [${name}]=${quote(options.join(' '))}`),
      ')',
    ].join('\n'),
  zsh: () =>
    [
      'local -a commands=(',
      ...commands.map(({ name, what }) => `  ${quote(`${name}:${what}`)}`),
      ')',
      'local -A options=(',
      ...commands.map(({ name, options }) => `  ${name} ${quote(options.join(' '))}`),
      ')',
    ].join('\n'),
  fish: () =>
    commands
      .flatMap(({ name, what, options }) => [
        `complete -c cronctl -n __fish_use_subcommand -a ${name} -d ${quote(what)}`,
        ...options.map((option) => {
          const kind = option.startsWith('--') ? `-l ${option.slice(2)}` : `-s ${option.slice(1)}`;
          return `complete -c cronctl -n ${quote(`__fish_seen_subcommand_from ${name}`)} ${kind}`;
        }),
      ])
      .join('\n'),
};

/** Which file goes where; one of bash is found by the command's name, one of zsh by its first line. */
const PLACES = {
  bash: (name) => `bash-completion/completions/${name}`,
  zsh: (name) => `zsh/vendor-completions/_${name}`,
  fish: (name) => `fish/vendor_completions.d/${name}.fish`,
};

for (const [shell, place] of Object.entries(PLACES)) {
  for (const name of ['cron', 'crontab', 'cronctl']) {
    const text = readFileSync(here(`${name}.${shell}`), 'utf8');
    writeFileSync(join(share, place(name)), text.replace(/^ *@TABLE@$/m, () => TABLES[shell]()));
  }
}
