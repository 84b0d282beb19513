/** Compaction's scanners, where the kernel has some: an allocator need not know how to compact. */
import { Compaction, type Kernel } from '@replug/core';

export function compactionOf(kernel: Kernel): Compaction | undefined {
  try {
    return kernel.get(Compaction);
  } catch {
    return undefined;
  }
}
