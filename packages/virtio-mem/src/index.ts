export { virtioMem } from './plugin.ts';
