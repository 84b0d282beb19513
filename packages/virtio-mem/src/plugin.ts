/** Skeleton: replaced by the subsystem's own plugin. */
import { defineSubsystem } from '@replug/core';

export const virtioMem = () => defineSubsystem({ id: 'virtio-mem', create: () => ({}) });
