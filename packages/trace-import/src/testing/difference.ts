/**
 * Where two values differ: typed arrays, maps and sets by content, objects by their properties, functions by what they
 * give. A suite that is exported cannot lean on a test runner's comparison.
 */

/** Path and values of the first difference; undefined when there is none. */
export function difference(a: unknown, b: unknown, path = 'value'): string | undefined {
  if (Object.is(a, b)) return undefined;
  if (typeof a === 'function' && typeof b === 'function') return difference(a(), b(), `${path}()`);
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) {
    return `${path}: ${String(a)} and ${String(b)}`;
  }
  if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return `${path}: of different types`;
  if (a instanceof Map || a instanceof Set) return difference([...a], [...(b as typeof a)], path);
  if (ArrayBuffer.isView(a)) {
    const [left, right] = [a, b] as unknown as ArrayLike<number>[];
    if (left.length !== right.length) return `${path}.length: ${left.length} and ${right.length}`;
    for (let i = 0; i < left.length; i++) {
      if (!Object.is(left[i], right[i])) return `${path}[${i}]: ${left[i]} and ${right[i]}`;
    }
    return undefined;
  }
  const [left, right] = [a, b] as Record<string, unknown>[];
  for (const key of new Set([...Object.keys(left), ...Object.keys(right)])) {
    const found = difference(left[key], right[key], `${path}.${key}`);
    if (found !== undefined) return found;
  }
  return undefined;
}
