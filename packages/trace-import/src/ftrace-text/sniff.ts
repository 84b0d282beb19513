/** Recognises ftrace text: its header, or an event line among the first lines. */
const decoder = new TextDecoder();

/** `…-pid [cpu] flags sec.usec: name:` or the same with a space before the pid (perf script). */
const EVENT_LINE = /[- ]\d+\s*(?:\([^)]*\)\s*)?\[\d{3,}\]\s+\S{0,16}\s*\d+(?:\.\d{6,9})?: +(?:\w+:)?\w+: /;
const LINES_LOOKED_AT = 12;

export function looksLikeFtraceText(prefix: Uint8Array): boolean {
  if (prefix.includes(0)) return false;
  const text = decoder.decode(prefix);
  if (text.startsWith('# tracer: ') || /^CPU:\d+ \[LOST/.test(text)) return true;
  return text.split('\n', LINES_LOOKED_AT).some((line) => EVENT_LINE.test(line));
}
