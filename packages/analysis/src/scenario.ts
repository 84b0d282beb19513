/** Scenarios on a kernel, as data: what each command printed or why it was refused, when, and what the machine was after. */
import { Core, KernelLog, type Kernel } from '@replug/core';
import { parseScenario, runScenario, type ScenarioResult } from '@replug/replay';
import type { ScenarioReport } from '@replug/report';

export interface ScenarioOptions {
  /** What the machine is called. */
  readonly machine: string;
  /** What the scenario is called, for errors. */
  readonly name?: string;
  readonly onResult?: (result: ScenarioResult, done: number, total: number) => void;
}

/** Runs a scenario's text; nothing of it runs when a line of it cannot be read. Errors: RP5009, RP5010. */
export function scenarioReport(kernel: Kernel, text: string, options: ScenarioOptions): ScenarioReport {
  const name = options.name ?? 'scenario';
  const commands = runScenario(kernel, parseScenario(text, name), { onResult: options.onResult });
  const { zones } = kernel.get(Core.Machine);
  return {
    scenario: name,
    machine: options.machine,
    commands,
    failed: commands.filter(({ errno }) => errno !== 0).length,
    zones: zones.all
      .filter((zone) => zone.spannedPages > 0)
      .map((zone) => ({
        node: zone.nid,
        zone: zone.name,
        spanned: zone.spannedPages,
        present: zone.presentPages,
        managed: zone.managedPages,
      })),
    log: kernel.log.lines().map((line) => KernelLog.format(line)),
    virtualTime: kernel.clock.now,
    stateHash: kernel.stateHash(),
  };
}
