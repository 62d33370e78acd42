import { type App, Stack, type StackProps } from 'aws-cdk-lib';
import type { LakeferryConfig } from '../src/config/lakeferry-config.ts';
import { CheckpointTable } from './checkpoint-table.ts';
import { ChunkQueue } from './chunk-queue.ts';
import { Planner } from './planner.ts';
import { Schedules } from './schedules.ts';
import { Writer } from './writer.ts';

export interface LakeferryStackProps extends StackProps {
  readonly config: LakeferryConfig;
  /** Path of the file that `config` was read from. */
  readonly configPath: string;
}

/** Schedules → planner → chunk queue → writer, with the checkpoint table beside them. */
export class LakeferryStack extends Stack {
  constructor(scope: App, id: string, { config, configPath, ...props }: LakeferryStackProps) {
    super(scope, id, props);
    const checkpoints = new CheckpointTable(this, 'CheckpointTable');
    const queue = new ChunkQueue(this, 'ChunkQueue');
    const services = { config, configPath, checkpoints: checkpoints.table, queue: queue.queue };
    const planner = new Planner(this, 'Planner', services);
    new Writer(this, 'Writer', services);
    new Schedules(this, 'Schedules', { config, planner: planner.handler });
  }
}
