/** A user's name → the user, so that one slow answer (LDAP) does not hold up everybody's crontabs. */
import type { User, Users } from '../system/users.ts';

/** A user, nobody, or an Error: no answer, or none in time. */
export type Answer = User | null | Error;

export type Find = (name: string) => Promise<Answer>;

/** The questions of one daemon; an answer that is late is there when it is asked for again. */
export class Owners {
  readonly #users: Users;
  readonly #asked = new Map<string, Promise<Answer>>();

  constructor(users: Users) {
    this.#users = users;
  }

  /** Do work whose questions, all together, may take `patience` milliseconds. */
  async within<T>(patience: number, work: (find: Find) => Promise<T>): Promise<T> {
    const late = new Error('the user database is slow to answer');
    let timer: NodeJS.Timeout | undefined;
    let deadline: Promise<Answer> | undefined;
    try {
      return await work(async (name) => {
        const question = this.#asked.get(name) ?? this.#ask(name);
        this.#asked.set(name, question);
        // Most work has no questions, and a timer that is cleared wakes Node up all the same.
        deadline ??= new Promise((resolve) => {
          timer = setTimeout(() => resolve(late), patience);
        });
        const answer = await Promise.race([question, deadline]);
        if (answer !== late) this.#asked.delete(name);
        return answer;
      });
    } finally {
      clearTimeout(timer);
    }
  }

  async #ask(name: string): Promise<Answer> {
    try {
      return await this.#users.find(name);
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    }
  }
}
