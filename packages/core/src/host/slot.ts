export interface Slot<F> {
  readonly id: string;
  readonly fallback: F;
}
export const defineSlot = <F>(id: string, fallback: F): Slot<F> => ({ id, fallback });
