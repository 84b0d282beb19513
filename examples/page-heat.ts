// A subsystem from outside the packages: how often was each page handed out?
import { buddy } from '@replug/buddy';
import { Core, createKernel, defineSubsystem, GFP_MASKS, PageAllocator, parseMachineShorthand } from '@replug/core';

const pageHeat = () =>
  defineSubsystem({
    id: 'page-heat',
    needs: { pages: Core.Pages, tracepoints: Core.Tracepoints },
    create: ({ pages, tracepoints }, scope) => {
      const heat = pages.extra('page-heat.count', Uint32Array);
      scope.onDispose(() => pages.dropExtra('page-heat.count'));
      let total = 0;
      scope.listen(tracepoints.mm_page_alloc, (pfn) => void (total++, heat[pages.pfnToRow(pfn)]++));
      scope.view('/proc/page_heat', () => `allocations ${total}\nhottest ${Math.max(...heat.subarray(0, 65536))}\n`);
      scope.invariant('total is the sum', () => (heat.reduce((a, b) => a + b, 0) === total ? undefined : 'it is not'));
    },
  });

const kernel = createKernel({ machine: parseMachineShorthand('s390x,256M'), subsystems: [buddy(), pageHeat()] });
const pages = kernel.get(PageAllocator);
for (let i = 0; i < 3; i++) pages.free(pages.alloc(GFP_MASKS.GFP_KERNEL, 0, 0), 0, 0);
console.log(kernel.read('/proc/page_heat') + `invariants broken: ${kernel.validate().length}`);
kernel.dispose();
