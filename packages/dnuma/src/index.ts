export { dnuma } from './plugin.ts';
