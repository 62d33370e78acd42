import type { CheckpointStore } from '../checkpoint/checkpoint.ts';
import type { ChunkQueue } from '../queue/queue.ts';
import type { Source } from '../source/source.ts';
import type { Target } from '../target/target.ts';
import type { Clock } from '../telemetry/clock.ts';
import type { Log } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';

/** What the use cases work with; src/compose.ts chooses the implementations. */
export interface Services {
  readonly source: Source;
  readonly target: Target;
  readonly checkpoints: CheckpointStore;
  readonly queue: ChunkQueue;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
}
