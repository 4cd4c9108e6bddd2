/** The writer's side of verifier/cards.ts: content files, and rows as cards write them. */
import { bounds, cellCount, contentSize, valueSize, type CardTensor, type Content } from '../../verifier/cards.ts';
import type { Affine } from '../../verifier/curve.ts';
import { InputError } from '../../verifier/input.ts';

/** Rows as a card writes them. */
export const rowsHex = (rows: readonly Affine[]): string =>
  `0x${rows.map((p) => p.x.toString(16).padStart(64, '0') + p.y.toString(16).padStart(64, '0')).join('')}`;

/** The content file of these tensors. Errors: a tensor missing, of another length, or out of its width. */
export function encodeContent(tensors: readonly CardTensor[], content: Content, source: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(contentSize(tensors));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const t of tensors) {
    const values = content[t.name];
    if (values === undefined || values.length !== cellCount(t))
      throw new InputError(source, t.name, `has ${values?.length ?? 0} values, needs ${cellCount(t)}`, 'check its shape');
    const [lo, hi] = bounds(t);
    const size = valueSize(t);
    for (let i = 0; i < values.length; i++) {
      const v = values[i] as number;
      if (!(v >= lo && v <= hi) || !Number.isInteger(v))
        throw new InputError(
          source,
          `${t.name}[${i}]`,
          `${v} is not an integer in ${lo} … ${hi}`,
          'give the tensor more bits or a smaller scale f',
        );
      if (size === 1) view.setUint8(at, v);
      else if (size === 2) view.setUint16(at, v, true);
      else if (size === 4) view.setUint32(at, v, true);
      else view.setBigInt64(at, BigInt(v), true);
      at += size;
    }
  }
  return bytes;
}
