import { randomUUID } from 'node:crypto';
import { parseCommitVersion } from '../../src/change/commit-version.ts';
import type { Plan } from '../../src/plan/plan.ts';

/** A plan as a sync of `customer_profiles` would make it; `over` replaces fields of it. */
export function aPlan(over: Partial<Plan> = {}): Plan {
  return {
    id: randomUUID(),
    sync: 'customer_profiles',
    base: randomUUID(),
    source: { catalog: 'main', schema: 'gold', table: 'customer_profiles' },
    sourceTableId: 'f1c1b3f0-7a3c-4c6e-9a58-1c1f3b0f6d11',
    target: { schema: 'public', table: 'customer_profiles' },
    work: { kind: 'window', after: parseCommitVersion(4), through: parseCommitVersion(7) },
    throughCommittedAt: Date.UTC(2026, 10, 21, 14, 31, 25),
    slices: 3,
    divisible: true,
    writers: 100,
    pages: 8,
    mapping: {
      keyColumns: 1,
      columns: [
        { source: 'customer_id', target: 'customer_id', sourceType: 'bigint', targetType: 'bigint' },
        {
          source: 'name',
          target: 'full_name',
          sourceType: 'string',
          targetType: 'text',
          comment: 'as printed on the card',
        },
      ],
      deletes: { mode: 'hard' },
      metadata: { commitVersion: '_commit_version' },
      nulCharacters: 'reject',
      rejectedRows: 'halt',
      maxRejectedRows: 1_000,
      maxDeletePercent: 50,
    },
    ...over,
  };
}
