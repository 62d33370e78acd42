import type { SyncConfig } from '../config/sync-config.ts';
import { keyOf, type Mapping } from '../plan/mapping.ts';
import { displayTable } from '../schema/table-name.ts';
import { keepLoadedColumns } from '../sync/resolve-mapping.ts';
import type { TableCheck, TargetSurvey } from '../target/survey.ts';
import type { TargetFacts } from '../target/target.ts';
import { attemptWithin } from './attempt-within.ts';
import { about, advise, type Finding } from './finding.ts';
import { fixOf, wordsOf } from './fixes.ts';

const LIMIT_MS = 30_000;

/** One target table, once the server answers. Without a mapping nothing can be said of its columns. */
export async function examineTarget(
  target: TargetSurvey,
  config: SyncConfig,
  mapping: Mapping | undefined,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const name = displayTable(config.target);
  const table = about('neon', name, config.name);
  if (!mapping) return [table.unchecked('table', 'whether it fits: the columns of the source are not known')];
  const owner = `Neon (owner of ${name}, or of the database)`;
  const key = keyOf(mapping).map(({ target: column }) => column);
  const look = await attemptWithin(signal, LIMIT_MS, (limited) =>
    target.lookAt(config.name, config.target, key, limited),
  );
  const { row, table: facts } = look.value ?? {};
  const loaded = facts && row?.through !== undefined ? row.plan?.mapping : undefined;
  const { mapping: kept, leftOut } = keepLoadedColumns(mapping, loaded, config);
  const plan = { sync: config.name, target: config.target, mapping: kept };
  const check = await attemptWithin(signal, LIMIT_MS, (limited) => target.checkTable(plan, limited));
  if (check.error) return [table.problem('table', wordsOf(check.error), fixOf(check.error, config.name))];
  const findings = checkFindings(check.value);
  if (check.value.outcome !== 'fits') return findings;
  if (look.error)
    return [...findings, table.problem('rows', wordsOf(look.error), fixOf(look.error, config.name))];
  const loadable =
    look.value.row.through === undefined
      ? await attemptWithin(signal, LIMIT_MS, (limited) =>
          target.isFreeToLoad(config.name, config.target, limited),
        )
      : undefined;
  if (loadable?.error)
    return [...findings, table.problem('rows', wordsOf(loadable.error), fixOf(loadable.error, config.name))];
  return [
    ...findings,
    ...(loadable?.value === false ? [filled()] : []),
    ...(facts ? tieFindings(facts) : []),
    ...driftFindings(),
  ];

  function driftFindings(): Finding[] {
    if (leftOut.length === 0) return [];
    return [
      table.note(
        'drift',
        `new at the source and left out: ${leftOut.join(', ')}`,
        advise(`To take them in, drop ${name}, then run "lakeferry run ${config.name}": it is loaded anew.`),
      ),
    ];
  }

  function checkFindings(found: TableCheck): Finding[] {
    switch (found.outcome) {
      case 'missing':
        return [table.ok('table', 'will be created by the first sync')];
      case 'forbidden':
        return [table.problem('grants', 'the role lacks rights', { by: owner, paste: [found.grant] })];
      case 'unfit':
        return [
          table.problem(
            'table',
            found.problems.join('; '),
            advise(
              `Change ${name} accordingly, or choose another syncs.${config.name}.target, or drop the table so that Lakeferry creates it.`,
              owner,
            ),
          ),
        ];
      case 'fits': {
        const { untouched } = found;
        const others = untouched.length === 0 ? '' : `, ${untouched.length} of yours untouched`;
        return [table.ok('table', `its columns fit${others}`)];
      }
      default:
        return found satisfies never;
    }
  }

  function filled(): Finding {
    return table.problem(
      'rows',
      'it holds rows that Lakeferry did not write',
      advise(
        `Empty ${name}, rename it away, or choose another syncs.${config.name}.target: a first load goes into an empty table.`,
        owner,
      ),
    );
  }

  /** What rows of the table are tied by: they are written in one transaction. */
  function tieFindings({ uniqueBesidesKey, refersToItself }: TargetFacts): Finding[] {
    return [
      ...(uniqueBesidesKey
        ? [
            table.note(
              'unique',
              'something besides the key is unique: each window is one transaction, however large',
              advise(
                `Nothing, unless windows take too long: then drop what makes ${name} unique besides its key.`,
                owner,
              ),
            ),
          ]
        : []),
      ...(refersToItself
        ? [
            table.note(
              'foreign key',
              'it refers to itself: loads and windows are one transaction each, however large',
              advise(
                `Nothing, unless they take too long: then drop the foreign key of ${name} to itself.`,
                owner,
              ),
            ),
          ]
        : []),
    ];
  }
}
