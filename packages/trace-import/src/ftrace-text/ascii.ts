/** Bytes that the readers of trace text look for. */
export const NEWLINE = 10;
export const RETURN = 13;
export const SPACE = 32;
export const HASH = 35;
export const OPEN = 40;
export const CLOSE = 41;
export const DASH = 45;
export const DOT = 46;
export const SLASH = 47;
export const ZERO = 48;
export const COLON = 58;
export const EQUALS = 61;
export const QUOTE = 62;
export const BRACKET = 91;
export const BRACKET_END = 93;
