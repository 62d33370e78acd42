/**
 * Gives equal values equal numbers. Values are plain data: objects and arrays that never change once they were seen,
 * and what is in them. Each object is looked into once, so that a value which shares most of itself with an earlier
 * one costs little.
 */
export class Interner {
  readonly #numbers = new Map<string, number>();
  readonly #seen = new WeakMap<object, number>();
  readonly #orders = new Map<string, readonly string[]>();

  numberOf(value: object): number {
    const seen = this.#seen.get(value);
    if (seen !== undefined) return seen;
    const number = this.numberOfText(Array.isArray(value) ? this.#listText(value) : this.#recordText(value));
    this.#seen.set(value, number);
    return number;
  }

  /** Of a value of which the text is known to say everything. */
  numberOfText(text: string): number {
    const number = this.#numbers.get(text);
    if (number !== undefined) return number;
    this.#numbers.set(text, this.#numbers.size);
    return this.#numbers.size - 1;
  }

  textOf(value: unknown): string {
    if (typeof value === 'object' && value !== null) return `#${this.numberOf(value)}`;
    return typeof value === 'string' ? `"${value}"` : `${typeof value} ${value}`;
  }

  #listText(items: readonly unknown[]): string {
    let text = '[';
    for (const item of items) text += `${this.textOf(item)},`;
    return text;
  }

  #recordText(record: object): string {
    let text = '{';
    for (const name of this.#namesOf(record)) {
      const item: unknown = Reflect.get(record, name);
      if (item !== undefined) text += `${name}:${this.textOf(item)},`;
    }
    return text;
  }

  /** In one order, whatever order they were written in. */
  #namesOf(record: object): readonly string[] {
    const names = Object.keys(record);
    const written = names.join();
    let sorted = this.#orders.get(written);
    if (sorted === undefined) {
      sorted = names.sort();
      this.#orders.set(written, sorted);
    }
    return sorted;
  }
}
