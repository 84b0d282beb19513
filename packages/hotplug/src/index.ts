export { hotplug } from './plugin.ts';
