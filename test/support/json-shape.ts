import { expect } from 'vitest';

type Shape = '?' | 'value' | readonly Shape[] | { readonly [name: string]: Shape };

/** The names of a document's fields. What is null, or in no element of a list, may be anything. */
function shapeOf(value: unknown): Shape {
  if (value === null) return '?';
  if (Array.isArray(value)) return [value.map(shapeOf).reduce(merged, '?')];
  if (typeof value !== 'object') return 'value';
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, shapeOf(each)]));
}

function merged(a: Shape, b: Shape): Shape {
  if (a === '?') return b;
  if (typeof a === 'string' || typeof b === 'string' || Array.isArray(a) || Array.isArray(b)) return a;
  const names = [...new Set([...Object.keys(a), ...Object.keys(b)])];
  return Object.fromEntries(
    names.map((name) => [name, merged((a as never)[name] ?? '?', (b as never)[name] ?? '?')]),
  );
}

/** Expects the same names of fields in both, at every depth; what one leaves open is taken from the other. */
export function expectSameShape(printed: unknown, example: unknown): void {
  const [a, b] = [shapeOf(printed), shapeOf(example)];
  expect(filled(a, b)).toEqual(filled(b, a));
}

function filled(shape: Shape, other: Shape): Shape {
  if (shape === '?') return other;
  if (typeof shape === 'string' || typeof other === 'string') return shape;
  if (Array.isArray(shape)) return [filled(shape[0], Array.isArray(other) ? other[0] : '?')];
  return Object.fromEntries(
    Object.entries(shape).map(([name, each]) => [name, filled(each, (other as never)[name] ?? '?')]),
  );
}
