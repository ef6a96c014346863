/** The project in a box as `npm install -g` leaves it: what its package has, and the packages it needs. */
import { readFileSync } from 'node:fs';
import { packed } from '../support/packed.ts';
import type { Box } from '../support/system.ts';

/** Where it lies. */
export const INSTALLED = '/usr/local/lib/node_modules/mailcron';

interface Lock {
  readonly packages: Readonly<
    Record<string, { readonly dev?: boolean; readonly devOptional?: boolean }>
  >;
}

/** Install it, as root does; `mailcron-setup` is in the PATH then. */
export async function installGlobally(box: Box): Promise<void> {
  const { packages }: Lock = JSON.parse(
    readFileSync(new URL('../../../package-lock.json', import.meta.url), 'utf8'),
  );
  const needed = Object.entries(packages)
    .filter(([name, { dev, devOptional }]) => name !== '' && !dev && !devOptional)
    .map(([name]) => name);
  const files = packed().map(({ path }) => path);
  await box.run(`
    mkdir -p ${INSTALLED}
    cd /src
    cp -a --parents ${files.join(' ')} ${INSTALLED}
    for package in ${needed.join(' ')}; do
      if [ -d $package ]; then # of koffi's, that for this machine
        mkdir -p ${INSTALLED}/$package
        cp -a $package/. ${INSTALLED}/$package
      fi
    done
    chown -R root: ${INSTALLED}
    chmod -R go-w,a+rX ${INSTALLED}
    ln -s ${INSTALLED}/bin/mailcron-setup /usr/local/bin/mailcron-setup`);
}
