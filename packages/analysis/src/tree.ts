/**
 * The files of a kernel as a folder that real tools read: /proc and /sys with the kernel's own names, texts and links, and
 * the binary page files, which no view renders because they are as long as memory is.
 *
 * Opened as a recording, such a folder gives the same machine again: the same pages free, of the same classes.
 */
import { Core, PAGE_CLASS, PAGE_STATE, PageAllocator, STATE_HOLDER_MASK, type Kernel } from '@replug/core';
import { flagsOfClass, KPF } from '@replug/workload';

export type TreeEntry =
  | { readonly kind: 'directory'; readonly path: string }
  | { readonly kind: 'link'; readonly path: string; readonly target: string }
  | { readonly kind: 'file'; readonly path: string; readonly content: Iterable<Uint8Array | string> };

/** Everything below /, folders before what is in them. Files that can only be written are empty. */
export function* treeEntries(kernel: Kernel): Generator<TreeEntry> {
  yield* below('/');
  for (const [path, content] of synthetic(kernel)) {
    if (kernel.stat(path) === undefined) yield { kind: 'file', path, content };
  }

  function* below(folder: string): Generator<TreeEntry> {
    for (const name of kernel.list(folder)) {
      const path = folder === '/' ? `/${name}` : `${folder}/${name}`;
      const stat = kernel.stat(path);
      if (stat?.kind === 'directory') {
        yield { kind: 'directory', path };
        yield* below(path);
      } else if (stat?.kind === 'link') {
        yield { kind: 'link', path, target: kernel.readlink(path) };
      } else if (stat?.kind === 'file') {
        yield { kind: 'file', path, content: stat.readable ? [kernel.read(path)] : [] };
      }
    }
  }
}

/** Files that say what the machine is, and its pages. */
function synthetic(kernel: Kernel): [string, Iterable<Uint8Array | string>][] {
  const { arch, profile } = kernel.get(Core.Machine).description;
  return [
    ['/proc/version', [`Linux version ${profile}.0-replug.${arch.machine} (replug) #1 SMP\n`]],
    ['/proc/kpageflags', pageWords(kernel, flagsAt(kernel))],
    ['/proc/kpagecount', pageWords(kernel, countAt(kernel))],
  ];
}

type WordAt = (row: number, into: DataView, at: number) => void;
const CHUNK_PAGES = 1 << 16;

/** One u64 a pfn, up to the end of the last section, in the machine's byte order. */
function* pageWords(kernel: Kernel, word: WordAt): Generator<Uint8Array> {
  const { pages } = kernel.get(Core.Machine);
  const end = ((pages.sections().at(-1) ?? -1) + 1) * 2 ** pages.sectionShift;
  for (let from = 0; from < end; from += CHUNK_PAGES) {
    const count = Math.min(CHUNK_PAGES, end - from);
    const bytes = new Uint8Array(8 * count);
    const view = new DataView(bytes.buffer);
    for (let i = 0; i < count; i++) word(pages.pfnToRow(from + i), view, 8 * i);
    yield bytes;
  }
}

function flagsAt(kernel: Kernel): WordAt {
  const machine = kernel.get(Core.Machine);
  const allocator = kernel.get(PageAllocator);
  const { pages, description } = machine;
  const little = !description.arch.bigEndian;
  const inMemory = memoryTest(kernel);
  return (row, view, at) => {
    let low = 2 ** KPF.NOPAGE;
    let high = 0;
    if (row >= 0 && inMemory(row)) {
      if (allocator.isFree(row)) low = 2 ** KPF.BUDDY;
      else if ((pages.state[row] & STATE_HOLDER_MASK) === PAGE_STATE.PCP) low = 0;
      else ({ low, high } = flagsOfClass(pages.pageClass[row]));
    }
    view.setUint32(at + (little ? 0 : 4), low, little);
    view.setUint32(at + (little ? 4 : 0), high, little);
  };
}

/** Mapped once where a class is of processes' pages, else not at all: the model keeps no page tables. */
function countAt(kernel: Kernel): WordAt {
  const { pages, description } = kernel.get(Core.Machine);
  const allocator = kernel.get(PageAllocator);
  const little = !description.arch.bigEndian;
  return (row, view, at) => {
    const anon = row >= 0 && pages.pageClass[row] === PAGE_CLASS.LRU_ANON && !allocator.isFree(row);
    view.setUint32(at + (little ? 0 : 4), anon ? 1 : 0, little);
  };
}

/** Is there memory at a row? Asked in ascending order of pfns, so the last range is remembered. */
function memoryTest(kernel: Kernel): (row: number) => boolean {
  const { pages, memory } = kernel.get(Core.Machine);
  let last = { start: 0, end: 0 };
  return (row) => {
    const pfn = pages.rowToPfn(row);
    if (pfn >= last.start && pfn < last.end) return true;
    const found = memory.find(({ start, end }) => pfn >= start && pfn < end);
    if (found !== undefined) last = found;
    return found !== undefined;
  };
}
