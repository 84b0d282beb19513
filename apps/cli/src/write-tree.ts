/** Writes a tree of files to a folder. */
import type { TreeEntry } from '@replug/analysis';
import { mkdir, open, readdir, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { folderNotEmpty, notWritten } from './errors.ts';

export interface TreeWritten {
  readonly folder: string;
  readonly files: number;
  readonly links: number;
  readonly bytes: number;
}

/** The folder may be there, and must be empty. Throws RP7021, RP7022. */
export async function writeTree(folder: string, entries: Iterable<TreeEntry>): Promise<TreeWritten> {
  let files = 0;
  let links = 0;
  let bytes = 0;
  try {
    await mkdir(folder, { recursive: true });
    if ((await readdir(folder)).length > 0) throw folderNotEmpty(folder);
    for (const entry of entries) {
      const path = join(folder, entry.path);
      await mkdir(entry.kind === 'directory' ? path : dirname(path), { recursive: true });
      if (entry.kind === 'link') {
        await symlink(entry.target, path);
        links++;
      } else if (entry.kind === 'file') {
        bytes += await writeFile(path, entry.content);
        files++;
      }
    }
  } catch (error) {
    if (error instanceof Error && 'syscall' in error) throw notWritten(folder, error);
    throw error;
  }
  return { folder, files, links, bytes };
}

async function writeFile(path: string, content: Iterable<Uint8Array | string>): Promise<number> {
  const file = await open(path, 'w');
  let bytes = 0;
  try {
    for (const piece of content) {
      const chunk = typeof piece === 'string' ? Buffer.from(piece) : piece;
      await file.write(chunk);
      bytes += chunk.length;
    }
  } finally {
    await file.close();
  }
  return bytes;
}
