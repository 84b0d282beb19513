/** What a replay in which the allocator decides has counted. */
export interface PolicyCounts {
  /** Events in the span, and those that asked for something. */
  events: number;
  applied: number;
  /** Events of what the real allocator did on its own. */
  informative: number;
  /** Requests that the real kernel could not serve: they are not asked here. */
  failed: number;
  /** Requests that the model could not serve. */
  failedInModel: number;
  /** Frees of frames that stand for nothing: nobody was known to hold them. */
  unknownFrees: number;
  /** Requests answered with a frame that was in somebody's hands: the free in between is missing. */
  reallocations: number;
  /** Frees of a part of a larger block. */
  partialFrees: number;
  /** Frees of one recorded block that stands for several of the model's. */
  scatteredFrees: number;
  /** Pages given to the allocator for the first time. */
  released: number;
  /** Pages of bulk allocations, which have no event and were found by a prediction. */
  bulkPages: number;
  /** Pages that migration moved in the recording and that stay where they are here. */
  moved: number;
  outside: number;
  impossible: number;
}

export interface PolicyAgreement {
  /** Requests that both served, and those of them answered with the recorded frame. */
  total: number;
  exact: number;
  /** The first request that was not: event index, and how many were before it. */
  firstDivergence: Divergence | null;
}

export interface Divergence {
  /** Row of the event, and ns on the trace clock. */
  readonly event: number;
  readonly time: number;
  /** Requests before it that were served alike. */
  readonly requests: number;
  /** Frames. */
  readonly model: number;
  readonly recorded: number;
}

export const noCounts = (): PolicyCounts => ({
  events: 0,
  applied: 0,
  informative: 0,
  failed: 0,
  failedInModel: 0,
  unknownFrees: 0,
  reallocations: 0,
  partialFrees: 0,
  scatteredFrees: 0,
  released: 0,
  bulkPages: 0,
  moved: 0,
  outside: 0,
  impossible: 0,
});
