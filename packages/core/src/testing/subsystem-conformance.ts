/**
 * What every subsystem must do, whatever it models. Its spec runs each case on a kernel with the subsystem in it:
 *
 *   for (const { name, run } of subsystemCases)
 *     it(name, () => run((machine, others = []) => createKernel({ machine, subsystems: [mine(), ...others] }), 'mine'));
 */
import { Core } from '../contracts/services.ts';
import type { Kernel } from '../host/kernel.ts';
import type { AnySubsystem } from '../host/subsystem.ts';
import type { MachineDescription } from '../machine/machine-description.ts';
import { equal, sound } from './conformance.ts';
import { borderMachine, smallMachine } from './small-machines.ts';

export type SubsystemKernelMaker = (machine: MachineDescription, others?: readonly AnySubsystem[]) => Kernel;
export interface SubsystemCase {
  readonly name: string;
  run(make: SubsystemKernelMaker, id: string): void;
}

const MACHINES = (): MachineDescription[] => [
  smallMachine(),
  smallMachine({ profile: '6.1', cpus: 1 }),
  borderMachine(),
];

export const subsystemCases: readonly SubsystemCase[] = [
  {
    name: 'boots sound on small machines of both profiles',
    run(make, id) {
      for (const machine of MACHINES()) {
        using kernel = make(machine);
        equal(kernel.subsystems.includes(id), true, `a subsystem of the id ${id}`);
        sound(kernel);
      }
    },
  },
  {
    name: 'is deterministic: two kernels alike have equal hashes',
    run(make) {
      for (const machine of MACHINES()) {
        using one = make(machine);
        using two = make(machine);
        equal(one.stateHash(), two.stateHash(), 'stateHash');
        equal(one.contractHash(), two.contractHash(), 'contractHash');
      }
    },
  },
  {
    name: 'reading changes nothing, and every gauge is a number',
    run(make) {
      using kernel = make(smallMachine());
      const before = kernel.stateHash();
      for (const path of filesBelow(kernel, '/')) if (kernel.stat(path)?.readable) kernel.read(path);
      for (const [name, value] of Object.entries(kernel.gauges()))
        equal(Number.isFinite(value), true, `${name} is finite`);
      kernel.sections();
      equal(kernel.stateHash(), before, 'stateHash after reading every file');
    },
  },
  {
    name: 'takes its columns, listeners and files back when it is disposed',
    run(make) {
      const kernel = make(smallMachine());
      const pages = kernel.get(Core.Pages);
      const { tracepoints } = kernel;
      kernel.dispose();
      const left = pages.columnNames().filter((name) => !name.startsWith('core.'));
      equal(left.join(' '), '', 'columns left');
      const watched = Object.values(tracepoints).filter((one) => one.enabled);
      equal(watched.map(({ name }) => name).join(' '), '', 'tracepoints still watched');
      kernel.dispose();
    },
  },
];

/** Paths of all files below a directory, links not followed. */
function filesBelow(kernel: Kernel, directory: string): string[] {
  return kernel.list(directory).flatMap((name) => {
    const path = directory === '/' ? `/${name}` : `${directory}/${name}`;
    const kind = kernel.stat(path)?.kind;
    if (kind === 'directory') return filesBelow(kernel, path);
    return kind === 'file' ? [path] : [];
  });
}
