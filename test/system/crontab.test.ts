/** crontab(1) as users and their programs call it: at Debian's paths, with nothing but Debian's words to go by. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { boxed, openBox } from '../support/system.ts';
import { DEBIAN, startMailcron, unpackDebian } from './crons.ts';
import { as, openHouse } from './house.ts';

test('users change their own crontabs, and see nothing of another’s', boxed, async (t) => {
  const box = await openHouse(t);
  assert.equal(
    await as(box, 'alice', 'crontab -l; echo $?; echo "@daily alice" | crontab -; crontab -l'),
    'no crontab for alice\n1\n@daily alice\n',
  );
  assert.equal(await box.run('stat -c "%a %U %h" /var/spool/cron/crontabs/alice'), '600 alice 1\n');
  const privileged = 'must be privileged to use -u\n1\n';
  for (const args of ['-l', '-r', '-e', '/etc/hostname', '--backups', '--restore'])
    assert.equal(await as(box, 'bob', `crontab -u alice ${args}; echo $?`), privileged);
  assert.equal(await as(box, 'bob', 'crontab -u bob -l; echo $?'), 'no crontab for bob\n1\n');
  assert.equal(
    await as(box, 'bob', 'cat /var/lib/mailcron/backup/alice/* > /dev/null; echo $?').then((said) =>
      said.split('\n').at(-2),
    ),
    '1',
  );
  // Root is told of both, bob of his own.
  assert.match(await box.run('cronctl status'), /\n1 crontab, 1 entry, 0 running jobs\n/);
  assert.match(await as(box, 'bob', 'cronctl status'), /\n0 crontabs, 0 entries, 0 running jobs\n/);
  assert.equal(
    await as(box, 'bob', 'cronctl reload; echo $?'),
    'cronctl: Only root may ask for "reload"\n77\n',
  );
  assert.equal(await box.run('crontab -u alice -l'), '@daily alice\n');
  assert.equal(await box.run('find /src/bin /src/dist -perm /7000'), '');
  const log = await box.read('/var/log/mailcron');
  assert.match(log, / crontab\[\d+\]: \(alice\) REPLACE \(alice\)\n/);
  assert.match(log, / crontab\[\d+\]: \(root\) LIST \(alice\)\n/);
});

test('a crontab that is no program’s own goes through pipes', boxed, async (t) => {
  const box = await openHouse(t);
  const script = `
    (crontab -l 2>/dev/null; echo "0 1 * * * one") | crontab -
    (crontab -l 2>/dev/null; echo "0 2 * * * two") | crontab -
    crontab -l | sed s/one/first/ | crontab -
    crontab -l | grep -v two | crontab
    crontab -l; echo "end $?"
    crontab -l | grep -v first | crontab -; echo "end $?"
    crontab -l; echo "end $?"
    crontab - < /dev/null; crontab -l | wc -c
    crontab /dev/null; echo "end $?"
    crontab -r; crontab -r; echo "end $?"`;
  assert.equal(
    await as(box, 'alice', script),
    `0 1 * * * first\nend 0\nend 0\nend 0\n0\ncrontab: /dev/null: Not a regular file.\nend 1\nno crontab for alice\nend 1\n`,
  );
});

/**
 * Ansible's cron module: the words of its Python, by what it runs. It reads with -l, where a status of 1 means
 * that there is no table; it writes a file, installs that, and reads again. Puppet's provider goes by "no crontab for".
 */
const ANSIBLE = `
import os, subprocess, tempfile
def crontab(*args):
    run = subprocess.run(['crontab', *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, 'LANG': 'C', 'LC_ALL': 'C'})
    return run.returncode, run.stdout.decode(), run.stderr.decode()
def read(user):
    status, out, err = crontab('-u', user, '-l')
    if status not in (0, 1): raise SystemExit(f'cannot read: {status} {err}')
    if status == 1: assert 'no crontab for ' + user in err, err
    return out.splitlines()
def write(user, lines):
    handle, path = tempfile.mkstemp(prefix='crontab')
    os.write(handle, ('\\n'.join(lines) + '\\n').encode())
    os.close(handle)
    status, out, err = crontab('-u', user, path)
    os.unlink(path)
    if status != 0: raise SystemExit(f'cannot write: {status} {err}')
assert read('bob') == []
write('bob', ['MAILTO=root', '#Ansible: check', '*/5 * * * * /bin/check "50\\\\%" é'])
assert read('bob') == ['MAILTO=root', '#Ansible: check', '*/5 * * * * /bin/check "50\\\\%" é']
write('bob', [line for line in read('bob') if 'check' not in line])
assert read('bob') == ['MAILTO=root']
assert crontab('-u', 'bob', '-r') == (0, '', '')
assert read('bob') == []
assert crontab('-u', 'bob', '-r') == (1, '', 'no crontab for bob\\n')
print('as ever')
`;

