/** Who moves pages in a kernel; undefined where nobody does. */
import { PageMigrator, type Kernel } from '@replug/core';

export function migratorOf(kernel: Kernel): PageMigrator | undefined {
  try {
    return kernel.get(PageMigrator);
  } catch {
    return undefined;
  }
}
