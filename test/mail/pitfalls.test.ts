/** Command lines with which a mailer takes mail and sends nothing, and why they are refused. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readMailArgs } from '../../src/mail/mailargs.ts';
import { checkMailSettings } from '../../src/mail/mailer.ts';
import { pitfall } from '../../src/mail/pitfalls.ts';
import { isPresetName, MAILERS, PRESETS, type PresetName } from '../../src/mail/presets.ts';

const DOCKER = '/usr/bin/docker exec';

/** Preset, MAILCMD, MAILARGS, and what is wrong; null if nothing is. */
const lines: readonly (readonly [PresetName, string, string, RegExp | null])[] = [
  ['bsd-mailx', '/usr/bin/mail', '%s -d %s', /^with -d, mail of bsd-mailx takes the message and/],
  ['s-nail', '/usr/bin/s-nail', '%s -d %s', /^with -d, S-nail takes the message and sends noth/],
  ['bsd-mailx', '/usr/bin/mail', '%s -nd %s', /^with -nd, mail of bsd-mailx takes the message an/],
  ['s-nail', '/usr/bin/s-nail', '%s -f %s', /^with -f, S-nail reads a mailbox, and sends nothing/],
  ['s-nail', '/usr/bin/s-nail', '%s -# -s %S %s', null],
  ['mailutils', '/usr/bin/mail', '%s -d %s', null], // it fails, and says so
  [
    'exim4',
    '/usr/sbin/exim',
    '%s -N -i %s',
    /^with -N, Exim 4 takes the message and sends nothing/,
  ],
  ['exim4', '/usr/sbin/exim', '%s -i -t %s', /^with -t and recipients as arguments too, Exim 4 ta/],
  ['exim4', '/usr/sbin/exim', '%s -i -t', null],
  ['exim4', '/usr/sbin/exim', '%s -bm -i %s', null],
  ['ssmtp', '/usr/sbin/ssmtp', '%s -odq %s', /^with -odq, sSMTP reads each letter/],
  ['ssmtp', '/usr/sbin/ssmtp', '%s -odi -oem %s', null],
  ['ssmtp', '/usr/sbin/ssmtp', '%s -B 8BITMIME %s', /^with -B, sSMTP takes the next word for/],
  ['ssmtp', '/usr/sbin/ssmtp', '%s -B8BITMIME %s', null],
  ['postfix', '/usr/sbin/sendmail', '%s -bs', /^with -bs, Postfix is in another mode/],
  ['sendmail', '/usr/sbin/sendmail -q', '%s %s', /^with -q, the original sendmail works off/],
  ['sendmail', '/usr/sbin/sendmail', '%s -FCronDaemon -odi -oem -or0s %s', null],
  ['msmtp', '/usr/bin/msmtp', '%s --pretend %s', /^with --pretend, msmtp takes the message/],
  ['custom', '/opt/mailer', '%s -d -bs -q -N -t %s', null],
  [
    'custom',
    `${DOCKER} mail sendmail`,
    '%s -i %s',
    /^without -i, "docker exec" gives the mailer n/,
  ],
  ['custom', `${DOCKER} -u root mail sendmail -i`, '%s %s', /^without -i, /],
  ['custom', '/usr/bin/sudo podman exec mail sendmail', '%s %s', /^without -i, "podman exec"/],
  ['custom', `${DOCKER} -i mail sendmail`, '%s %s', null],
  ['custom', `${DOCKER} -u 0 --interactive -e A=b mail sendmail`, '%s %s', null],
  ['custom', `${DOCKER} -di mail sendmail`, '%s %s', /^with -di, nobody waits for the mailer/],
  ['custom', '/usr/sbin/chroot /proc/12/root sendmail', '%s %s', /^chroot into another mount name/],
  ['custom', '/usr/sbin/chroot /srv/mail /usr/sbin/sendmail', '%s %s', null],
  ['custom', '/usr/bin/nsenter --all -t 12 -- /usr/sbin/sendmail', '%s %s', null],
];
for (const [name, mailcmd, mailargs, wrong] of lines)
  test(`pitfall() of ${mailcmd} as ${name} with ${mailargs}: ${wrong ?? 'none'}`, () => {
    const found = pitfall(readMailArgs(mailcmd, mailargs), name);
    if (wrong === null) assert.equal(found, null);
    else assert.match(found ?? 'none', wrong);
  });

test('pitfall() finds none in any preset’s own arguments', () => {
  for (const name of MAILERS.filter(isPresetName))
    assert.equal(pitfall(readMailArgs('/usr/sbin/sendmail', PRESETS[name].args), name), null);
});

test('checkMailSettings() refuses a pitfall, and a mailer that it does not know', () => {
  const mail = { mailcmd: '/usr/bin/mail', mailargs: '%s -d %s', mailer: 'bsd-mailx' };
  assert.throws(() => checkMailSettings(mail), {
    exit: 78,
    message: /^MAILCMD and MAILARGS would lose mail: with -d, mail of bsd-mailx takes the message/,
  });
  assert.throws(() => checkMailSettings({ mailcmd: '/usr/sbin/sendmail', mailer: 'qmail' }), {
    exit: 78,
    message: /^\[mail\] mailer = "qmail" is none of auto, sendmail, postfix, exim4, .*custom$/,
  });
});
