/** Bounds of an encoded program: encoder and decoder refuse more. */
export const LIMITS = {
  bytes: 2 ** 30,
  polys: 16,
  tensors: 4096,
  axes: 8,
  tables: 64,
  relations: 8192,
  /** Views in a linear combination, products in an expression, factors, chunks. */
  terms: 4096,
  variables: 32,
  /** Size of an axis or variable, a constant index, a shift. */
  size: 2 ** 30,
  /** Declared widths, shifts of a rescale. */
  bits: 512,
  /** Bits of a part of an index. */
  partBits: 32,
  steps: 2 ** 30,
  columns: 20,
  tableId: 2 ** 20,
  tableStart: 2 ** 40,
  /** Public exponents f. */
  exponent: 4096,
  nameBytes: 128,
  textBytes: 900,
} as const;

/** Names: 1 to 128 printable ASCII characters, no space at either end. */
export const NAME = /^[!-~](?:[ -~]{0,126}[!-~])?$/;

/** Texts for people: no control characters, line separators or lone surrogates. */
export const TEXT = /^[^\u0000-\u001f\u007f-\u009f\u2028\u2029\ud800-\udfff]{0,300}$/u;
