/**
 * @module The order within a message group (D4): a batch of a FIFO queue may hold several entries of one group. The first
 * one goes; the next one when it was acknowledged; and when it was given back all of them are, since it comes first again.
 */
import type { Received } from './received.ts';

export class GroupOrder {
  /** By group: the entry that is being handled, and what waits behind it. */
  readonly #groups = new Map<string, { readonly head: Received; readonly behind: Received[] }>();

  /** Those that may go now; what has no group always may. @param now Unix ms. */
  enter(received: readonly Received[], now: number): readonly Received[] {
    return received.filter((each) => {
      if (each.groupId === undefined) return true;
      const group = this.#groups.get(each.groupId);
      // What the queue hands out while it should hide it was taken from whoever had it.
      const isHeld = group !== undefined && group.head.until > now && group.head.messageId !== each.messageId;
      if (isHeld) group.behind.push(each);
      else this.#groups.set(each.groupId, { head: each, behind: [] });
      return !isHeld;
    });
  }

  /** What waits behind an entry. */
  behind(received: Received): readonly Received[] {
    const group = received.groupId === undefined ? undefined : this.#groups.get(received.groupId);
    return group?.head === received ? group.behind : [];
  }

  /** The entry was acknowledged: the next of its group, which may go now. */
  acknowledged(received: Received): Received | undefined {
    const { groupId } = received;
    const group = groupId === undefined ? undefined : this.#groups.get(groupId);
    if (groupId === undefined || group?.head !== received) return undefined;
    const [head, ...behind] = group.behind;
    if (head === undefined) this.#groups.delete(groupId);
    else this.#groups.set(groupId, { head, behind });
    return head;
  }

  /** The entry was given back: all that waited behind it, which must go back as well. */
  givenBack(received: Received): readonly Received[] {
    const behind = this.behind(received);
    if (received.groupId !== undefined && this.#groups.get(received.groupId)?.head === received)
      this.#groups.delete(received.groupId);
    return behind;
  }
}
