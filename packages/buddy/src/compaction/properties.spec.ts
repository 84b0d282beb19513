import { it } from 'vitest';
import { checkCompaction } from './properties.spec-kit.ts';

it.each(['6.1', '6.12'] as const)('%s: compaction loses no page', (profile) => checkCompaction(profile, 8));
