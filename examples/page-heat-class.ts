// The same as a class, composed inside a program that has a tsyringe container of its own.
import { buddy } from '@replug/buddy';
import {
  Core,
  createKernel,
  defineSubsystem,
  GFP_MASKS,
  inject,
  injectable,
  PageAllocator,
  parseMachineShorthand,
  SubsystemScopeToken,
  type SubsystemScope,
  type Tracepoints,
} from '@replug/core';
import { container } from 'tsyringe';

const application = container.createChildContainer();
application.register('log', { useValue: (line: string) => console.log(`application log: ${line}`) });

@injectable()
class PageHeat {
  total = 0;
  constructor(
    @inject(Core.Tracepoints) tracepoints: Tracepoints,
    @inject(SubsystemScopeToken) scope: SubsystemScope,
    @inject('log') private readonly log: (line: string) => void,
  ) {
    scope.listen(tracepoints.mm_page_alloc, () => this.total++);
    scope.view('/proc/page_heat', () => `allocations ${this.total}\n`);
  }
  dispose = () => this.log(`saw ${this.total} allocations`);
}
const pageHeat = defineSubsystem({ id: 'page-heat', useClass: PageHeat });

const kernel = createKernel({
  machine: parseMachineShorthand('x86-64,256M'),
  subsystems: [buddy(), pageHeat],
  container: application,
});
kernel.get(PageAllocator).alloc(GFP_MASKS.GFP_KERNEL, 3, 0);
console.log(kernel.read('/proc/page_heat').trim());
kernel.dispose();
