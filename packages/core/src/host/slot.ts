/**
 * Slots: decisions that core owns, each with a default, that at most one subsystem takes over. They are claimed while
 * subsystems are created and read once the kernel is sealed; so they add no edge to the graph of needs.
 */
import { slotAlreadyTaken, slotReadTooEarly, slotTakenTooLate } from './errors.ts';

/** A decision: its name, and what happens when nobody takes it over. Declared in contracts/slots.ts. */
export interface Slot<F> {
  readonly id: string;
  readonly fallback: F;
}

/** Declares a slot. */
export const defineSlot = <F>(id: string, fallback: F): Slot<F> => ({ id, fallback });

interface Claim {
  readonly owner: string;
  readonly implementation: unknown;
}

/** Who took which slot over, in one kernel. */
export class SlotTable {
  private readonly claims = new Map<string, Claim>();
  private sealed = false;

  /** Takes a decision over. The second claim is an error that names both owners. */
  take<F>(slot: Slot<F>, implementation: F, owner: string): Disposable {
    if (this.sealed) throw slotTakenTooLate(owner, slot.id);
    const earlier = this.claims.get(slot.id);
    if (earlier !== undefined) throw slotAlreadyTaken(owner, slot.id, earlier.owner);
    this.claims.set(slot.id, { owner, implementation });
    return { [Symbol.dispose]: () => void this.claims.delete(slot.id) };
  }

  /** Ends claiming; from here on slots are read. */
  seal(): void {
    this.sealed = true;
  }

  /** The implementation in force: read it once, in `scope.onSeal`, and keep it in a field. */
  use<F>(slot: Slot<F>): F {
    if (!this.sealed) throw slotReadTooEarly(slot.id);
    const claim = this.claims.get(slot.id);
    return claim === undefined ? slot.fallback : (claim.implementation as F);
  }

  /** Who took a slot over; undefined while the default is in force. */
  ownerOf(slot: Slot<unknown>): string | undefined {
    return this.claims.get(slot.id)?.owner;
  }
}
