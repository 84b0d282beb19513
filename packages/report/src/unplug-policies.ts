/** How much memory comes back by policy, as data and as a table. The JSON names are stable; sizes are bytes, times virtual ns. */
import { table } from './text.ts';
import { sizeText } from './unplug.ts';

export type PolicyZoning = 'Normal' | 'Movable' | 'auto-movable' | 'PREFER_MOVABLE 1:4';

export interface PolicyCell {
  readonly zoning: PolicyZoning;
  readonly piece: string;
  /** Of the letter's future work; `null`: none. */
  readonly option: string | null;
  readonly unplugged: number;
  readonly migrated: number;
  readonly dropped: number;
  readonly tries: number;
  readonly virtualTime: number;
}

export interface UnplugPoliciesReport {
  readonly name: string;
  readonly path: string;
  /** The step at which everything is wanted back. */
  readonly to: string;
  readonly boot: number;
  readonly added: number;
  /** Requests served and not, and added bytes by zone, for each way of onlining. */
  readonly placements: readonly {
    readonly zoning: PolicyZoning;
    readonly requests: number;
    readonly unserved: number;
    readonly zones: Readonly<Record<string, number>>;
  }[];
  readonly cells: readonly PolicyCell[];
}

export function renderUnplugPolicies({ name, to, boot, added, placements, cells }: UnplugPoliciesReport): string {
  const head = `${name} to ${to}, served by ${sizeText(boot)} of boot memory and ${sizeText(added)} added, of which is wanted back: all`;
  const placed = table(
    ['added memory', 'zones', 'served', 'not'],
    placements.map(({ zoning, zones, requests, unserved }) => [
      zoning,
      Object.entries(zones)
        .map(([zone, bytes]) => `${zone} ${sizeText(bytes)}`)
        .join(', '),
      String(requests),
      String(unserved),
    ]),
  );
  const columns = [...new Set(cells.map(({ zoning }) => zoning))];
  const rows = [...new Set(cells.map(({ piece, option }) => `${piece}\0${option ?? ''}`))].map((key) => {
    const [piece, option] = key.split('\0');
    return [
      piece,
      option === '' ? '-' : option,
      ...columns.map((zoning) => {
        const cell = cells.find((c) => c.zoning === zoning && c.piece === piece && (c.option ?? '') === option);
        return cell === undefined ? '-' : `${cell.unplugged / 2 ** 20} / ${cell.migrated}`;
      }),
    ];
  });
  return `${head}\n\n${placed}\nMiB that come back / pages moved\n${table(['piece', 'option', ...columns], rows)}`;
}
