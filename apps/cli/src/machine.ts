/** Machines and subsystems that the command line names. */
import {
  isMachineShorthand,
  parseMachineFile,
  parseMachineShorthand,
  type AnySubsystem,
  type MachineDescription,
} from '@replug/core';
import { readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { badModule, notAMachine } from './errors.ts';

/** The machine of a shorthand or a machine file; undefined for anything else, such as a capture. */
export function describedMachine(text: string): MachineDescription | undefined {
  if (isMachineShorthand(text)) return parseMachineShorthand(text);
  if (/\.(ya?ml|json)$/i.test(text) && statSync(text, { throwIfNoEntry: false })?.isFile() === true)
    return parseMachineFile(readFileSync(text, 'utf8'), text);
  return undefined;
}

/** The value of `--machine`. Throws RP7014. */
export function machineOf(text: string): MachineDescription {
  const machine = describedMachine(text);
  if (machine === undefined) throw notAMachine(text);
  return machine;
}

/** Subsystems of modules: the default export is one, an array of them, or a function that makes one. Throws RP7013. */
export async function subsystemsOf(modules: readonly string[]): Promise<AnySubsystem[]> {
  const found: AnySubsystem[] = [];
  for (const module of modules) {
    const exported = await defaultOf(module);
    const made: unknown = typeof exported === 'function' ? (exported as () => unknown)() : exported;
    for (const one of Array.isArray(made) ? (made as unknown[]) : [made]) {
      if (!isSubsystem(one)) throw badModule(module, 'its default export is none');
      found.push(one);
    }
  }
  return found;
}

async function defaultOf(module: string): Promise<unknown> {
  try {
    const loaded = (await import(pathToFileURL(resolve(module)).href)) as { default?: unknown };
    return loaded.default;
  } catch (cause) {
    throw badModule(module, (cause as Error).message, cause as Error);
  }
}

function isSubsystem(value: unknown): value is AnySubsystem {
  return typeof value === 'object' && value !== null && 'id' in value && 'needs' in value && 'provides' in value;
}
