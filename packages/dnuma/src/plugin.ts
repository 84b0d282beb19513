/** Skeleton: replaced by the subsystem's own plugin. */
import { defineSubsystem } from '@replug/core';

export const dnuma = () => defineSubsystem({ id: 'dnuma', create: () => ({}) });
