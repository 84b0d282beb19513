/**
 * The files of /proc, /sys and debugfs: rendered when read, enumerated when listed. Subsystems publish single files and
 * links, or whole directories whose entries are found when somebody asks. Several may contribute to one directory – the
 * memory blocks of one, the node links of another – but each file has one owner.
 *
 * Models: fs/kernfs, fs/sysfs, fs/proc as a user of files sees them. Left out: modes beyond r and w, owners, polling.
 */
import { errnoName } from './errno.ts';
import {
  badPath,
  isDirectory,
  KernfsError,
  noSuchPath,
  notALink,
  notDirectory,
  notReadable,
  notWritable,
  pathTaken,
  tooManyLinks,
  writeRefused,
} from './errors.ts';
import { naturalCompare } from './natural-order.ts';

/** A file; what it has decides what may be done with it. */
export interface FileNode {
  read?(): string;
  /**
   * Gets the text without its last newline, as sysfs_streq() ignores it. Refuses by returning a negative errno, as the
   * kernel does (`-ERRNO.EBUSY`), or by throwing KernfsError when there is more to say.
   */
  write?(text: string): number | void;
}

/** A symbolic link; relative targets start at the directory that the link is in. */
export interface LinkNode {
  readonly link: string;
}

/** A directory whose entries are found when somebody asks. */
export interface DirectoryNode {
  /** Names of the entries, in any order. */
  list(): Iterable<string>;
  /** The entry of a name; undefined when there is none. */
  entry(name: string): KernfsNode | undefined;
}

export type KernfsNode = FileNode | LinkNode | DirectoryNode;

export interface KernfsStat {
  readonly kind: 'file' | 'directory' | 'link';
  readonly readable: boolean;
  readonly writable: boolean;
}

/** A node and who published it. */
interface Owned {
  readonly node: KernfsNode | StaticDirectory;
  readonly owner: string;
}

/** A directory that something was published in, by path. */
class StaticDirectory {
  readonly children = new Map<string, Owned>();
  readonly listers: { readonly lister: DirectoryNode; readonly owner: string }[] = [];

  get empty(): boolean {
    return this.children.size === 0 && this.listers.length === 0;
  }
}

type Directory = StaticDirectory | DirectoryNode;
const isDirectoryNode = (node: Owned['node']): node is Directory => node instanceof StaticDirectory || 'list' in node;
const isLinkNode = (node: KernfsNode): node is LinkNode => 'link' in node;

/** What a path leads to: a file or a link, or the directories of that path that several may have published. */
type Found = { readonly leaf: FileNode | LinkNode } | { readonly layers: readonly Owned[] };

const MAX_LINKS = 40;

export class Kernfs {
  private readonly root: Owned = { node: new StaticDirectory(), owner: 'core' };

  /** Publishes a file. */
  file(path: string, node: FileNode, owner: string): Disposable {
    return this.publish(path, node, owner);
  }

  /** Publishes a symbolic link. */
  link(path: string, target: string, owner: string): Disposable {
    return this.publish(path, { link: target }, owner);
  }

  /** Adds entries, found when asked for, to a directory. */
  directory(path: string, lister: DirectoryNode, owner: string): Disposable {
    const directories = this.makePath(split(path, owner), path, owner);
    const added = { lister, owner };
    const { listers } = directories.at(-1)!.directory;
    listers.push(added);
    return {
      [Symbol.dispose]: () => {
        const index = listers.indexOf(added);
        if (index >= 0) listers.splice(index, 1);
        prune(directories);
      },
    };
  }

  /** Text of a file, rendered now. */
  read(path: string): string {
    const { read, node } = this.openFile(path);
    if (read === undefined) throw notReadable(path);
    return read.call(node);
  }

  /** Writes to a file; a refusal is a KernfsError with the kernel's errno. */
  write(path: string, text: string): void {
    const { write, node } = this.openFile(path);
    if (write === undefined) throw notWritable(path);
    let result: number | void;
    try {
      result = write.call(node, text.endsWith('\n') ? text.slice(0, -1) : text);
    } catch (error) {
      throw error instanceof KernfsError && error.value === undefined ? writeRefused(error.errno, path, error) : error;
    }
    if (typeof result === 'number' && result < 0) throw writeRefused(errnoName(result) ?? 'EIO', path);
  }

  /** Names in a directory, memory2 before memory10. */
  list(path: string): string[] {
    const found = this.follow(path);
    if ('leaf' in found) throw notDirectory(path);
    return [...namesOf(found.layers)].sort(naturalCompare);
  }

  /** What is at a path, without following a link at its end; undefined when nothing is. */
  stat(path: string): KernfsStat | undefined {
    try {
      const found = this.follow(path, { lastLink: false });
      if ('layers' in found) return { kind: 'directory', readable: true, writable: false };
      if (isLinkNode(found.leaf)) return { kind: 'link', readable: true, writable: false };
      return { kind: 'file', readable: found.leaf.read !== undefined, writable: found.leaf.write !== undefined };
    } catch (error) {
      if (error instanceof KernfsError && (error.errno === 'ENOENT' || error.errno === 'ENOTDIR')) return undefined;
      throw error;
    }
  }

