/**
 * Everything one driver instance knows: the device's sizes, its mode, flags of the worker, and counters for reports. The
 * rest of this folder are functions over it, one idea a file.
 *
 * Models: drivers/virtio/virtio_mem.c struct virtio_mem, 6.12.
 */
import type { VirtioMemDevice } from '../device/device.ts';
import type { BigBlocks } from './big-blocks.ts';
import type { DriverDeps } from './deps.ts';
import { PageOffline } from './page-offline.ts';
import type { SubBlocks } from './sub-blocks.ts';

/** Errors that only the driver uses. */
export const ETXTBSY = 26;

/** VIRTIO_MEM_RETRY_TIMER_MIN_MS, _MAX_MS. */
export const RETRY_MIN_MS = 50_000;
export const RETRY_MAX_MS = 300_000;
/** VIRTIO_MEM_DEFAULT_OFFLINE_THRESHOLD, bytes. */
export const OFFLINE_THRESHOLD = 2 ** 30;

/** One run of the worker. */
export interface WorkerRun {
  /** Virtual ns at which it ended. */
  readonly ns: number;
  readonly rc: number;
  readonly plugged: number;
  readonly requested: number;
  /** The timer's wait, when the run armed it; else 0. */
  readonly timerMs: number;
}

/** One request and its answer, for reports. */
export interface RequestRecord {
  readonly type: number;
  readonly addr: number;
  readonly blocks: number;
  readonly response: number;
}

/** A page that stopped a range, and what it was then. */
export interface RememberedBlocker {
  readonly pfn: number;
  readonly pageClass: number;
}

/** Newest entries kept of a log. */
const LOG_LIMIT = 4096;

export class DriverState {
  readonly device: VirtioMemDevice;
  readonly deps: DriverDeps;
  /** `virtio1`. */
  readonly name: string;
  readonly pages: PageOffline;

  // Read from the config space
  deviceBlockSize = 0;
  addr = 0;
  regionSize = 0;
  requestedSize = 0;
  pluggedSize = 0;
  nid = -1;

  /** Exactly one of the two is there once the driver is bound (none in a crash kernel). */
  sbm: SubBlocks | undefined;
  bbm: BigBlocks | undefined;
  groupId = -1;
  /** Bytes added but not online. */
  offlineSize = 0;
  offlineThreshold = OFFLINE_THRESHOLD;
  readonly blockBytes: number;

  // Worker
  broken = false;
  /** The device answers no longer: the worker waits for ever. */
  hung = false;
  removing = false;
  unplugAllRequired = false;
  configChanged = false;
  wqActive = false;
  /** The worker: what queued work runs. */
  onWork: () => void = () => undefined;
  queued: Disposable | undefined;
  timer: Disposable | undefined;
  timerDue = -1;
  retryMs = RETRY_MIN_MS;

  // Notifier
  mutexHeld = false;
  hotplugActive = false;

  /** Blockers that stopped a range, by its first pfn (future.retry.rememberBlockers). */
  readonly blockers = new Map<number, RememberedBlocker>();

  readonly counts = {
    requests: 0,
    fakeOfflineTries: 0,
    fakeOfflineFailures: 0,
    /** Tries that sensing or a remembered blocker saved. */
    triesSaved: 0,
    /** Rounds of a worker that would have gone on for ever: the device refuses what its config space asks for. */
    spins: 0,
    warnings: 0,
    oomPlugs: 0,
  };
  private readonly runLog: WorkerRun[] = [];
  private readonly requestLog: RequestRecord[] = [];

  constructor(device: VirtioMemDevice, name: string, deps: DriverDeps) {
    this.device = device;
    this.name = name;
    this.deps = deps;
    this.pages = new PageOffline(deps.machine);
    this.blockBytes = deps.machine.description.memoryBlockSize;
    this.retryMs = this.minRetryMs;
  }

  get minRetryMs(): number {
    return this.deps.future.retry?.firstMs ?? RETRY_MIN_MS;
  }
  get maxRetryMs(): number {
    return this.deps.future.retry?.maxMs ?? RETRY_MAX_MS;
  }

  /** Newest last; bounded. */
  get runs(): readonly WorkerRun[] {
    return this.runLog;
  }
  /** Newest last; bounded. */
  get requests(): readonly RequestRecord[] {
    return this.requestLog;
  }

  pfn(addr: number): number {
    return addr / 2 ** this.deps.machine.description.arch.pageShift;
  }

  /** memory_block id of an address. */
  blockId(addr: number): number {
    return Math.floor(addr / this.blockBytes);
  }

  /** virtio_mem_could_add_memory(). */
  couldAdd(bytes: number): boolean {
    return this.offlineSize + bytes <= this.offlineThreshold;
  }

  info(text: string): void {
    this.deps.log.info(`virtio_mem ${this.name}: ${text}`);
  }
  warn(text: string): void {
    this.counts.warnings++;
    this.deps.log.warn(`virtio_mem ${this.name}: ${text}`);
  }
  error(text: string): void {
    this.deps.log.error(`virtio_mem ${this.name}: ${text}`);
  }

  recordRun(run: WorkerRun): void {
    keep(this.runLog, run);
  }
  recordRequest(request: RequestRecord): void {
    this.counts.requests++;
    keep(this.requestLog, request);
  }
}

function keep<T>(log: T[], entry: T): void {
  log.push(entry);
  if (log.length > 2 * LOG_LIMIT) log.splice(0, LOG_LIMIT);
}
