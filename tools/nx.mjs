/** `nx` as this repository runs it: no daemon, no cloud, the cache inside the checkout. */
import { runNx } from './lib/workspace.mjs';

process.exitCode = await runNx(process.argv.slice(2));
