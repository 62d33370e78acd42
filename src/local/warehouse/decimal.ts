/**
 * `text` times 10 to the power of `scale`, as Arrow stores a decimal. Throws where a digit would be lost or the
 * precision is exceeded; the message does not hold the value.
 */
export function unscaledDecimal(text: string, precision: number, scale: number): bigint {
  const parts = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text);
  if (parts === null) throw new RangeError('A decimal value is not in plain notation.');
  const [, sign = '', whole = '', fraction = ''] = parts;
  if (fraction.length > scale)
    throw new RangeError(`A decimal value has more than ${scale} digits of scale.`);
  const unscaled = BigInt(whole + fraction.padEnd(scale, '0'));
  if (unscaled >= 10n ** BigInt(precision)) {
    throw new RangeError(`A decimal value has more than ${precision} digits.`);
  }
  return sign === '-' ? -unscaled : unscaled;
}
