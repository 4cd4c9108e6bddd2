/** Text to token ids: UTF-8 bytes (vocabulary 256), or the tokenizer.json of a model folder. */
import { Tokenizer } from '@huggingface/tokenizers';
import { digestOf, InputError, parseJson, type Hex } from '../../verifier/input.ts';

/** A tokenizer, named in data cards by the digest of its file. */
export interface TextTokenizer {
  readonly id: 'bytes' | Hex;
  /** Ids are below it. */
  readonly vocabulary: number;
  encode(text: Uint8Array, source: string): ArrayLike<number>;
}

/** One token a byte; any file is text. */
export const byteTokenizer: TextTokenizer = { id: 'bytes', vocabulary: 256, encode: (text) => text };

const TOKENIZER_LIMITS = { size: 64 << 20, depth: 32 };

/** The tokenizer of a model folder (tokenizer.json as the hubs ship it). `vocabulary` is that of the model's config: larger ids are refused. */
export function jsonTokenizer(bytes: Uint8Array, source: string, vocabulary: number): TextTokenizer {
  const json = parseJson(bytes, source, TOKENIZER_LIMITS);
  if (typeof json !== 'object' || json === null) throw new InputError(source, '', 'is no tokenizer', 'use the model’s own tokenizer.json');
  let tokenizer: Tokenizer;
  try {
    tokenizer = new Tokenizer(json, {});
  } catch (e) {
    throw new InputError(
      source,
      '',
      `is no tokenizer that can be read: ${e instanceof Error ? e.message : String(e)}`,
      'use the model’s own tokenizer.json',
    );
  }
  return {
    id: digestOf(bytes),
    vocabulary,
    encode(text, textSource) {
      let decoded: string;
      try {
        decoded = new TextDecoder('utf-8', { fatal: true }).decode(text);
      } catch {
        throw new InputError(textSource, '', 'is not UTF-8 text', 'convert it to UTF-8');
      }
      const ids: readonly number[] = tokenizer.encode(decoded, { add_special_tokens: false }).ids;
      const wrong = ids.findIndex((id) => !(id >= 0 && id < vocabulary));
      if (wrong >= 0)
        throw new InputError(
          source,
          '',
          `gives token id ${ids[wrong]}, the model's vocabulary is ${vocabulary}`,
          'use the model’s own tokenizer.json',
        );
      return ids;
    },
  };
}
