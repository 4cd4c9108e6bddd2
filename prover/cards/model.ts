/** The model card: base weights as integers, one exponent a tensor, in the order in which programs list them. */
import type { Card } from '../../verifier/cards.ts';
import { digestOf } from '../../verifier/input.ts';
import type { ImportedTensor } from '../model/import.ts';
import { encodeContent } from './content.ts';
import type { PublicCard } from './data.ts';

/** A public model card with its content file. */
export function makeModelCard(name: string, imported: readonly ImportedTensor[]): PublicCard {
  const tensors = imported.map((t) => ({
    name: t.name,
    axes: t.axes.map((a) => ({ name: a.name, size: a.size })),
    bits: t.bits,
    signed: true,
    f: t.f,
  }));
  const content = Object.fromEntries(imported.map((t) => [t.name, t.values]));
  const bytes = encodeContent(tensors, content, name);
  const card: Card = { version: 1, kind: 'model', name, tensors, content: { digest: digestOf(bytes), size: bytes.length } };
  return { card, content, bytes };
}
