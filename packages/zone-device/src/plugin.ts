/** Skeleton: replaced by the subsystem's own plugin. */
import { defineSubsystem } from '@replug/core';

export const zoneDevice = () => defineSubsystem({ id: 'zone-device', create: () => ({}) });
