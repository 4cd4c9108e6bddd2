/**
 * The data card: text becomes windows of `sequence` tokens with the next token as label, shuffled once by a public seed and stored in
 * training order, so that step s reads batch s mod `batches` and no index arithmetic is proven. The last windows of the text are held out.
 */
import { keccak_256 } from '@noble/hashes/sha3.js';
import type { Card, Content } from '../../verifier/cards.ts';
import { digestOf, fromHex, InputError, type Hex } from '../../verifier/input.ts';
import { bitsOf } from '../../verifier/program/types.ts';
import { encodeContent } from './content.ts';
import type { TextTokenizer } from './tokens.ts';

export interface DataOptions {
  readonly name: string;
  /** Windows in a batch, tokens in a window. */
  readonly batch: number;
  readonly sequence: number;
  /** Batches, one for each training step; batches of a shorter text come again in the same order. All that the text gives when missing. */
  readonly batches?: number;
  /** 32 bytes. */
  readonly shuffleSeed: Hex;
}

/** A public data card with its content file. */
export interface PublicCard {
  readonly card: Card;
  readonly content: Content;
  readonly bytes: Uint8Array;
}

/** Uniform integers from a seed: keccak(seed ‖ counter), first 6 bytes, rejection. */
function stream(seed: Uint8Array): (bound: number) => number {
  const input = new Uint8Array(36);
  input.set(seed);
  const view = new DataView(input.buffer);
  let counter = 0;
  return (bound) => {
    const limit = 2 ** 48 - (2 ** 48 % bound);
    for (;;) {
      view.setUint32(32, counter++);
      const h = new DataView(keccak_256(input).buffer);
      const x = h.getUint32(0) * 2 ** 16 + h.getUint16(4);
      if (x < limit) return x % bound;
    }
  };
}

/** Fisher–Yates with the seed's stream. */
export function shuffle<T>(items: T[], seed: Hex): T[] {
  const next = stream(fromHex(seed));
  for (let i = items.length - 1; i > 0; i--) {
    const j = next(i + 1);
    [items[i], items[j]] = [items[j] as T, items[i] as T];
  }
  return items;
}

function pack(
  windows: readonly number[],
  ids: ArrayLike<number>,
  tokenizer: TextTokenizer,
  batches: number,
  options: DataOptions,
): PublicCard {
  const { batch, sequence } = options;
  const inputs = new Int32Array(batches * batch * sequence);
  const labels = new Int32Array(inputs.length);
  const distinct = Math.floor(windows.length / batch) * batch;
  for (let w = 0; w < batches * batch; w++)
    for (let i = 0; i < sequence; i++) {
      const at = (windows[w % distinct] as number) * sequence + i;
      inputs[w * sequence + i] = ids[at] as number;
      labels[w * sequence + i] = ids[at + 1] as number;
    }
  const content = { 'data.inputs': inputs, 'data.labels': labels };
  const tensors = Object.keys(content).map((name) => ({
    name,
    axes: [
      { name: 'batch', size: batches },
      { name: 'token', size: batch * sequence },
    ],
    bits: bitsOf(tokenizer.vocabulary),
    signed: false,
    f: 0,
  }));
  const bytes = encodeContent(tensors, content, options.name);
  const card: Card = {
    version: 1,
    kind: 'data',
    name: options.name,
    tensors,
    content: { digest: digestOf(bytes), size: bytes.length },
    tokens: { vocabulary: tokenizer.vocabulary, tokenizer: tokenizer.id, batches, batch, sequence, shuffleSeed: options.shuffleSeed },
  };
  return { card, content, bytes };
}

/** Training card and held-out card (one batch: the last windows of the text, never trained on). Errors: text too short. */
export function makeDataCards(
  text: Uint8Array,
  source: string,
  tokenizer: TextTokenizer,
  options: DataOptions,
): { readonly training: PublicCard; readonly heldOut: PublicCard } {
  const { batch, sequence } = options;
  const ids = tokenizer.encode(text, source);
  const windows = Math.floor((ids.length - 1) / sequence);
  const available = Math.floor((windows - batch) / batch);
  const batches = options.batches ?? available;
  if (available < 1)
    throw new InputError(
      source,
      '',
      `has ${ids.length} tokens, not enough for a batch of ${batch} × ${sequence} and a held-out one`,
      'give a longer text, or a smaller --batch or --sequence',
    );
  const training = shuffle(
    Array.from({ length: windows - batch }, (_, i) => i),
    options.shuffleSeed,
  );
  const held = Array.from({ length: batch }, (_, i) => windows - batch + i);
  return {
    training: pack(training, ids, tokenizer, batches, options),
    heldOut: pack(held, ids, tokenizer, 1, { ...options, name: `${options.name} (held out)` }),
  };
}
