// The same recorded workload under two kernels, and on a machine with half of the memory.
import { replayRecording } from '@replug/analysis';
import { parseMachineShorthand } from '@replug/core';
import { openRecording } from '@replug/trace-import';

const recording = await openRecording('fixtures/captures/ppc64le-6.1-exact-anonhog');
const options = { frames: 'policy', annotate: true } as const;
const runs = {
  'as recorded': replayRecording(recording, options),
  'as 6.12': replayRecording(recording, { ...options, kernel: '6.12' }),
  '512M': replayRecording(recording, { ...options, machine: parseMachineShorthand('ppc64-64k-radix,512M,kernel=6.1') }),
};
for (const [name, { total, zones = [], counts }] of Object.entries(runs)) {
  const largest = zones.reduce((sum, { free }) => sum + free[free.length - 1], 0);
  console.log(`${name}: ${total} served, ${counts.failedInModel} not, ${largest} free blocks of the largest order`);
}
