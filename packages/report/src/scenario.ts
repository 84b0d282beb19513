/** What a scenario did, as data and as text. */
export interface ScenarioCommandReport {
  readonly line: number;
  readonly text: string;
  /** Virtual ns. */
  readonly begin: number;
  readonly end: number;
  /** 0, or a positive errno. */
  readonly errno: number;
  readonly error: string | null;
  readonly output: string;
}

export interface ScenarioReport {
  readonly scenario: string;
  readonly machine: string;
  readonly commands: readonly ScenarioCommandReport[];
  /** Commands that were refused. */
  readonly failed: number;
  readonly zones: readonly {
    readonly node: number;
    readonly zone: string;
    readonly spanned: number;
    readonly present: number;
    readonly managed: number;
  }[];
  /** The kernel log, as dmesg prints it. */
  readonly log: readonly string[];
  /** Virtual ns from the machine's start to the end of the scenario. */
  readonly virtualTime: number;
  readonly stateHash: string;
}

/** Of a scenario during a replay; times are ns on the trace clock. */
export interface ScenarioCourseReport {
  readonly commands: readonly ScenarioCommandReport[];
  readonly failed: number;
  /** Commands whose instant lies behind the replayed span. */
  readonly notReached: number;
}

export function renderCourse({ commands, failed, notReached }: ScenarioCourseReport): string {
  const late = notReached === 0 ? '' : `, ${notReached} after the end, not run`;
  return `${commands.map(renderCommand).join('')}${commands.length} commands, ${failed} refused${late}\n`;
}

/** One command as a shell shows it: the instant, what was typed, what came back. */
export function renderCommand({ begin, end, text, errno, error, output }: ScenarioCommandReport): string {
  const took = end > begin ? `  (${duration(end - begin)})` : '';
  const refused = errno === 0 ? '' : `  ${error} ${errno}`;
  const body = output === '' || output.endsWith('\n') ? output : `${output}\n`;
  return `[${(begin / 1e9).toFixed(6).padStart(13)}] $ ${text}${refused}${took}\n${body}`;
}

export function renderScenario(report: ScenarioReport): string {
  const { commands, failed, zones, virtualTime } = report;
  const lines = commands.map(renderCommand);
  const zoneLines = zones.map(
    ({ node, zone, spanned, present, managed }) =>
      `${`node ${node}`.padEnd(8)}${zone.padEnd(10)}${[spanned, present, managed].map((n) => String(n).padStart(12)).join('')}\n`,
  );
  return [
    ...lines,
    `\n${commands.length} commands, ${failed} refused, ${duration(virtualTime)} of virtual time\n`,
    `${'zone'.padEnd(18)}${['spanned', 'present', 'managed'].map((name) => name.padStart(12)).join('')}\n`,
    ...zoneLines,
  ].join('');
}

function duration(ns: number): string {
  if (ns >= 1e9) return `${(ns / 1e9).toFixed(3)} s`;
  if (ns >= 1e6) return `${(ns / 1e6).toFixed(3)} ms`;
  return `${(ns / 1e3).toFixed(1)} µs`;
}
