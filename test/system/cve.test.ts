/**
 * What was found in other crons, tried against this one: each test is named after its number in the list of Common
 * Vulnerabilities and Exposures, and does what was done there. docs/security.md has the whole list.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { boxed, until } from '../support/system.ts';
import { debian } from './crons.ts';
import { as, openHouse } from './house.ts';

/** A name with more letters than useradd(8) takes is nobody's. */
const LONGEST = 'l'.repeat(32);
const BOBS = '@yearly echo what only bob may read\n';

test('the holes of other crontab(1)s are none of this one', boxed, async (t) => {
  const box = await openHouse(t);
  await box.write('/opt/bobs', BOBS);
  await box.run(`
    useradd -m ${LONGEST}
    crontab -u bob /opt/bobs
    install -d -m 700 -o bob -g bob /home/bob/private
    install -m 600 -o bob -g bob /opt/bobs /home/bob/private/there
    install -d -o alice /home/alice/w
    ln -s /home/bob/private/there /home/alice/w/link`);
  const precious = (): Promise<string> =>
    box.run(
      'stat -c "%n %U %G %a %Y %h" /etc/shadow /etc/passwd; sha256sum /etc/shadow /etc/passwd',
    );
  const before = await precious();
  /** Let alice edit with a script for an editor; the rest is answered by `input`. */
  const edit = async (editor: string, input = ''): Promise<string> => {
    await box.write('/home/alice/w/editor', `#!/bin/sh\n${editor}\n`, 'alice', 0o755);
    return as(box, 'alice', `printf '${input}' | EDITOR=/home/alice/w/editor crontab -e; echo $?`);
  };

  await t.test(
    'CVE-2000-1096, CVE-2001-0235: a draft has no name to guess, and is its author’s',
    async () => {
      const links = 'symlink "/home/bob/caught", "/tmp/crontab.$_" for 1 .. 99999';
      await as(box, 'bob', `perl -e '${links}'`);
      await box.write(
        '/home/alice/w/editor',
        '#!/bin/sh\necho "$1" > /tmp/draft; while ! [ -e /tmp/tried ]; do sleep 0.05; done; echo "@yearly hers" > "$1"\n',
        'alice',
        0o755,
      );
      const alice = box.start([
        'runuser',
        '-u',
        'alice',
        '--',
        'env',
        'EDITOR=/home/alice/w/editor',
        '/src/bin/crontab',
        '-e',
      ]);
      const draft = await until(
        'the editor runs',
        async () => /^\S+(?=\n)/.exec(await box.read('/tmp/draft'))?.[0],
        () => alice.output(),
      );
      assert.match(draft, /^\/tmp\/crontab\.[A-Za-z0-9]{6}\/crontab$/);
      const folder = draft.replace(/\/crontab$/, '');
      assert.equal(await box.run(`stat -c '%a %U' ${folder} ${draft}`), '700 alice\n600 alice\n');
      const tries = [`cat ${draft}`, `ls ${folder}`, `rm -rf ${folder}`, `mv ${folder} /tmp/mine`];
      for (const attempt of tries)
        assert.match(await as(box, 'bob', `${attempt}; echo $?`), /(denied|not permitted)\n\d+\n$/);
      await box.write('/tmp/tried', '');
      await until(
        'the edit is over',
        () => alice.status() ?? undefined,
        () => alice.output(),
      );
      assert.equal(await as(box, 'alice', 'crontab -l; crontab -r'), '@yearly hers\n');
      await box.run('test ! -e /home/bob/caught');
    },
  );

  await t.test(
    'CVE-2001-0559: the editor of a second try is the user’s as the first was',
    async () => {
      const said = await edit(
        'id -ru; id -u; id -G; if grep -q bad "$1"; then echo "@yearly good" > "$1"; else echo bad > "$1"; fi',
        String.raw`y\n`,
      );
      const ids = await as(box, 'alice', 'id -ru; id -u; id -G');
      assert.equal(said.split(ids).length, 3, said);
      assert.equal(await as(box, 'alice', 'crontab -l; crontab -r'), '@yearly good\n');
      // There are no privileges to drop.
      assert.equal(await box.run('find -L /src/bin /src/dist -perm /6000'), '');
    },
  );

  await t.test('CVE-2001-0560: no name of a user is too long', async () => {
    for (const length of [33, 257, 5000, 100_000]) {
      const said = await box.run(
        `crontab -u $(printf %0${length}d 0) -l > /tmp/said 2>&1 || echo $?; cut -c 1-40 /tmp/said`,
      );
      assert.match(said, /^1\ncrontab: {2}user `000000/);
    }
    await as(box, LONGEST, 'echo "@yearly long" | crontab -');
    assert.equal(await box.run(`crontab -u ${LONGEST} -l`), '@yearly long\n');
  });

  await t.test('CVE-2004-1030: a configuration that one may not read is not shown', async () => {
    for (const way of ['crontab --config FILE -l', 'CRON_CONFIG=FILE crontab -l']) {
      const said = await as(
        box,
        'alice',
        `${way.replace('FILE', '/home/bob/private/there')}; echo $?`,
      );
      assert.match(said, /^crontab: Cannot read the configuration .*permission denied.*\n\d+\n$/i);
    }
  });

  await t.test(
    'CVE-2004-1031: a configuration of one’s own does not open what is closed',
    async () => {
      await box.write('/etc/cron.deny', 'alice\n');
      const own = '[paths]\nallow = "/nowhere"\ndeny = "/dev/null"\n';
      await box.write('/home/alice/w/own.toml', own, 'alice');
      const said = await as(
        box,
        'alice',
        'for args in -l -r -; do echo "@yearly x" | crontab --config /home/alice/w/own.toml $args; echo $?; done',
      );
      await box.run('rm /etc/cron.deny');
      assert.equal(said.match(/not allowed to use this program/g)?.length, 3, said);
      assert.equal(await as(box, 'alice', 'crontab -l; :'), 'no crontab for alice\n');
    },
  );

  await t.test(
    'CVE-2004-1032: nothing is removed that a configuration of one’s own names',
    async () => {
      const own = `[paths]\nspool = "/home/bob/private"\nstate = "/home/bob/private"\nrun = "/home/alice/w"\n`;
      await box.write('/home/alice/w/own.toml', own, 'alice');
      const said = await as(box, 'alice', 'crontab --config /home/alice/w/own.toml -r; echo $?');
      assert.match(said, /cron is not running/);
      assert.equal(await box.read('/home/bob/private/there'), BOBS);
    },
  );

  await t.test(
    'CVE-2004-1033, CVE-2012-6097: an editor gets no descriptor of a file of cron’s',
    async () => {
      // 3 is ls’s own, and what runuser(1) and the pipes of this test leave are no files.
      const said = await edit('ls -l /proc/self/fd | sed -n "s/.* -> //p"');
      for (const line of said.split('\n')) assert.doesNotMatch(line, /^\/(var|etc|run)\//);
      assert.match(said, /No modification made/);
    },
  );

  await t.test('CVE-2005-1038, CVE-2010-0792: a draft that became a link is not read', async () => {
    for (const target of ['/home/bob/private/there', '/etc/shadow', `${debian.spool}/bob`]) {
      for (const link of ['ln -sf', 'ln -f']) {
        const said = await edit(`rm "$1"; ${link} ${target} "$1" 2> /dev/null || :`);
        assert.doesNotMatch(said, /what only bob|root:/);
        assert.match(said, /\n1\n$/);
      }
      const said = await as(
        box,
        'alice',
        `crontab ${target}; echo $?; crontab -T ${target}; echo $?`,
      );
      assert.match(
        said,
        /^crontab: .*: Permission denied\n1\ncrontab: .*: Permission denied\n1\n$/,
      );
    }
    assert.match(await as(box, 'alice', 'crontab /home/alice/w/link; :'), /Permission denied\n$/);
    assert.equal(await as(box, 'alice', 'crontab -l; :'), 'no crontab for alice\n');
  });

  await t.test('CVE-2010-0424: no file’s time is set, whatever the draft has become', async () => {
    await edit('mv "${1%/*}" "${1%/*}.old"; ln -s /etc "${1%/*}"');
    await edit('rm "$1"; ln -s /etc/shadow "$1"');
    // Root edits alice’s table, and alice cannot get at that draft either.
    await box.write(
      '/opt/editor',
      '#!/bin/sh\necho "@yearly root" > "$1"\nfor at in "$1" "${1%/*}"; do runuser -u alice -- rm -rf "$at"; runuser -u alice -- ln -sfn /etc/shadow "$at"; done 2> /dev/null\n:\n',
      'root',
      0o755,
    );
    await box.run('EDITOR=/opt/editor crontab -u alice -e');
    assert.equal(await as(box, 'alice', 'crontab -l; crontab -r'), '@yearly root\n');
  });

  await t.test(
    'CVE-2011-1073, CVE-2011-1074, CVE-2011-1075: no words tell whether a file is there',
    async () => {
      const words = async (file: string): Promise<string> =>
        (
          await as(box, 'alice', `for way in "" -n -T; do crontab $way ${file}; echo $?; done`)
        ).replaceAll(file, 'FILE');
      assert.equal(
        await words('/home/bob/private/there'),
        await words('/home/bob/private/nowhere'),
      );
      const link = (file: string): Promise<string> => edit(`rm "$1"; ln -s ${file} "$1"`);
      const masked = async (file: string): Promise<string> =>
        (await link(file)).replaceAll(/crontab\.\w{6}/g, 'DRAFT');
      assert.equal(
        await masked('/home/bob/private/there'),
        await masked('/home/bob/private/nowhere'),
      );
      const folder = (file: string): Promise<string> =>
        edit(`mv "\${1%/*}" "\${1%/*}.old"; ln -s ${file} "\${1%/*}"`);
      assert.equal(
        (await folder('/home/bob/private')).replaceAll(/crontab\.\w{6}/g, 'DRAFT'),
        (await folder('/home/bob/nowhere'))
          .replaceAll(/crontab\.\w{6}/g, 'DRAFT')
          .replaceAll('no such file or directory', 'permission denied'),
      );
    },
  );

  assert.equal(await precious(), before);
  assert.equal(await box.run('crontab -u bob -l'), BOBS);
});
