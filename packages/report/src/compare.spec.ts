import { describe, expect, it } from 'vitest';
import { parsePattern, pathText } from './compare-paths.ts';
import { parseTolerance } from './compare-tolerance.ts';
import { compareReports, renderCompare, type Difference } from './compare.ts';

const report = {
  name: 'run',
  path: '/one',
  stateHash: 'c5c384b22e41bdd2',
  events: 1000,
  counts: { freedWhileFree: 72, heldByCompaction: 8015, failed: 0 },
  checkpoints: [
    { step: 'fragmented', kpageflags: { compared: 131072, agreeing: 131072 } },
    { step: 'compacted', kpageflags: { compared: 131072, agreeing: 131000 } },
  ],
};
const changed = (change: (copy: typeof report) => void): typeof report => {
  const copy = structuredClone(report);
  change(copy);
  return copy;
};
const paths = (list: readonly Difference[]): string[] => list.map(({ path }) => path);

describe('two reports', () => {
  it('that say the same have no findings, whatever their names', () => {
    const other = changed((copy) => {
      copy.name = 'other run';
      copy.path = '/two';
    });
    expect(compareReports(report, other)).toMatchObject({
      compared: 11,
      equal: 11,
      ignored: 2,
      findings: [],
      tolerated: [],
    });
  });

  it('differ by path, the largest relative difference first', () => {
    const other = changed((copy) => {
      copy.events = 1010;
      copy.counts.freedWhileFree = 36;
      copy.counts.failed = 2;
      copy.stateHash = '0000000000000000';
    });
    const { findings } = compareReports(report, other);
    expect(findings).toEqual([
      { path: 'counts.failed', kind: 'number', a: 0, b: 2, absolute: 2, relative: null, tolerance: null },
      {
        path: 'stateHash',
        kind: 'text',
        a: 'c5c384b22e41bdd2',
        b: '0000000000000000',
        absolute: null,
        relative: null,
        tolerance: null,
      },
      { path: 'counts.freedWhileFree', kind: 'number', a: 72, b: 36, absolute: -36, relative: -0.5, tolerance: null },
      { path: 'events', kind: 'number', a: 1000, b: 1010, absolute: 10, relative: 0.01, tolerance: null },
    ]);
  });

  it('match the elements of arrays by what identifies them', () => {
    const other = changed((copy) => {
      copy.checkpoints.shift();
      copy.checkpoints[0].kpageflags.agreeing = 131001;
    });
    expect(compareReports(report, other).findings).toMatchObject([
      { path: 'checkpoints.fragmented', kind: 'missing', a: null, b: null },
      { path: 'checkpoints.compacted.kpageflags.agreeing', kind: 'number', absolute: 1 },
    ]);
    expect(paths(compareReports({ list: [1, 2] }, { list: [1, 3, 4] }).findings)).toEqual(['list.2', 'list.1']);
    // Two elements of one name: by index.
    const twice = [
      { step: 'a', n: 1 },
      { step: 'a', n: 2 },
    ];
    expect(paths(compareReports(twice, [twice[0], { step: 'a', n: 3 }]).findings)).toEqual(['1.n']);
  });

  it('may differ in kind', () => {
    const { findings } = compareReports({ a: 1, b: null, c: [1], d: true }, { a: '1', b: 2, c: { x: 1 }, d: false });
    expect(findings.map(({ path, kind }) => [path, kind])).toEqual([
      ['a', 'type'],
      ['b', 'type'],
      ['c', 'type'],
      ['d', 'text'],
    ]);
  });

  it('are followed only so deep', () => {
    const nested = (levels: number): unknown => JSON.parse('['.repeat(levels) + ']'.repeat(levels));
    expect(compareReports(nested(100), nested(100)).findings).toEqual([]);
    expect(() => compareReports(nested(5000), nested(5000))).toThrow('RP6012');
  });

  it('with names of Object.prototype are plain', () => {
    const hostile = JSON.parse('{"__proto__": {"x": 1}, "constructor": 2}');
    expect(compareReports(hostile, JSON.parse('{"__proto__": {"x": 2}, "constructor": 2}')).findings).toMatchObject([
      { path: '__proto__.x', a: 1, b: 2 },
    ]);
  });
});