test('Ansible and Puppet find what they look for', boxed, async (t) => {
  const box = await openHouse(t);
  await box.write('/opt/ansible.py', ANSIBLE);
  assert.equal(await box.run('python3 -S /opt/ansible.py 2>&1'), 'as ever\n');
});

test(
  'Debian’s crontab and ours change one table in turn, and no comment is lost',
  boxed,
  async (t) => {
    const box = await openBox(t, { packages: DEBIAN });
    await unpackDebian(box);
    await box.run(`
    chgrp crontab /usr/bin/crontab; chmod 2755 /usr/bin/crontab # its installation does that
    ln -s /src/bin/crontab /usr/local/bin/ours
    rm -f /etc/crontab /etc/cron.d/*`);
    await startMailcron(box);
    const own = '# one\n# two\n#\n# four\n@daily x\n';
    const programs = ['ours', '/usr/bin/crontab'];
    // Debian's takes an edit within a second for none.
    const editor = '#!/bin/sh\necho "#$WHO" >> "$1"; touch -d "1 minute" "$1"\n';
    await box.write('/opt/editor', editor, 'root', 0o755);
    await box.write('/tmp/own', own);
    let table = own;
    for (const first of programs) {
      await as(box, 'alice', `${first} /tmp/own`);
      table = own;
      for (const program of [...programs, ...programs]) {
        for (const reader of programs)
          assert.equal(await as(box, 'alice', `${reader} -l`), table, `${reader} -l`);
        await as(box, 'alice', `EDITOR=/opt/editor WHO=${program} ${program} -e`);
        table += `#${program}\n`;
        const stat = await box.run('stat -c "%a %U %G" /var/spool/cron/crontabs/alice');
        assert.equal(stat, '600 alice crontab\n');
      }
    }
    assert.equal(await as(box, 'alice', 'ours -l'), table);
    await as(box, 'alice', '/usr/bin/crontab -r');
    assert.equal(await as(box, 'alice', 'ours -l || :'), 'no crontab for alice\n');
  },
);

const USERS = 200;

test(`${USERS} users install at once`, boxed, async (t) => {
  const box = await openHouse(t);
  await box.run(`
    for n in $(seq ${USERS}); do
      echo "u$n:x:$((20000 + n)):$((20000 + n))::/tmp:/bin/sh" >> /etc/passwd
      echo "@daily of u$n" > /tmp/table.$n
    done`);
  const said = await box.run(`
    for n in $(seq ${USERS}); do
      setpriv --reuid=$((20000 + n)) --regid=$((20000 + n)) --clear-groups \
        sh -c 'crontab /tmp/table.$0 && test "$(crontab -l)" = "@daily of u$0" || echo "lost $0"' $n &
    done
    wait
    cronctl status`);
  assert.match(said, new RegExp(`^cron .*\n${USERS} crontabs, ${USERS} entries, 0 running jobs\n`));
});

test('users are told when cron is not running, and root goes on', boxed, async (t) => {
  const box = await openBox(t);
  await box.run('ln -s /src/bin/crontab /usr/local/bin; mkdir -p /var/spool/cron/crontabs');
  const absent = (what: string): string =>
    `crontab: Cannot ${what} the crontab of alice: cron is not running, and only root can do without; it would listen at "/run/mailcron/cron.sock"\n`;
  assert.equal(await as(box, 'alice', 'crontab -l; echo $?'), `${absent('read')}1\n`);
  assert.equal(
    await as(box, 'alice', 'echo "@daily x" | crontab -; echo $?'),
    `${absent('install')}1\n`,
  );
  await box.run(
    'echo "@daily by root" | crontab -u alice -; echo "@daily again" | crontab -u alice -',
  );
  assert.equal(
    await box.run('crontab -u alice -l; stat -c %U /var/spool/cron/crontabs/alice'),
    '@daily again\nalice\n',
  );
  assert.match(
    await box.run('crontab -u alice --restore 2>&1'),
    /^crontab: restored the crontab of alice/,
  );
  assert.equal(await box.run('crontab -u alice -l'), '@daily by root\n');
});
