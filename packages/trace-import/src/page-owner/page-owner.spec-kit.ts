/** Texts of page_owner for the specs, and a reader of them that is plain and slow: regular expressions, an object a record. */
import { Account } from '../account.ts';
import { seededRandom } from '../testing/index.ts';
import { PageOwnerReader } from './page-owner.ts';

const encoder = new TextEncoder();

export function read(text: string | Uint8Array, size = Infinity) {
  const bytes = typeof text === 'string' ? encoder.encode(text) : text;
  const account = new Account('test', 'page-owner');
  const reader = new PageOwnerReader(account);
  for (let at = 0; at < bytes.length; at += size) reader.push(bytes.slice(at, at + size));
  return { owner: reader.finish(), account: account.finish(bytes.length) };
}

/** Row by row, indices replaced by texts. */
export function rowsOf({ owner: o }: ReturnType<typeof read>) {
  return Array.from({ length: o.length }, (_, i) => ({
    pfn: o.pfn[i],
    order: o.order[i],
    type: o.types[o.type[i]],
    blockType: o.types[o.blockType[i]],
    mask: o.gfpMasks[o.gfp[i]],
    gfp: o.gfpTexts[o.gfp[i]],
    pid: o.pid[i],
    tgid: o.tgid[i],
    comm: o.comms[o.comm[i]],
    time: o.time[i],
    freeTime: o.freeTime[i],
    flags: `${o.flagsHigh[i].toString(16)}:${o.flagsLow[i].toString(16)}`,
    names: o.flagTexts[o.flagNames[i]],
    stack: o.stacks[o.stack[i]],
    moved: o.reasons[o.moved[i]],
    memcg: o.memcgs[o.memcg[i]],
    marks: o.marks[i],
  }));
}

/** Counts of a file of whole 6.12 records, by type, by order and by stack, and lines of each kind. */
export function countPlainly(text: string) {
  const types: Record<string, number> = {};
  const orders: Record<string, number> = {};
  const stacks = new Map<string, number>();
  let pages = 0;
  for (const record of text.split('\n\n').filter((part) => part !== '')) {
    const [first, second, ...stack] = record.split('\n');
    const order = /^Page allocated via order (\d+), mask/.exec(first)![1];
    const type = /^PFN 0x[0-9a-f]+ type (\w+) Block/.exec(second)![1];
    types[type] = (types[type] ?? 0) + 1;
    orders[order] = (orders[order] ?? 0) + 1;
    pages += 2 ** Number(order);
    const key = stack.map((line) => line.trim()).join('\n');
    stacks.set(key, (stacks.get(key) ?? 0) + 1);
  }
  return { types, orders, stacks, pages };
}

/** The same from columns. */
export function countColumns({ owner }: ReturnType<typeof read>): ReturnType<typeof countPlainly> {
  const types: Record<string, number> = {};
  const orders: Record<string, number> = {};
  const stacks = new Map<string, number>();
  let pages = 0;
  for (let row = 0; row < owner.length; row++) {
    const type = owner.types[owner.type[row]];
    types[type] = (types[type] ?? 0) + 1;
    orders[owner.order[row]] = (orders[owner.order[row]] ?? 0) + 1;
    pages += 2 ** owner.order[row];
    const stack = owner.stacks[owner.stack[row]];
    stacks.set(stack, (stacks.get(stack) ?? 0) + 1);
  }
  return { types, orders, stacks, pages };
}

const RECORDS = [
  'Page allocated via order 3, mask 0x52cc0(GFP_KERNEL|__GFP_NORETRY|__GFP_COMP), pid 5, tgid 5 (sh), ts 123 ns, free_ts 45 ns\n' +
    'PFN 0x1000 type Unmovable Block 8 type Movable Flags 0x40(head|node=0|zone=1)\n a+0x1/0x2\n b+0x1/0x2\n\n',
  'Page allocated via order 0, mask 0x0(), pid 1, ts 9 ns\nPFN 77 type Movable Block 0 type CMA Flags 0x0()\n c+0x1/0x2\n' +
    'Page has been migrated, last migrate reason: compaction\nSlab cache page\nCharged (via objcg) to offline memcg x\n\n',
  '12 times, 96 pages, PID 3, task_comm_name: cat, allocated by SLAB :\n a+0x1/0x2\n\n',
  '3 times: Page allocated via order 1\n[0xff] pipe+5\n\n',
];
const TOKENS = [
  '\n',
  '\n\n',
  ' ',
  ', ',
  '), ts ',
  '(',
  ')',
  '0x',
  '4294967296',
  '99999999999999999999',
  '-',
  ' times',
  'ns',
];
const WORDS = [
  'Page allocated via order ',
  'PFN ',
  ', mask 0x',
  'pid ',
  'Charged to memcg ',
  '\r\n',
  '\0',
  '\u00e4',
  '=',
  '|',
  ':',
];

/** Records that were cut, doubled, mixed, with parts of the grammar where they do not belong. */
export function mutant(seed: number): Uint8Array {
  const random = seededRandom(seed);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)];
  let text = Array.from({ length: 1 + Math.floor(random() * 3) }, () => pick(RECORDS)).join('');
  for (let i = Math.floor(random() * 5); i > 0; i--) {
    const [from, to] = [Math.floor(random() * text.length), Math.floor(random() * text.length)];
    switch (Math.floor(random() * 5)) {
      case 0:
        text = text.slice(0, from) + pick(random() < 0.5 ? TOKENS : WORDS) + text.slice(from);
        break;
      case 1:
        text = text.slice(0, Math.min(from, to)) + text.slice(Math.max(from, to));
        break;
      case 2:
        text = text.slice(0, from) + text.slice(Math.min(from, to), Math.max(from, to)) + text.slice(from);
        break;
      case 3:
        text = text.slice(0, from) + String.fromCharCode(Math.floor(random() * 128)) + text.slice(from + 1);
        break;
      default:
        text = text.slice(0, from);
    }
  }
  return encoder.encode(text);
}
