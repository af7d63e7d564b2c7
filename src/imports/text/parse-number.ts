import { quoted } from '../../engine/key.ts';

const comma = 44;
const dot = 46;
const minus = 45;
const plus = 43;

/** The powers of ten that a double represents exactly. */
const powers = Float64Array.from({ length: 16 }, (_, i) => 10 ** i);
const exactDigits = 15;

/** Parses a number exactly as Number() does. Returns NaN when the bytes are not a number that can be stored. */
export function numberOf(bytes: Uint8Array, from: number, to: number, decimalComma: boolean): number {
  const point = decimalComma ? comma : dot;
  let at = from;
  const sign = bytes[at];
  if (sign === minus || sign === plus) at++;
  const first = at;
  let whole = 0;
  let behindPoint = -1;
  for (; at < to; at++) {
    const code = bytes[at];
    const digit = code - 48;
    if (digit >= 0 && digit <= 9) whole = whole * 10 + digit;
    else if (code === point && behindPoint < 0) behindPoint = at + 1;
    else return slowNumber(bytes, from, to, decimalComma);
  }
  const digits = behindPoint < 0 ? to - first : to - first - 1;
  if (digits < 1 || digits > exactDigits || to > from + 20) return slowNumber(bytes, from, to, decimalComma);
  const magnitude = behindPoint < 0 ? whole : whole / powers[to - behindPoint];
  return sign === minus ? -magnitude : magnitude;
}

const plain = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const withComma = /^[+-]?(?:\d+,?\d*|,\d+)(?:[eE][+-]?\d+)?$/;

function slowNumber(bytes: Uint8Array, from: number, to: number, decimalComma: boolean): number {
  if (to - from > 400) return Number.NaN;
  return numberOfText(textOf(bytes, from, to), decimalComma);
}

export function numberOfText(text: string, decimalComma: boolean): number {
  const trimmed = trim(text);
  if (!(decimalComma ? withComma : plain).test(trimmed)) return Number.NaN;
  const value = Number(decimalComma ? trimmed.replace(',', '.') : trimmed);
  return Number.isFinite(value) ? value : Number.NaN;
}

/** The reason why a text is not a number. */
export function numberProblem(text: string, decimalComma: boolean): string {
  const trimmed = trim(text);
  if (trimmed === '') return 'is empty, which is not a number';
  const quote = quoted(trimmed);
  if (
    /^[+-]?\d{1,3}(,\d{3})+(\.\d*)?$/.test(trimmed) ||
    /^[+-]?\d{1,3}([. '\u00a0\u202f]\d{3})+(,\d*)?$/.test(trimmed)
  ) {
    return `${quote} is not a number: write it without thousands separators${
      decimalComma === trimmed.includes(',') ? '' : ` (decimalComma is ${decimalComma})`
    }`;
  }
  if ((decimalComma ? withComma : plain).test(trimmed)) return `${quote} is too large a number`;
  if (!decimalComma && withComma.test(trimmed)) {
    return `${quote} is not a number: say decimalComma: true if the comma begins its fraction`;
  }
  if (decimalComma && plain.test(trimmed)) {
    return `${quote} is not a number: say decimalComma: false if the dot begins its fraction`;
  }
  return `${quote} is not a number`;
}

/** Removes the spaces and tabs around a cell. */
export function trim(text: string): string {
  return text.replace(/^[ \t]+|[ \t]+$/g, '');
}

export function textOf(bytes: Uint8Array, from: number, to: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + from, Math.max(0, to - from)).toString('utf8');
}
