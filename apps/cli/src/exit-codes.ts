/** What a shell sees. */
export const EXIT = {
  OK: 0,
  /** The command ran; what it found is beyond the tolerance. */
  FINDINGS: 1,
  /** The command line makes no sense. */
  USAGE: 2,
  /** A file cannot be read, or is not what it should be. */
  UNREADABLE: 3,
} as const;
