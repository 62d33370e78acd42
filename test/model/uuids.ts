import crypto, { type UUID } from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';

const random = crypto.randomUUID;

let made: (() => UUID) | undefined;

function replace(randomUUID: typeof crypto.randomUUID): void {
  crypto.randomUUID = randomUUID;
  syncBuiltinESMExports();
}

/**
 * From now on, whoever imports `randomUUID` gets what `next` makes while `during` runs, so that the same process
 * makes the same ids when it is run again. Gives what ends it.
 */
export function numberUuids(): { during<T>(label: string, run: () => Promise<T>): Promise<T>; end(): void } {
  replace((options) => made?.() ?? random(options));
  return {
    async during(label, run) {
      let count = 0;
      made = () => `${label}-${++count}-0-0-0`;
      try {
        return await run();
      } finally {
        made = undefined;
      }
    },
    end: () => replace(random),
  };
}