describe('tolerances', () => {
  const other = changed((copy) => {
    copy.counts.freedWhileFree = 75;
    copy.counts.heldByCompaction = 8025;
    copy.checkpoints[1].kpageflags.agreeing = 130900;
  });
  const findings = (...texts: string[]): string[] =>
    paths(compareReports(report, other, { tolerances: texts.map(parseTolerance) }).findings);

  it.each([
    [[], ['counts.freedWhileFree', 'counts.heldByCompaction', 'checkpoints.compacted.kpageflags.agreeing']],
    [['counts.*=5'], ['counts.heldByCompaction', 'checkpoints.compacted.kpageflags.agreeing']],
    [['counts.*=10', 'checkpoints.*.kpageflags.agreeing=0.1%'], []],
    [['**=1%'], ['counts.freedWhileFree']],
    // The last that fits counts.
    [['**=10%', 'counts.freed*=2'], ['counts.freedWhileFree']],
    [['counts.freed*=2', '**=10%'], []],
  ])('%j', (texts, left) => expect(findings(...texts)).toEqual(left));

  it('are told beside what they allow', () => {
    const { tolerated } = compareReports(report, other, { tolerances: [parseTolerance('counts.*=3')] });
    expect(tolerated).toMatchObject([{ path: 'counts.freedWhileFree', tolerance: 'counts.*=3', absolute: 3 }]);
  });

  it.each(['', 'counts', 'counts=', 'counts=-1', '=5', 'counts=5x', 'a..b=1', '[a=1', 'counts=1e3'])(
    'refuse %j',
    (text) => expect(() => parseTolerance(text)).toThrow(/RP601[01]/),
  );
});

describe('patterns', () => {
  it.each([
    ['counts.*', ['counts', 'failed'], true],
    ['counts.*', ['counts'], false],
    ['counts.*', ['counts', 'a', 'b'], false],
    ['**.agreeing', ['agreeing'], true],
    ['**.agreeing', ['a', 'b', 'agreeing'], true],
    ['a.**', ['a'], true],
    ['a.**.b', ['a', 'x', 'b', 'y', 'b'], true],
    ['[a.b c].x', ['a.b c', 'x'], true],
    ['f*d*e', ['freedWhileFree'], true],
    ['f*ee*ee', ['free'], false],
    ['**', [], true],
  ])('%s over %j: %s', (pattern, path, matches) => expect(parsePattern(pattern).matches(path)).toBe(matches));

  it('never take long', () => {
    const begin = performance.now();
    const pattern = parsePattern(Array(40).fill('**').join('.') + '.x');
    expect(pattern.matches(Array(400).fill('a'))).toBe(false);
    expect(parsePattern('*a'.repeat(50)).matches(['a'.repeat(49)])).toBe(false);
    expect(performance.now() - begin).toBeLessThan(500);
  });

  it('are written as paths are', () => {
    expect(pathText(['a', '6.1 x', 'b'])).toBe('a.[6.1 x].b');
    expect(pathText([])).toBe('(the whole)');
  });
});

it('prints a table', () => {
  const other = changed((copy) => {
    copy.events = 1010;
    copy.stateHash = 'f000000000000000';
    copy.counts.freedWhileFree = 71;
  });
  const options = { tolerances: [parseTolerance('counts.*=5')], names: ['a.json', 'b.json'] as const };
  expect(renderCompare(compareReports(report, other, options))).toBe(`A a.json
B b.json
11 values in both, 8 equal, 1 within tolerance, 2 findings; 2 left out

path       A                 B                 difference  relative  tolerance
---------  ----------------  ----------------  ----------  --------  ---------
stateHash  c5c384b22e41bdd2  f000000000000000  text
events     1000              1010              +10         +1.00 %

within tolerance
path                    A   B  difference  relative  tolerance
---------------------  --  --  ----------  --------  ----------
counts.freedWhileFree  72  71          -1   -1.39 %  counts.*=5
`);
});
