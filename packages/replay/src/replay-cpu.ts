/**
 * The CPU that does what a trace says of a CPU: itself, or on a machine with fewer of them the one that the numbers wrap
 * around to, so that all have something to do.
 */
export const replayCpu = (cpu: number, cpus: number): number => (cpu < cpus ? cpu : cpu % cpus);
