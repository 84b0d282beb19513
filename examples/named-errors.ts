// What composing tells when something is missing or claimed twice.
import { createKernel, defineSubsystem, OnlinePage, PageAllocator, parseMachineShorthand } from '@replug/core';

const machine = parseMachineShorthand('s390x,256M');
const consumer = defineSubsystem({ id: 'consumer', needs: { allocator: PageAllocator }, create: () => undefined });
const taker = (id: string) =>
  defineSubsystem({ id, create: (_, scope) => void scope.takeSlot(OnlinePage, () => false) });

const told = (compose: () => unknown) => {
  try {
    compose();
  } catch (error) {
    console.log((error as Error).message);
  }
};
// @ts-expect-error – the compiler says it first: 'missing contract': 'core.PageAllocator'
told(() => createKernel({ machine, subsystems: [consumer] }));
told(() => createKernel({ machine, subsystems: [taker('first'), taker('second')] }));
