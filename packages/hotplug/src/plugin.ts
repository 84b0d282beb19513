/** Skeleton: replaced by the subsystem's own plugin. */
import { defineSubsystem } from '@replug/core';

export const hotplug = () => defineSubsystem({ id: 'hotplug', create: () => ({}) });
