import { looksSecret } from '../../config/secret-text.ts';
import type { CliIo } from '../io.ts';
import { printable, shellWord } from '../text.ts';
import { UsageError } from '../usage-error.ts';

/** One thing that a flag says, or else a person. */
export interface Question<T> {
  /** As it is typed, with a word for its value: `--target <table>`. */
  readonly flag: string;
  /** What is asked for. */
  readonly what: string;
  /** How to answer, for whoever is asked. */
  readonly hint?: string;
  /** What the command line says. */
  readonly given: string | undefined;
  /** What an empty answer means. */
  readonly fallback?: string;
  /** A fallback that is a guess is taken only where a person, or `--yes`, agrees to it. */
  readonly guessed?: boolean;
  /** The value of an answer, or what is wrong with it: a sentence without its final stop. */
  parse(answer: string): { readonly value: T } | { readonly problem: string };
}

/** A question that may have no answer. */
export type OptionalQuestion<T> = Omit<Question<T>, 'fallback' | 'guessed'>;

/** A word of the command line: the command itself, a flag with or without a value, or a value alone. */
export interface Word {
  readonly name: string;
  readonly value?: string;
}

/** Takes answers from flags and fallbacks, and at a terminal from a person, who is asked again after a wrong one. */
export class Interview {
  readonly #io: CliIo;
  readonly #command: readonly Word[];
  readonly #yes: boolean;
  readonly #ask: CliIo['ask'];

  /** `command` is the command line, for remedies. With `yes` nobody is asked. */
  constructor(io: CliIo, command: readonly Word[], { yes }: { readonly yes: boolean }) {
    this.#io = io;
    this.#command = command;
    this.#yes = yes;
    this.#ask = yes ? undefined : io.ask;
  }

  /** Throws `usage` for a flag that is wrong, and for an answer that is needed where nobody can be asked. */
  async answer<T>(question: Question<T>): Promise<T> {
    const { given, fallback, guessed = false } = question;
    if (given !== undefined) return this.#flag(question, given);
    if (this.#ask !== undefined) return this.#person(question, this.#ask);
    if (fallback !== undefined && (this.#yes || !guessed)) return this.#flag(question, fallback);
    throw this.#unanswered([question]);
  }

  /**
   * Throws `usage` where one of the questions has no answer and nobody can be asked. It names all of those, and of the
   * `later` ones, too, which alone are no reason.
   */
  require(questions: readonly Question<unknown>[], later: readonly Question<unknown>[]): void {
    if (this.#ask !== undefined) return;
    const lacks = ({ given, fallback }: Question<unknown>) => given === undefined && fallback === undefined;
    if (questions.some(lacks)) throw this.#unanswered([...questions, ...later].filter(lacks));
  }

  /** As `answer`; undefined where no flag and no person gives one. */
  async optional<T>(question: OptionalQuestion<T>): Promise<T | undefined> {
    const { given } = question;
    if (given !== undefined) return this.#flag(question, given);
    if (this.#ask === undefined) return undefined;
    const parse = (answer: string): { value: T | undefined } | { problem: string } =>
      answer === '' ? { value: undefined } : question.parse(answer);
    return this.#person<T | undefined>({ ...question, fallback: '', parse }, this.#ask);
  }

  /** What the flag says; nobody is asked. */
  flagged<T>(question: OptionalQuestion<T>): T | undefined {
    return question.given === undefined ? undefined : this.#flag(question, question.given);
  }

  /** Whether a person, or `--yes`, agrees; nobody does not. */
  async agreed(what: string): Promise<boolean> {
    if (this.#ask === undefined) return this.#yes;
    return this.#person(
      { flag: '--yes', what, given: undefined, fallback: 'yes', parse: parseYesNo },
      this.#ask,
    );
  }

  #flag<T>(question: Pick<Question<T>, 'flag' | 'what' | 'parse'>, given: string): T {
    const parsed = parseAnswer(question, given.trim());
    if ('value' in parsed) return parsed.value;
    throw new UsageError(
      `${question.what}: ${sentence(parsed.problem)}`,
      this.#remedy([{ flag: question.flag }]),
    );
  }

  #unanswered(questions: readonly Question<unknown>[]): UsageError {
    const things = questions.map(({ what }) => what);
    const message =
      things.length === 1
        ? `${things[0]} is needed, and nobody can be asked for it.`
        : `${things.length} things are needed, and nobody can be asked for them: ${things.join('; ')}.`;
    return new UsageError(message, this.#remedy(questions));
  }

  /** The command line with these flags, and with a word for the value of each where none is known. */
  #remedy(questions: readonly Pick<Question<unknown>, 'flag' | 'fallback'>[]): string {
    const names = questions.map(({ flag }) => flag.split(' ')[0]);
    const others = this.#command.filter(({ name }) => !names.includes(name)).map(wordText);
    const flags = questions.map(({ flag, fallback }) =>
      fallback === undefined ? flag : flag.replace(/<.*>/, () => shellWord(fallback)),
    );
    return [...others, ...flags].join(' ');
  }

  async #person<T>(question: Question<T>, ask: NonNullable<CliIo['ask']>): Promise<T> {
    const { what, hint, fallback } = question;
    const prompt = `${what}${hint ? ` (${hint})` : ''}${fallback ? ` [${printable(fallback)}]` : ''}: `;
    for (;;) {
      const typed = (await ask(prompt, this.#io.signal)).trim();
      const answer = typed === '' ? fallback : typed;
      const parsed =
        answer === undefined
          ? { problem: 'it is needed; Ctrl-C ends without writing' }
          : parseAnswer(question, answer);
      if ('value' in parsed) return parsed.value;
      this.#io.stderr.write(`  ${printable(sentence(parsed.problem))}\n`);
    }
  }
}

function parseYesNo(answer: string): { readonly value: boolean } | { readonly problem: string } {
  if (/^(y|yes)$/i.test(answer)) return { value: true };
  if (/^(n|no)$/i.test(answer)) return { value: false };
  return { problem: 'write yes or no' };
}

/** What looks like a secret is repeated nowhere. */
function parseAnswer<T>(
  { parse }: Pick<Question<T>, 'parse'>,
  answer: string,
): ReturnType<Question<T>['parse']> {
  if (!looksSecret(answer)) return parse(answer);
  return {
    problem: 'this looks like a secret, which belongs into AWS Secrets Manager and never into the file',
  };
}

function sentence(problem: string): string {
  return problem.endsWith('?') ? problem : `${problem}.`;
}

export function wordText({ name, value }: Word): string {
  return value === undefined ? name : `${name} ${shellWord(value)}`;
}
