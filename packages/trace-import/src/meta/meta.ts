/**
 * What names the machine and the kernel: a capture's meta.txt, `uname -a`, /proc/version, /proc/cmdline, /proc/cpuinfo.
 */
import type { ArchName } from '@replug/workload';
import type { Account } from '../account.ts';

/** What is known about the machine; each file adds what it knows. */
export interface MachineFacts {
  arch?: ArchName;
  /** Bytes. */
  pageSize?: number;
  /** As uname -r prints it. */
  kernel?: string;
  commandLine?: string;
}

/** meta.txt of a capture: `key: value` lines, then sections of free text. */
export function readMeta(text: string, account: Account): MachineFacts {
  const facts: MachineFacts = {};
  for (const row of account.each(text)) {
    const match = /^(\w+): (.*)$/.exec(row);
    if (match === null) {
      account.comment();
      continue;
    }
    account.event();
    const value = match[2].trim();
    switch (match[1]) {
      case 'arch':
        facts.arch ??= archOf(value);
        break;
      case 'kernel':
        facts.kernel ??= value;
        break;
      case 'page_size':
        if (/^\d+$/.test(value)) facts.pageSize ??= Number(value);
        break;
      case 'cmdline':
        facts.commandLine ??= value;
        break;
      case 'uname': {
        const uname = unameFacts(value);
        facts.kernel ??= uname.kernel;
        facts.arch ??= uname.arch;
        break;
      }
    }
  }
  return facts;
}

/** Output of `uname -a`: `Linux HOST RELEASE #1 SMP … MACHINE [GNU/Linux]`. */
export function readUname(text: string, account: Account): MachineFacts {
  return firstLine(text, account, unameFacts);
}

/** /proc/version: `Linux version RELEASE (builder) …`. The release often ends in the architecture's name. */
export function readVersion(text: string, account: Account): MachineFacts {
  return firstLine(text, account, (line) => {
    const kernel = /^Linux version (\S+)/.exec(line)?.[1];
    return { kernel, arch: kernel === undefined ? undefined : archOfRelease(kernel) };
  });
}

export function readCommandLine(text: string, account: Account): MachineFacts {
  return firstLine(text, account, (line) => ({ commandLine: line.trim() }));
}

/** /proc/cpuinfo: the architecture by the words that only it prints. */
export function readCpuinfo(text: string, account: Account): MachineFacts {
  let arch: ArchName | undefined;
  for (const row of account.each(text)) {
    account.event();
    if (/^vendor_id\s*:\s*IBM\/S390/.test(row)) arch ??= 's390x';
    else if (/^flags\s*:.*\blm\b/.test(row)) arch ??= 'x86_64';
    else if (/^CPU architecture\s*:\s*(8|AArch64)/.test(row)) arch ??= 'aarch64';
    else if (/^cpu\s*:\s*POWER(8|9|1\d)/.test(row)) arch ??= 'ppc64le';
    else if (/^cpu\s*:\s*(POWER|PPC)/.test(row)) arch ??= 'ppc64';
  }
  return { arch };
}

/** A machine's name in uname's, Debian's or Node's spelling. */
export function archOf(name: string): ArchName | undefined {
  return ARCH_BY_NAME[name.toLowerCase()];
}

const ARCH_BY_NAME: Readonly<Record<string, ArchName>> = {
  x86_64: 'x86_64',
  amd64: 'x86_64',
  x64: 'x86_64',
  ppc64le: 'ppc64le',
  powerpc64le: 'ppc64le',
  ppc64el: 'ppc64le',
  ppc64: 'ppc64',
  powerpc64: 'ppc64',
  s390x: 's390x',
  aarch64: 'aarch64',
  arm64: 'aarch64',
};

/** `6.12.113+deb12-amd64`, `5.14.0-325.el9.x86_64`: the last part; undefined when it is no architecture. */
export function archOfRelease(release: string): ArchName | undefined {
  return archOf(/[.-]([a-z][a-z0-9_]*)$/.exec(release)?.[1] ?? '');
}

function unameFacts(line: string): MachineFacts {
  const words = line.trim().split(/\s+/);
  const arch = words
    .slice(3)
    .map(archOf)
    .find((found) => found !== undefined);
  return { kernel: words[2], arch: arch ?? archOfRelease(words[2] ?? '') };
}

function firstLine(text: string, account: Account, read: (line: string) => MachineFacts): MachineFacts {
  let facts: MachineFacts | undefined;
  for (const row of account.each(text)) {
    if (facts === undefined) {
      facts = read(row);
      account.event();
    } else account.skip('more-than-one-line', row);
  }
  return facts ?? {};
}
