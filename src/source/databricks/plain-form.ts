import type { DeltaType } from '../../types/delta-type.ts';
import { TIMESTAMP_NTZ_PATTERN, TIMESTAMP_PATTERN } from '../../types/encode.ts';
import { quoteName, quoteText } from './sql.ts';

/**
 * The expression by which a column is read, ahead of all else that is done with it. Text compares byte by byte from
 * here on, as the rows of the target do, whatever its collation. Keys of maps become text: `to_json` shows a date
 * among them as a number of days, and bytes as an address in memory.
 */
export function plainForm(column: string, type: DeltaType): string {
  return rewrite(column, type, 0) ?? column;
}

/** Undefined where the value is plain as it is. `depth` tells the parameters of lambdas apart. */
function rewrite(value: string, type: DeltaType, depth: number): string | undefined {
  switch (type.kind) {
    case 'string':
      return type.collated ? `collate(${value}, 'UTF8_BINARY')` : undefined;
    case 'array': {
      const each = `e${depth}`;
      const element = rewrite(each, type.element, depth + 1);
      return element && `transform(${value}, ${each} -> ${element})`;
    }
    case 'map': {
      const [key, held] = [`k${depth}`, `v${depth}`];
      const keyText = textOfKey(key, type.key);
      const inner = rewrite(held, type.value, depth + 1);
      const keyed = keyText && `transform_keys(${value}, (${key}, ${held}) -> ${keyText})`;
      return inner ? `transform_values(${keyed ?? value}, (${key}, ${held}) -> ${inner})` : keyed;
    }
    case 'struct': {
      const rewritten = type.fields.map(({ name, type: of }) => {
        const field = `${value}.${quoteName(name)}`;
        return { name, field, plain: rewrite(field, of, depth) };
      });
      if (rewritten.every(({ plain }) => plain === undefined)) return undefined;
      const fields = rewritten.map(({ name, field, plain }) => `${quoteText(name)}, ${plain ?? field}`);
      return `if(${value} is null, null, named_struct(${fields.join(', ')}))`;
    }
    default:
      return undefined;
  }
}

/** Times as the values of JSON have them; undefined for keys that `to_json` shows as the text they are. */
function textOfKey(key: string, { kind }: DeltaType): string | undefined {
  switch (kind) {
    case 'date':
    case 'decimal':
      return `cast(${key} as string)`;
    case 'timestamp':
      return `date_format(${key}, '${TIMESTAMP_PATTERN}')`;
    case 'timestamp_ntz':
      return `date_format(${key}, '${TIMESTAMP_NTZ_PATTERN}')`;
    case 'binary':
      return `base64(${key})`;
    default:
      return undefined;
  }
}
