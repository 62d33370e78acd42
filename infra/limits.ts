import { Duration } from 'aws-cdk-lib';

/** A chunk's time; the writer's own statements end before it. */
export const WRITER_TIMEOUT = Duration.minutes(10);
/** Shorter than a planner's lease on its claim (5 minutes), so that a lease never outlives a living planner. */
export const PLANNER_TIMEOUT = Duration.minutes(4);
/** Receives of a chunk before it goes to the dead-letter queue; the writer counts to the same number. */
export const MAX_RECEIVES = 5;
/** How old a chunk may grow in the queue before an alarm: it is tried for as long as its writer and the backoffs take. */
export const MAX_CHUNK_AGE = Duration.minutes(30);
