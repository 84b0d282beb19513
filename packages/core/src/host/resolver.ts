/**
 * The order in which subsystems are created: whoever provides comes before whoever needs. Where nothing is needed the
 * order of the list stands; a subsystem that comes too late in the list is pulled to just before the first that needs it.
 */
import { cyclicNeeds, duplicateContract, duplicateSubsystem, missingContracts } from './errors.ts';
import type { AnyToken } from './token.ts';

/** What the resolver looks at. */
export interface Describable {
  readonly id: string;
  readonly needs: Readonly<Record<string, AnyToken>>;
  readonly provides: Readonly<Record<string, AnyToken>>;
}

/** Sorts subsystems. `given` are the contracts that are there before any subsystem: id → who provides it. */
export function resolveOrder<S extends Describable>(subsystems: readonly S[], given: ReadonlyMap<string, string>): S[] {
  const providers = indexProviders(subsystems, given);
  reportMissing(subsystems, providers, given);

  const order: S[] = [];
  const done = new Set<S>();
  const path: S[] = [];
  const visit = (subsystem: S): void => {
    if (done.has(subsystem)) return;
    const start = path.indexOf(subsystem);
    if (start >= 0) throw cyclicNeeds([...path.slice(start), subsystem].map(({ id }) => id));
    path.push(subsystem);
    for (const { id } of Object.values(subsystem.needs)) {
      const provider = providers.get(id);
      if (provider !== undefined) visit(provider);
    }
    path.pop();
    done.add(subsystem);
    order.push(subsystem);
  };
  subsystems.forEach(visit);
  return order;
}

function indexProviders<S extends Describable>(
  subsystems: readonly S[],
  given: ReadonlyMap<string, string>,
): Map<string, S> {
  const ids = new Set<string>();
  const providers = new Map<string, S>();
  for (const subsystem of subsystems) {
    if (ids.has(subsystem.id)) throw duplicateSubsystem(subsystem.id);
    ids.add(subsystem.id);
    for (const { id } of Object.values(subsystem.provides)) {
      const earlier = given.get(id) ?? providers.get(id)?.id;
      if (earlier !== undefined) throw duplicateContract(id, earlier, subsystem.id);
      providers.set(id, subsystem);
    }
  }
  return providers;
}

function reportMissing<S extends Describable>(
  subsystems: readonly S[],
  providers: ReadonlyMap<string, S>,
  given: ReadonlyMap<string, string>,
): void {
  const lines: string[] = [];
  const hints = new Set<string>();
  for (const { id: who, needs } of subsystems) {
    for (const { id, provider } of Object.values(needs)) {
      if (given.has(id) || providers.has(id)) continue;
      lines.push(`${who} needs ${id}`);
      if (provider !== undefined) hints.add(provider);
    }
  }
  if (lines.length > 0) throw missingContracts(lines, [...hints]);
}
