/** A hand that a mail is given to → who was refused, whatever goes wrong. */
import { reason } from '../system/failure.ts';
import type { Hand, Outgoing, Refused } from '../system/outgoing.ts';

/** Hand a mail over; a hand that throws, or speaks of strangers, has refused all for now: nobody is lost. */
export async function refusedBy(hand: Hand, mail: Outgoing): Promise<readonly Refused[]> {
  try {
    const refused = await hand(mail);
    const stranger = refused.find(({ recipient }) => !mail.recipients.includes(recipient));
    if (stranger === undefined) return refused;
    return refuseAll(mail, `"${stranger.recipient}" was refused, who is no recipient`);
  } catch (error) {
    return refuseAll(mail, reason(error));
  }
}

/** Some trouble holds for all recipients at once. */
export function refuseAll(mail: Outgoing, trouble: string, permanent = false): Refused[] {
  return mail.recipients.map((recipient) => ({ recipient, reason: trouble, permanent }));
}
