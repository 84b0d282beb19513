export { zoneDevice } from './plugin.ts';
