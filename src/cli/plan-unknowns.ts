import type { PlanPreview, Subject, Unknown } from '../sync/plan-preview.ts';
import type { PlanLine } from './plan-line.ts';
import type { Style } from './style.ts';
import { printable, wrap } from './text.ts';

const NAMES: Readonly<Record<Subject, string>> = {
  checkpoint: 'state',
  source: 'source',
  target: 'target',
  changes: 'changes',
  deletes: 'deletes',
  table: 'schema',
  rights: 'rights',
  rejected: 'rejected',
};

/** A reason for which several things are not known, of one sync or of more. */
interface CommonCause extends Pick<Unknown, 'message' | 'remedy'> {
  /** Names of the things, each once. */
  readonly subjects: readonly string[];
}

/** What the same words are said of, and the same words mend. It stands once, below everything. */
export class CommonCauses {
  readonly #causes: ReadonlyMap<string, CommonCause>;

  constructor(previews: readonly PlanPreview[]) {
    const all = Map.groupBy(
      previews.flatMap(({ unknown }) => unknown),
      causeOf,
    );
    const common = [...all].flatMap(([cause, unknowns]) => {
      const [first, ...others] = unknowns;
      if (first === undefined || others.length === 0) return [];
      const subjects = [...new Set(unknowns.map(({ of }) => NAMES[of]))];
      return [[cause, { ...first, subjects }] as const];
    });
    this.#causes = new Map(common);
  }

  /** What of a sync is not known: beside the reason, unless that stands below. */
  linesOf({ unknown }: PlanPreview, { symbols }: Style): PlanLine[] {
    const common = unknown.filter((each) => this.#causes.has(causeOf(each)));
    const own = unknown.filter((each) => !common.includes(each));
    const names = common.map(({ of }) => NAMES[of]).join(', ');
    return [
      ...own.map(({ of, message, remedy }) => ({
        name: NAMES[of],
        text: `${symbols.bad} not known: ${message}`,
        paste: [remedy],
      })),
      ...(names === '' ? [] : [{ name: 'not known', text: `${symbols.bad} ${names}` }]),
    ];
  }

  /** The last line of each is what to do. */
  lines({ width, style }: { readonly width: number; readonly style: Style }): string[] {
    return [...this.#causes.values()].flatMap(({ subjects, message, remedy }) => [
      '',
      `  ${style.bold(subjects.join(', '))}`,
      ...wrap(printable(message), width - 4).map((line) => `    ${line}`),
      `    ${style.command(printable(remedy))}`,
    ]);
  }
}

function causeOf({ message, remedy }: Unknown): string {
  return JSON.stringify([message, remedy]);
}
