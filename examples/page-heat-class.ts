// The same as a class, composed inside a program that has a tsyringe container of its own.
import { buddy } from '@replug/buddy';
import { createKernel, defineSubsystem, inject, injectable, PageAllocator } from '@replug/core';
import { Core, parseMachineShorthand, type Tracepoints } from '@replug/core';
import { container } from 'tsyringe';

const host = container.createChildContainer();
host.register('log', { useValue: (line: string) => console.log(`application log: ${line}`) });

@injectable()
class PageHeat {
  total = 0;
  constructor(@inject(Core.Tracepoints) tp: Tracepoints, @inject('log') log: (line: string) => void) {
    tp.mm_page_alloc.on(() => this.total++);
    this.dispose = () => log(`saw ${this.total} allocations`);
  }
  readonly dispose: () => void;
}

const subsystems = [buddy(), defineSubsystem({ id: 'page-heat', useClass: PageHeat })] as const;
const kernel = createKernel({ machine: parseMachineShorthand('x86-64,256M'), subsystems, container: host });
for (let i = 0; i < 2; i++) kernel.get(PageAllocator).alloc(0xcc0, i, 0);
kernel.dispose();
