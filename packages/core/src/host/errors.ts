/** Texts of RP11xx (host: tokens, subsystems, slots, life of a kernel) and RP12xx (kernfs: RP12 + the errno's number). */
import { ReplugError } from '../base/errors.ts';
import { ERRNO, type ErrnoName } from './errno.ts';

const host = 'kernel';

export const noSuchCommand = (name: string, known: readonly string[]) =>
  new ReplugError({
    code: 'RP1150',
    who: host,
    what: 'no such command',
    value: name,
    hint: known.length === 0 ? 'no subsystem of this kernel has commands' : `there are: ${known.join(', ')}`,
  });

// RP1100…: what is wrong with a list of subsystems

export const missingContracts = (lines: readonly string[], providers: readonly string[]) =>
  new ReplugError({
    code: 'RP1101',
    who: host,
    what: 'contracts that nothing provides',
    value: lines.join('; '),
    hint: providers.length === 0 ? 'add a subsystem that provides them' : `add ${providers.join(', ')}`,
  });
export const duplicateContract = (contract: string, first: string, second: string) =>
  new ReplugError({
    code: 'RP1102',
    who: host,
    what: `${first} and ${second} both provide one contract`,
    value: contract,
    hint: 'leave one of them out',
  });
export const cyclicNeeds = (cycle: readonly string[]) =>
  new ReplugError({
    code: 'RP1103',
    who: host,
    what: 'subsystems need each other in a circle',
    value: cycle.join(' -> '),
    hint: 'turn one of the needs into a slot',
  });
export const duplicateSubsystem = (id: string) =>
  new ReplugError({ code: 'RP1104', who: host, what: 'subsystem is there twice', value: id });
export const externalNotRegistered = (id: string) =>
  new ReplugError({
    code: 'RP1105',
    who: host,
    what: "external token that the host application's container does not know",
    value: id,
    hint: 'container.register(TOKEN.id, { useValue: … })',
  });

// RP1110…: what is wrong with one subsystem

export const ambiguousDefinition = (id: string, given: string) =>
  new ReplugError({
    code: 'RP1110',
    who: `subsystem ${id}`,
    what: 'needs exactly one of create and useClass',
    value: given,
  });
export const nothingProvided = (id: string, key: string, contract: string) =>
  new ReplugError({
    code: 'RP1111',
    who: `subsystem ${id}`,
    what: `what it created has no "${key}", which it provides as`,
    value: contract,
  });
export const subsystemFailed = (id: string, doing: string, cause: unknown) =>
  new ReplugError({ code: 'RP1112', who: `subsystem ${id}`, what: `${doing} failed`, value: textOf(cause) }, { cause });
/** The same coded error, said by the subsystem that it went through. */
export const attributed = (id: string, cause: ReplugError) =>
  new ReplugError({ ...cause.toJSON(), who: `subsystem ${id}: ${cause.who}` }, { cause });
export const disposeFailed = (who: string, causes: readonly unknown[]) =>
  new ReplugError(
    { code: 'RP1113', who, what: 'disposing failed', value: causes.map(textOf).join('; ') },
    { cause: causes.length === 1 ? causes[0] : new AggregateError(causes) },
  );
export const registrationTwice = (id: string, kind: string, name: string) =>
  new ReplugError({ code: 'RP1114', who: `subsystem ${id}`, what: `${kind} registered twice`, value: name });
export const scopeClosed = (id: string, kind: string, name: string) =>
  new ReplugError({
    code: 'RP1115',
    who: `subsystem ${id}`,
    what: `${kind} registered after it was disposed`,
    value: name,
  });
export const hookTooLate = (id: string, hook: string, phase: string) =>
  new ReplugError({
    code: 'RP1116',
    who: `subsystem ${id}`,
    what: `${hook} registered when that had happened already`,
    value: phase,
    hint: 'register it while the subsystem is created',
  });

// RP1120…: slots

