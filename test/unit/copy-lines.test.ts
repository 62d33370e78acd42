import { expect, it } from 'vitest';
import { decodeCopyLine } from '../../src/source/databricks/copy-lines.ts';

it('reads the fields of a COPY line, NULL apart from its two letters as text', () => {
  expect(decodeCopyLine('null_key:0\t7\t\\N\ta\\\\N\\tb\\nc\\rd')).toEqual([
    'null_key:0',
    '7',
    null,
    'a\\N\tb\nc\rd',
  ]);
});
