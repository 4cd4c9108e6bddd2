/**
 * Base weights from files into the program's stacked tensors, as integers with one exponent a tensor:
 * f = bits − 1 − ceil(log2 max|w|), one less where rounding would reach 2^(bits−1).
 */
import { InputError } from '../../verifier/input.ts';
import type { Axis } from '../../verifier/program/types.ts';
import type { ModelShape, Precision } from '../../verifier/models/recipe.ts';
import { modelTensors, type ModelTensor } from '../../verifier/models/tensors.ts';
import type { TensorFile } from './safetensors.ts';

export interface ImportedTensor {
  readonly name: string;
  readonly axes: readonly Axis[];
  readonly bits: number;
  readonly f: number;
  readonly signed: true;
  /** round(w·2^f), dense and row-major. */
  readonly values: Int32Array;
  /** w·2^f before rounding, for float walks. */
  readonly exact: Float64Array;
}

/** The exponent at which a tensor of the given largest magnitude fits `bits` signed bits. */
export function weightExponent(max: number, bits: number): number {
  if (max === 0) return 0;
  const f = bits - 1 - Math.ceil(Math.log2(max));
  return Math.round(max * 2 ** f) > 2 ** (bits - 1) - 1 ? f - 1 : f;
}

/** GPT-2's own files leave out the prefix that its language-model class adds. */
const nameIn = (file: TensorFile, name: string): string => {
  const bare = name.replace(/^transformer\./, '');
  return !file.names.includes(name) && file.names.includes(bare) ? bare : name;
};

function readStacked(file: TensorFile, t: ModelTensor, source: string): Float64Array {
  const expected = t.fileShape;
  const out = new Float64Array(t.axes.reduce((n, a) => n * a.size, 1));
  let at = 0;
  for (const name of t.sources) {
    const { shape, values } = file.read(nameIn(file, name));
    if (shape.length !== expected.length || shape.some((s, i) => s !== expected[i]))
      throw new InputError(
        source,
        name,
        `has shape [${shape.join(', ')}], config.json gives [${expected.join(', ')}]`,
        'check that they belong together',
      );
    out.set(values, at);
    at += values.length;
  }
  return out;
}

/** All tensors of the model in card order. Errors: missing tensors, shapes that differ from the config's. */
export function importModel(shape: ModelShape, file: TensorFile, precision: Precision, source: string): readonly ImportedTensor[] {
  return modelTensors(shape, precision).map((t) => {
    const weights = readStacked(file, t, source);
    const f = weightExponent(
      weights.reduce((m, w) => Math.max(m, Math.abs(w)), 0),
      t.bits,
    );
    const exact = weights.map((w) => w * 2 ** f);
    return { name: t.name, axes: t.axes, bits: t.bits, f, signed: true, values: Int32Array.from(exact, (x) => Math.round(x)), exact };
  });
}
