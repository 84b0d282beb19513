import { describe, expect, it } from 'vitest';
import { parseScenario } from './parse.ts';
import { splitWords } from './words.ts';

describe('parseScenario', () => {
  it('reads times, comments and lines without a time', () => {
    const text = '# half\n\n@10s echo 1 > /x\r\n@+50ms cat /y\n@fragmented ls /\nhelp\n';
    expect(parseScenario(text).commands).toEqual([
      { line: 3, when: { kind: 'at', time: { kind: 'seconds', seconds: 10 } }, text: 'echo 1 > /x' },
      { line: 4, when: { kind: 'after', ns: 50_000_000 }, text: 'cat /y' },
      { line: 5, when: { kind: 'at', time: { kind: 'step', ref: 'fragmented' } }, text: 'ls /' },
      { line: 6, when: { kind: 'next' }, text: 'help' },
    ]);
  });

  it.each([
    ['@10s', /RP5009 s:1: a time without a command/],
    ['help\n@+5 cat /x', /RP5009 s:2: no time: "@\+5"/],
    ['machine', /RP5009 s:1: no machine/],
    ['help\nmachine x86-64,2G', /RP5009 s:2: the machine is not said once, before all commands: "machine x86-64,2G"/],
    ['machine x86-64\nmachine s390x', /RP5009 s:2: the machine is not said once/],
    ['@/x cat', /RP5009 s:1: no time/],
  ])('refuses %j with its line', (text, error) => {
    expect(() => parseScenario(text, 's')).toThrow(error);
  });

  it('reads the machine that a scenario is written for', () => {
    const { machine, commands } = parseScenario('# two nodes\nmachine  x86-64,2G,nodes=2 \nhelp\n');
    expect(machine).toBe('x86-64,2G,nodes=2');
    expect(commands.map(({ line }) => line)).toEqual([3]);
    expect(parseScenario('help').machine).toBeUndefined();
  });

  it('bounds the number of commands', () => {
    expect(() => parseScenario('help\n'.repeat(100_001), 's')).toThrow(/RP5009 s:100001: more than 100000 commands/);
  });
});

describe('splitWords', () => {
  it.each([
    ['echo online > /a', ['echo', 'online'], '/a'],
    ['echo online>/a', ['echo', 'online'], '/a'],
    ['echo -n "two words" >> /a/b', ['echo', '-n', 'two words'], '/a/b'],
    ["echo 'a > b'", ['echo', 'a > b'], undefined],
    ['echo pre"mid dle"post', ['echo', 'premid dlepost'], undefined],
    ['  ', [], undefined],
    ['echo "open', ['echo', '"open'], undefined],
  ])('%j', (line, words, redirect) => {
    expect(splitWords(line)).toEqual({ words, redirect });
  });
});