  /** Target of a symbolic link, as it was published. */
  readlink(path: string): string {
    const found = this.follow(path, { lastLink: false });
    if ('layers' in found || !isLinkNode(found.leaf)) throw notALink(path);
    return found.leaf.link;
  }

  private openFile(path: string): FileNode & { readonly node: FileNode } {
    const found = this.follow(path);
    if ('layers' in found) throw isDirectory(path);
    const node = found.leaf as FileNode;
    return { node, read: node.read, write: node.write };
  }

  private publish(path: string, node: FileNode | LinkNode, owner: string): Disposable {
    const parts = split(path, owner);
    const name = parts.pop();
    if (name === undefined) throw badPath(path, owner);
    const directories = this.makePath(parts, path, owner);
    const { children } = directories.at(-1)!.directory;
    const earlier = children.get(name);
    if (earlier !== undefined) throw pathTaken(path, owner, earlier.owner);
    const added = { node, owner };
    children.set(name, added);
    return {
      [Symbol.dispose]: () => {
        if (children.get(name) === added) children.delete(name);
        prune(directories);
      },
    };
  }

  /** The static directories from the root to a path, made where they are missing. */
  private makePath(parts: readonly string[], path: string, owner: string): Step[] {
    let directory = this.root.node as StaticDirectory;
    const steps: Step[] = [{ name: '', directory }];
    for (const name of parts) {
      let child = directory.children.get(name);
      if (child === undefined) {
        child = { node: new StaticDirectory(), owner };
        directory.children.set(name, child);
      }
      if (!(child.node instanceof StaticDirectory)) throw pathTaken(path, owner, child.owner);
      directory = child.node;
      steps.push({ name, directory });
    }
    return steps;
  }

  /** Walks a path from the root. `trail` holds the layers of each directory on the way, for `..`. */
  private follow(path: string, { lastLink = true } = {}): Found {
    const todo = split(path, 'kernfs').reverse();
    let trail: (readonly Owned[])[] = [[this.root]];
    let links = 0;
    for (let name = todo.pop(); name !== undefined; name = todo.pop()) {
      if (name === '..') {
        if (trail.length > 1) trail.pop();
        continue;
      }
      const found = step(trail.at(-1)!, name, path);
      if (found === undefined) throw noSuchPath(path);
      if ('layers' in found) {
        trail.push(found.layers);
      } else if (isLinkNode(found.leaf) && (todo.length > 0 || lastLink)) {
        if (++links > MAX_LINKS) throw tooManyLinks(path);
        if (found.leaf.link.startsWith('/')) trail = [trail[0]];
        todo.push(...parts(found.leaf.link).reverse());
      } else {
        if (todo.length > 0) throw notDirectory(path);
        return found;
      }
    }
    return { layers: trail.at(-1)! };
  }
}

interface Step {
  readonly name: string;
  readonly directory: StaticDirectory;
}

/** Forgets directories that nothing is left in, from the innermost out. */
function prune(steps: readonly Step[]): void {
  for (let i = steps.length - 1; i > 0 && steps[i].directory.empty; i--) {
    const { children } = steps[i - 1].directory;
    if (children.get(steps[i].name)?.node === steps[i].directory) children.delete(steps[i].name);
  }
}

/** Everything that publishes a name in a directory: one file or link, or directories that are seen as one. */
function step(layers: readonly Owned[], name: string, path: string): Found | undefined {
  const hits = layers.flatMap((layer) => entriesOf(layer, name));
  if (hits.length === 0) return undefined;
  const leaf = hits.find(({ node }) => !isDirectoryNode(node));
  if (leaf === undefined) return { layers: hits };
  const other = hits.find((hit) => hit !== leaf);
  if (other !== undefined) throw pathTaken(path, other.owner, leaf.owner);
  return { leaf: leaf.node as FileNode | LinkNode };
}

function entriesOf({ node, owner }: Owned, name: string): Owned[] {
  if (!(node instanceof StaticDirectory)) return found((node as DirectoryNode).entry(name), owner);
  const child = node.children.get(name);
  const lazy = node.listers.flatMap((one) => found(one.lister.entry(name), one.owner));
  return child === undefined ? lazy : [child, ...lazy];
}

const found = (node: KernfsNode | undefined, owner: string): Owned[] => (node === undefined ? [] : [{ node, owner }]);

function namesOf(layers: readonly Owned[]): Set<string> {
  const names = new Set<string>();
  for (const { node } of layers) {
    if (node instanceof StaticDirectory) {
      for (const name of node.children.keys()) names.add(name);
      for (const { lister } of node.listers) for (const name of lister.list()) names.add(name);
    } else {
      for (const name of (node as DirectoryNode).list()) names.add(name);
    }
  }
  return names;
}

const parts = (path: string): string[] => path.split('/').filter((part) => part !== '' && part !== '.');

function split(path: string, owner: string): string[] {
  if (!path.startsWith('/')) throw badPath(path, owner);
  return parts(path);
}
