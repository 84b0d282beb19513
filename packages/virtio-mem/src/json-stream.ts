/**
 * Cuts a stream of characters into JSON values: objects need no line ends between them, and one may come in pieces. Bounded
 * as QEMU bounds it; what exceeds a bound is told once and skipped to the next line.
 *
 * Models: qobject/json-streamer.c json_message_process_token(), QEMU 10 (with smaller bounds).
 */
const TEXT_LIMIT = 1 << 20;
const DEPTH_LIMIT = 1024;

export type JsonPiece = { readonly text: string } | { readonly error: string };

export class JsonStream {
  private text = '';
  private depth = 0;
  private inString = false;
  private escaped = false;
  private skipping = false;

  /** Whole values (or what is wrong) that end in `chunk`. */
  feed(chunk: string): JsonPiece[] {
    const pieces: JsonPiece[] = [];
    for (const char of chunk) {
      if (this.skipping) {
        this.skipping = char !== '\n';
        continue;
      }
      if (this.text === '' && /\s/.test(char)) continue;
      this.text += char;
      if (this.text.length > TEXT_LIMIT) this.fail(pieces, 'JSON token size limit exceeded', char);
      else this.step(pieces, char);
    }
    return pieces;
  }

  private step(pieces: JsonPiece[], char: string): void {
    if (this.inString) {
      if (this.escaped) this.escaped = false;
      else if (char === '\\') this.escaped = true;
      else if (char === '"') this.inString = false;
      return;
    }
    if (char === '"') this.inString = true;
    else if (char === '{' || char === '[') {
      if (++this.depth > DEPTH_LIMIT) this.fail(pieces, 'JSON nesting depth limit exceeded', char);
    } else if (char === '}' || char === ']') {
      this.depth--;
      if (this.depth <= 0) this.emit(pieces);
    } else if (this.depth === 0 && char === '\n') this.emit(pieces);
  }

  private emit(pieces: JsonPiece[]): void {
    pieces.push({ text: this.text });
    this.reset();
  }

  private fail(pieces: JsonPiece[], error: string, char: string): void {
    pieces.push({ error });
    this.reset();
    this.skipping = char !== '\n';
  }

  private reset(): void {
    this.text = '';
    this.depth = 0;
    this.inString = false;
    this.escaped = false;
  }
}
