// Compose a machine, watch it fragment, read its files.
import { buddy } from '@replug/buddy';
import { createKernel, GFP_MASKS, PageAllocator, parseMachineShorthand } from '@replug/core';

const kernel = createKernel({
  machine: parseMachineShorthand('ppc64-64k-radix,512M,kernel=6.1'),
  subsystems: [buddy()],
});
const allocator = kernel.get(PageAllocator);
let fallbacks = 0;
kernel.tracepoints.mm_page_alloc_extfrag.on(() => fallbacks++);

const { GFP_KERNEL, GFP_HIGHUSER_MOVABLE } = GFP_MASKS;
for (let i = 0; i < 2000; i++) allocator.alloc(i % 3 === 0 ? GFP_KERNEL : GFP_HIGHUSER_MOVABLE, i % 4, 0);
console.log(`fallbacks: ${fallbacks}`);
console.log(kernel.read('/proc/buddyinfo').trimEnd());
kernel.dispose();
