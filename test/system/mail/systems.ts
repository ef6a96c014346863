/** The mail systems that people run: how cron is told of each, where its mail arrives, and how it goes away and comes back. */
import type { Box, MailSystemName } from '../../support/system.ts';

export interface MailSystem {
  /** As the table in docs/mail.md has it. */
  readonly name: string;
  readonly box: MailSystemName;
  /** Lines of `[mail]`. */
  readonly settings?: string;
  /** Where there is a folder or a file for each mailbox. */
  readonly arrivesIn: 'mailboxes' | 'sink' | 'container';
  /** What is done once, before anything is sent. */
  readonly prepare?: string;
  /** Undefined: it has no part that could be away. */
  readonly stop?: string;
  readonly start?: string;
  /** What it does by itself every few minutes with what it could not do at once. */
  readonly hurry?: string;
}

/** Every mail that a relay has taken, by recipient. */
export const SINK = '/srv/sink';

const START_SINK = `
  rm -f /run/sink.pid
  setsid node /src/dist/test/system/mail/sink.js ${SINK} /run/sink.pid < /dev/null > /run/sink.log 2>&1 &
  until [ -s /run/sink.pid ]; do sleep 0.02; done`;
const STOP_SINK = `
  kill $(cat /run/sink.pid)
  while (exec 3<> /dev/tcp/127.0.0.1/25) 2> /dev/null; do sleep 0.02; done`;

function daemon(name: MailSystemName): MailSystem {
  return {
    name,
    box: name,
    arrivesIn: 'mailboxes',
    stop: `bash /opt/mta stop-${name}`,
    start: `bash /opt/mta start-${name}`,
  };
}

function relayed(name: MailSystemName): MailSystem {
  return {
    name,
    box: name,
    arrivesIn: 'sink',
    prepare: START_SINK,
    stop: STOP_SINK,
    start: START_SINK,
  };
}

/**
 * A `mail` program whose mailrc names another sendmail than the machine's, which sends nothing: what
 * arrives has gone by the setting.
 */
function program(name: MailSystemName, mailrc: string): MailSystem {
  return {
    name,
    box: name,
    settings: `mailcmd = "/usr/bin/${name === 's-nail' ? name : 'mail'}"`,
    arrivesIn: 'mailboxes',
    prepare: `
      mkdir /opt/other
      printf '%s\\n' '#!/bin/sh' '[ ! -e /run/away ] || exit 75' 'exec -a sendmail /usr/sbin/dma "$@"' > /opt/other/sendmail
      sed -i 's,/bin/sh,/bin/bash,' /opt/other/sendmail
      chmod 755 /opt/other/sendmail
      rm /usr/sbin/sendmail
      echo '${mailrc}' > /home/alice/.mailrc`,
    stop: 'touch /run/away',
    start: 'rm /run/away',
  };
}

const inContainer = (command: string): string => `/opt/docker exec mail bash /opt/mta ${command}`;

export const SYSTEMS: readonly MailSystem[] = [
  {
    ...daemon('sendmail'),
    // Its local mailer sleeps for long where a mailbox is locked: deliveries shall not meet there.
    prepare: `
      bash /opt/mta stop-sendmail
      sed -i 's/^O DeliveryMode=.*/O DeliveryMode=queueonly/' /etc/mail/sendmail.cf
      bash /opt/mta start-sendmail`,
    hurry: 'sendmail -Ac -q; sendmail -q',
  },
  daemon('postfix'),
  daemon('exim4'),
  daemon('opensmtpd'),
  {
    name: 'opensmtpd, in a container',
    box: 'opensmtpd',
    settings: `
mailcmd = "/opt/docker exec -i mail sendmail"
mailer = "opensmtpd"
mailer_user = "root"`,
    arrivesIn: 'container',
    prepare: `
      bash /opt/mta stop-opensmtpd
      /opt/docker run mail bash /opt/mta start-opensmtpd
      mount --bind /dev/null /usr/sbin/smtpctl`,
    stop: inContainer('stop-opensmtpd'),
    start: inContainer('start-opensmtpd'),
  },
  { name: 'dma', box: 'dma', arrivesIn: 'mailboxes' },
  relayed('msmtp'),
  relayed('ssmtp'),
  relayed('nullmailer'),
  program('bsd-mailx', 'set sendmail=/opt/other/sendmail'),
  program('mailutils', 'set sendmail="sendmail:/opt/other/sendmail"'),
  program('s-nail', 'set mta=/opt/other/sendmail'),
];

/** A mail where it arrived: in whose mailbox, and its bytes with newlines for line ends. */
export interface Arrival {
  readonly mailbox: string;
  readonly message: string;
}

/** Everything that has arrived by now, for anybody. */
export async function arrivals(box: Box, { arrivesIn }: MailSystem): Promise<Arrival[]> {
  if (arrivesIn === 'container') return await mailboxes(box, '/srv/mail/mail');
  if (arrivesIn === 'mailboxes') return await mailboxes(box, '/var/mail');
  const found: Arrival[] = [];
  for (const recipient of await box.list(SINK))
    for (const name of recipient.startsWith('.') ? [] : await box.list(`${SINK}/${recipient}`)) {
      const wire = await box.read(`${SINK}/${recipient}/${name}`);
      const mailbox = recipient.replace('@cronhost.example.test', '');
      found.push({ mailbox, message: wire.replaceAll('\r\n', '\n') });
    }
  return found;
}

/** What lies in the mailbox files of a folder. */
export async function mailboxes(box: Box, folder: string): Promise<Arrival[]> {
  const found: Arrival[] = [];
  for (const mailbox of await box.list(folder))
    for (const message of mboxMessages(await box.read(`${folder}/${mailbox}`)))
      found.push({ mailbox, message });
  return found;
}

/** Each message begins with a line "From ", and ends with an empty line; what jobs print needs no quoting of such lines. */
function mboxMessages(text: string): string[] {
  return text
    .split(/^From .*\n/m)
    .slice(1)
    .map((message) => message.replace(/\n$/, ''));
}
