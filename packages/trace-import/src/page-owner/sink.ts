/**
 * Where records go: growing columns and the dictionaries in front of them. Every dictionary is bounded, so a file made of ever
 * new texts cannot fill the memory; a text that finds no room is counted and stands as none.
 */
import { PageOwnerBuilder, type PageOwner } from '@replug/workload';
import type { Account } from '../account.ts';
import { BytesTable } from './bytes-table.ts';

const KIB = 1 << 10;
const MIB = 1 << 20;
/** Pageblock orders that are thought of. */
const ORDERS = 24;

export class PageOwnerSink {
  readonly builder = new PageOwnerBuilder();
  readonly types = new BytesTable(256, 16 * KIB);
  /** Mask and names together: `0x140cca(GFP_HIGHUSER_MOVABLE|__GFP_COMP`. */
  readonly gfps = new BytesTable(65536, 8 * MIB);
  readonly comms = new BytesTable(1 << 20, 16 * MIB);
  readonly flagNames = new BytesTable(65536, 8 * MIB);
  /** Lines as they stand, the indentation included. */
  readonly stacks = new BytesTable(1 << 20, 64 * MIB);
  readonly reasons = new BytesTable(256, 16 * KIB);
  readonly memcgs = new BytesTable(1 << 20, 16 * MIB);
  /** Bit n: pageblocks may be of order n, as far as PFN and Block of all records tell. */
  orders = 2 ** ORDERS - 1;

  /** Takes into account that `pfn` lies in pageblock `block`. */
  narrow(pfn: number, block: number): void {
    let fitting = 0;
    for (let order = 0; order < ORDERS; order++) if (Math.floor(pfn / 2 ** order) === block) fitting |= 1 << order;
    this.orders &= fitting;
  }

  finish(account: Account): PageOwner {
    const { builder, types, gfps, comms, flagNames, stacks, reasons, memcgs, orders } = this;
    if (builder.length > 0) account.detail('records', builder.length);
    const refused = [types, gfps, comms, flagNames, stacks, reasons, memcgs].reduce((sum, t) => sum + t.refused, 0);
    if (refused > 0) account.detail('texts over the limit', refused);
    const masks = gfps.texts();
    const pageblockOrder = orders !== 0 && (orders & (orders - 1)) === 0 ? Math.log2(orders) : undefined;
    return builder.finish({
      types: types.texts(),
      gfpTexts: masks.map((text) => (text.includes('(') ? text.slice(text.indexOf('(') + 1) : '')),
      gfpMasks: masks.map((text) => Number(/^0x[0-9a-f]+|^\d+/.exec(text)?.[0] ?? 0)),
      comms: comms.texts(),
      flagTexts: flagNames.texts(),
      stacks: stacks.texts().map((text) => text.replaceAll(/^[ \t]+|\r$/gm, '')),
      reasons: reasons.texts(),
      memcgs: memcgs.texts(),
      ...(pageblockOrder !== undefined && { pageblockOrder }),
    });
  }
}
