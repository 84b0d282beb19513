/**
 * HOT. Which of the model's frames stands for a recorded page, in a replay in which the allocator decides.
 *
 * Frames may move while the replay goes on (compaction, memory that goes offline). Then it must be known whose a frame is:
 * the column back is made with the first move, and kept from then on.
 */
export class FrameNames {
  /** Row + 1 that stands for a recorded row; 0: nothing does. */
  readonly frameOf: Int32Array;
  private readonly frames: number;
  /** Recorded row + 1 that a row stands for; undefined as long as nothing moved. */
  private recordedOf: Int32Array | undefined;

  /** Rows of the recorded machine, and of the one that serves. */
  constructor(rows: number, frames: number) {
    this.frameOf = new Int32Array(rows);
    this.frames = frames;
  }

  /** Frames [frame, frame + size) stand for recorded rows from `row` on. */
  name(row: number, frame: number, size: number): void {
    const { frameOf, recordedOf } = this;
    for (let k = 0; k < size; k++) frameOf[row + k] = frame + k + 1;
    if (recordedOf !== undefined) for (let k = 0; k < size; k++) recordedOf[frame + k] = row + k + 1;
  }

  /** Nothing stands for recorded rows from `row` on any more. */
  forget(row: number, size: number): void {
    const { frameOf, recordedOf } = this;
    if (recordedOf !== undefined) {
      for (let at = row; at < row + size; at++) if (frameOf[at] !== 0) recordedOf[frameOf[at] - 1] = 0;
    }
    if (size === 1) frameOf[row] = 0;
    else frameOf.fill(0, row, row + size);
  }

  /** The contents of a block are elsewhere now. */
  moved(source: number, target: number, order: number): void {
    const recordedOf = (this.recordedOf ??= this.inverse());
    for (let k = 0; k < 1 << order; k++) {
      const name = recordedOf[source + k];
      recordedOf[source + k] = 0;
      recordedOf[target + k] = name;
      if (name !== 0) this.frameOf[name - 1] = target + k + 1;
    }
  }

  private inverse(): Int32Array {
    const recordedOf = new Int32Array(this.frames);
    this.frameOf.forEach((frame, row) => {
      if (frame !== 0) recordedOf[frame - 1] = row + 1;
    });
    return recordedOf;
  }
}
