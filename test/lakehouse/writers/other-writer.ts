import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { installSpark } from '../../../src/local/warehouse/spark/install.ts';

const SCRIPT = path.join(import.meta.dirname, 'tables.py');
const INSTALLATION = path.resolve(import.meta.dirname, '../../../.lakeferry/spark');
const KEPT_ERROR_CHARACTERS = 4_000;

/** A Spark of its own, in a process of its own, that writes tables below `directory`; the warehouse does not know it. */
export interface OtherWriter {
  /** Runs one of the script's steps to its end. */
  run(step: string): Promise<void>;
  close(): Promise<void>;
}

export async function startOtherWriter(directory: string): Promise<OtherWriter> {
  const { python, jars } = await installSpark(INSTALLATION);
  const child = spawn(python, [SCRIPT, directory, jars], {
    cwd: directory,
    env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1', SPARK_LOCAL_IP: '127.0.0.1' },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const exited = once(child, 'exit');
  let complaints = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaints = (complaints + text).slice(-KEPT_ERROR_CHARACTERS);
  });
  child.stdin.on('error', () => {});
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async run(step) {
      child.stdin.write(`${step}\n`);
      for (let line = await lines.next(); line.value !== 'done'; line = await lines.next()) {
        if (line.done) throw new Error(`the writer ended at the step ${step}: ${complaints}`);
      }
    },
    async close() {
      child.stdin.end();
      await exited;
    },
  };
}