export const slotAlreadyTaken = (owner: string, slot: string, earlier: string) =>
  new ReplugError({
    code: 'RP1120',
    who: `subsystem ${owner}`,
    what: `slot was taken by ${earlier} already`,
    value: slot,
    hint: 'at most one subsystem decides',
  });
export const slotTakenTooLate = (owner: string, slot: string) =>
  new ReplugError({
    code: 'RP1121',
    who: `subsystem ${owner}`,
    what: 'slot taken after the kernel was sealed',
    value: slot,
    hint: 'take it while the subsystem is created',
  });
export const slotReadTooEarly = (slot: string) =>
  new ReplugError({
    code: 'RP1122',
    who: host,
    what: 'slot read before the kernel was sealed',
    value: slot,
    hint: 'read it in scope.onSeal',
  });

// RP1130…: the container

export const lookupAfterSeal = (id: string) =>
  new ReplugError({
    code: 'RP1130',
    who: 'container',
    what: 'lookup after the kernel was sealed',
    value: id,
    hint: 'state it in needs and keep what create was given',
  });
export const notProvided = (id: string, provider: string | undefined) =>
  new ReplugError({
    code: 'RP1131',
    who: 'container',
    what: 'nothing provides this contract',
    value: id,
    hint: provider === undefined ? undefined : `add ${provider}`,
  });
export const parameterWithoutToken = (className: string, index: number) =>
  new ReplugError({
    code: 'RP1132',
    who: `class ${className}`,
    what: 'constructor parameter without @inject(Token)',
    value: index,
    hint: 'every parameter needs one: metadata of types is not emitted by every compiler',
  });
export const notInjectable = (className: string) =>
  new ReplugError({
    code: 'RP1133',
    who: `class ${className}`,
    what: 'the class has parameters and is not @injectable()',
    hint: 'import injectable and inject from @replug/core',
  });
export const alreadyInContainer = (id: string) =>
  new ReplugError({ code: 'RP1134', who: 'container', what: 'contract is provided already', value: id });

// RP1140…: the kernel

export const kernelDisposed = (doing: string) =>
  new ReplugError({ code: 'RP1140', who: host, what: `${doing} after the kernel was disposed` });

// RP12xx: kernfs

/** A file operation that the kernel would refuse. `errno` is the kernel's name, `number` its positive value. */
export class KernfsError extends ReplugError {
  readonly errno: ErrnoName;
  readonly number: number;

  constructor(errno: ErrnoName, what: string, path?: string, options: { hint?: string; cause?: unknown } = {}) {
    const number = ERRNO[errno];
    const code = `RP${1200 + number}` as `RP${number}`;
    super({ code, who: 'kernfs', what: `${errno}, ${what}`, value: path, hint: options.hint }, options);
    this.errno = errno;
    this.number = number;
  }
}

export const noSuchPath = (path: string) => new KernfsError('ENOENT', 'no such file or directory', path);
export const isDirectory = (path: string) => new KernfsError('EISDIR', 'is a directory', path);
export const notDirectory = (path: string) => new KernfsError('ENOTDIR', 'not a directory', path);
export const notReadable = (path: string) => new KernfsError('EACCES', 'file cannot be read', path);
export const notWritable = (path: string) => new KernfsError('EACCES', 'file cannot be written', path);
export const notALink = (path: string) => new KernfsError('EINVAL', 'not a symbolic link', path);
export const tooManyLinks = (path: string) => new KernfsError('ELOOP', 'too many symbolic links', path);
export const writeRefused = (errno: ErrnoName, path: string, cause?: KernfsError) =>
  new KernfsError(errno, cause === undefined ? 'write refused' : cause.what.replace(`${errno}, `, ''), path, {
    hint: cause?.hint,
    cause,
  });

export const pathTaken = (path: string, owner: string, earlier: string) =>
  new ReplugError({
    code: 'RP1298',
    who: owner,
    what: earlier === owner ? 'publishes one path twice' : `path is published by ${earlier} already`,
    value: path,
  });
export const badPath = (path: string, owner: string) =>
  new ReplugError({ code: 'RP1299', who: owner, what: 'not an absolute path', value: path });

function textOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
