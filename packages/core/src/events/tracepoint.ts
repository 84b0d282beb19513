/**
 * HOT. A place where something happens that others may watch: 0..n observers, scalar arguments, no result.
 *
 * A call site reads `if (tp.enabled) tp.emit(pfn, order)`: unwatched, it costs one load and one branch. `emit` is chosen
 * anew whenever the listeners change (cold): nothing, the one listener itself, a pair, or a loop. A listener added or
 * removed while an event is on its way does not see, or still sees, that event.
 *
 * Models: include/linux/tracepoint.h (static key, array of probes).
 */
import { fanMany, fanTwo, type Scalar } from './fan-out.ts';

export type TracepointListener<Args extends readonly Scalar[]> = (...args: Args) => void;

const nobody = (): void => {};

export class Tracepoint<Args extends readonly Scalar[] = readonly Scalar[]> {
  readonly name: string;
  /** Names of the arguments, in order. */
  readonly fields: readonly string[];
  /** True while there is a listener. */
  enabled = false;
  /** Tells every listener, in the order they came. Call it only when `enabled`. */
  emit: TracepointListener<Args> = nobody;
  private listeners: readonly TracepointListener<Args>[] = [];

  constructor(name: string, fields: readonly string[]) {
    this.name = name;
    this.fields = fields;
  }

  /** Adds a listener; disposing the result takes it away. */
  on(listener: TracepointListener<Args>): Disposable {
    // A wrapper for the second of two equal functions, so that each is taken away on its own.
    const added: TracepointListener<Args> = this.listeners.includes(listener)
      ? (...args) => listener(...args)
      : listener;
    this.specialise([...this.listeners, added]);
    return { [Symbol.dispose]: () => this.specialise(this.listeners.filter((one) => one !== added)) };
  }

  private specialise(listeners: readonly TracepointListener<Args>[]): void {
    this.listeners = listeners;
    this.enabled = listeners.length > 0;
    const arity = this.fields.length;
    if (listeners.length === 0) this.emit = nobody;
    else if (listeners.length === 1) this.emit = listeners[0];
    else if (listeners.length === 2) this.emit = fanTwo(arity, listeners[0], listeners[1]);
    else this.emit = fanMany(arity, listeners);
  }
}
