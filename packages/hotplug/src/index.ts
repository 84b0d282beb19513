export { hotplug } from './plugin.ts';
export type { HotplugOptions, MemmapMode, OnlinePolicy } from './options.ts';
export { memmapOnMemoryPages } from './memmap.ts';
