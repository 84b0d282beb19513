/** Scenarios on a kernel, as data: what each command printed or why it was refused, when, and what the machine was after. */
import { Core, KernelLog, type Kernel } from '@replug/core';
import { runScenario, type Scenario, type ScenarioResult } from '@replug/replay';
import type { ScenarioReport } from '@replug/report';

export interface ScenarioOptions {
  /** What the machine is called. */
  readonly machine: string;
  /** What the scenario is called in the report. */
  readonly name?: string;
  readonly onResult?: (result: ScenarioResult, done: number, total: number) => void;
}

/** Runs a scenario that parseScenario() read. Errors: RP5010. */
export function scenarioReport(kernel: Kernel, scenario: Scenario, options: ScenarioOptions): ScenarioReport {
  const name = options.name ?? 'scenario';
  const commands = runScenario(kernel, scenario.commands, { onResult: options.onResult });
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
