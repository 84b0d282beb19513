export { buddy, type BuddyOptions } from './plugin.ts';
export * from './sizing/index.ts';
