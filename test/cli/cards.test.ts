import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeContent } from '../../prover/cards/content.ts';
import { makeDataCards, shuffle } from '../../prover/cards/data.ts';
import { byteTokenizer, jsonTokenizer } from '../../prover/cards/tokens.ts';
import { cardDigest, decodeCard, decodeContent, encodeCard, openContent, type Card, type Content } from '../../verifier/cards.ts';
import { canonicalJson, digestOf, InputError } from '../../verifier/input.ts';

const refused = (pattern: RegExp) => (e: unknown) => e instanceof InputError && pattern.test(e.message);
const seed = `0x${'5a'.repeat(32)}` as const;
const text = new TextEncoder().encode('We the People of the United States, in Order to form a more perfect Union. '.repeat(8));
const made = makeDataCards(text, 'text', byteTokenizer, { name: 'text', batch: 2, sequence: 16, shuffleSeed: seed });

test('a data card holds every training window once, in the order of its seed, labels one token ahead', () => {
  const { content, card } = made.training;
  const inputs = content['data.inputs'] as Int32Array;
  const labels = content['data.labels'] as Int32Array;
  const windows = Math.floor((text.length - 1) / 16);
  assert.equal(card.tokens?.batches, Math.floor((windows - 2) / 2));
  const starts = new Set<number>();
  for (let w = 0; w < inputs.length / 16; w++) {
    const at = Array.from({ length: windows }, (_, i) => i)
      .filter((i) => !starts.has(i))
      .find((i) =>
        text.subarray(16 * i, 16 * i + 16).every((b, j) => b === inputs[16 * w + j] && text[16 * i + j + 1] === labels[16 * w + j]),
      );
    assert.notEqual(at, undefined);
    starts.add(at as number);
  }
  assert.notDeepEqual(
    [...starts],
    [...starts].toSorted((a, b) => a - b),
  );
  const held = made.heldOut.content['data.inputs'] as Int32Array;
  assert.deepEqual([...held], [...text.subarray(16 * (windows - 2), 16 * windows)]);
});

test('the shuffle depends on the seed alone', () => {
  const a = shuffle([...Array(100).keys()], seed);
  assert.deepEqual(a, shuffle([...Array(100).keys()], seed));
  assert.notDeepEqual(a, shuffle([...Array(100).keys()], `0x${'5b'.repeat(32)}`));
  assert.deepEqual(
    a.toSorted((x, y) => x - y),
    [...Array(100).keys()],
  );
});

test('cards: canonical bytes decode to the same card, any other spelling or shape is refused', () => {
  const bytes = encodeCard(made.training.card);
  assert.deepEqual(decodeCard(bytes, 'card'), made.training.card);
  assert.equal(cardDigest(made.training.card), digestOf(bytes));
  const change = (edit: (c: Record<string, never> & Card) => void): Uint8Array => {
    const copy = structuredClone(made.training.card) as Record<string, never> & Card;
    edit(copy);
    return canonicalJson(copy);
  };
  const cases: readonly [RegExp, Uint8Array][] = [
    [/canonical/, new TextEncoder().encode(JSON.stringify(made.training.card, null, 1))],
    [/content|commitment/, change((c) => delete c.content)],
    [/tokens/, change((c) => delete c.tokens)],
    [/two tensors/, change((c) => c.tensors.push(structuredClone(c.tensors[0]) as Card['tensors'][0]))],
    [/data\.inputs must be/, change((c) => Object.assign(c.tensors[0] as object, { bits: 9 }))],
    [
      /cells, more than/,
      change((c) =>
        (c.tensors as unknown[]).push({ name: 'x', axes: Array(4).fill({ name: 'a', size: 2 ** 30 }), bits: 8, signed: false, f: 0 }),
      ),
    ],
    [/tensors\[0\]\.axes\[0\]\.size/, change((c) => Object.assign(c.tensors[0]?.axes[0] as object, { size: 0 }))],
    [/not JSON/, bytes.subarray(0, bytes.length - 1)],
  ];
  for (const [pattern, bad] of cases) assert.throws(() => decodeCard(bad, 'card'), refused(pattern));
});

test('H3 a hidden card’s rows are canonical points of the curve', () => {
  const { content: _, ...rest } = made.training.card;
  const hidden = (rows: string): Uint8Array =>
    canonicalJson({ ...rest, commitment: { columns: 4, rows, rangeProof: { digest: seed, size: 10 } } });
  const point = `${'0'.repeat(63)}1${'0'.repeat(63)}2`;
  assert.equal(decodeCard(hidden(`0x${point}`), 'card').commitment?.rows.length, 130);
  assert.throws(() => decodeCard(hidden(`0x${'0'.repeat(128)}`), 'card'), refused(/not a point/));
  assert.throws(() => decodeCard(hidden(`0x${point}${point.slice(2)}`), 'card'), refused(/whole points/));
  const beyond = (1n + 21888242871839275222246405745257275088696311157297823662689037894645226208583n).toString(16).padStart(64, '0');
  assert.throws(() => decodeCard(hidden(`0x${beyond}${point.slice(64)}`), 'card'), refused(/not a point/));
});

const plain = (content: Content): [string, number[]][] => Object.entries(content).map(([name, v]) => [name, Array.from(v)]);

test('U1 content: truncated, longer, changed or out-of-range content is refused', () => {
  const { card, bytes } = made.training;
  assert.deepEqual(plain(openContent(card, bytes, 'c')), plain(made.training.content));
  assert.throws(() => openContent(card, bytes.subarray(1), 'c'), refused(/digest/));
  assert.throws(
    () =>
      openContent(
        card,
        Uint8Array.from(bytes, (b, i) => (i === 7 ? b ^ 1 : b)),
        'c',
      ),
    refused(/digest/),
  );
  const tensors = [{ name: 't', axes: [{ name: 'a', size: 3 }], bits: 12, signed: true, f: 0 }];
  const encoded = encodeContent(tensors, { t: Int32Array.of(-2048, 0, 2047) }, 'c');
  assert.equal(encoded.length, 6);
  assert.deepEqual(decodeContent(tensors, encoded, 'c'), { t: Int16Array.of(-2048, 0, 2047) });
  // A file's bytes come in a Buffer, whose slices share their memory.
  assert.deepEqual(decodeContent(tensors, Buffer.concat([Buffer.of(9), encoded]).subarray(1), 'c'), { t: Int16Array.of(-2048, 0, 2047) });
  assert.throws(() => encodeContent(tensors, { t: Int32Array.of(2048, 0, 0) }, 'c'), refused(/t\[0\]: 2048/));
  assert.throws(() => encodeContent(tensors, { t: Float64Array.of(0.5, 0, 0) }, 'c'), refused(/not an integer/));
  assert.throws(() => decodeContent(tensors, Uint8Array.of(0, 8, 0, 0, 0, 0), 'c'), refused(/outside -2048 … 2047/));
  assert.throws(() => decodeContent(tensors, encoded.subarray(0, 5), 'c'), refused(/5 bytes/));
  for (const bits of [8, 16, 24, 32, 40, 48]) {
    const wide = [{ name: 't', axes: [{ name: 'a', size: 2 }], bits, signed: true, f: 0 }];
    const values = Float64Array.of(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1);
    assert.deepEqual([...(decodeContent(wide, encodeContent(wide, { t: values }, 'c'), 'c')['t'] as Int32Array)], [...values]);
  }
});

test('R9 a token id at or above the vocabulary is refused', () => {
  const tokens = { ...(made.training.card.tokens as NonNullable<Card['tokens']>), vocabulary: 200 };
  const inputs = Int32Array.from(made.training.content['data.inputs'] as Int32Array);
  inputs[5] = 200;
  const content = { ...made.training.content, 'data.inputs': inputs };
  const bytes = encodeContent(made.training.card.tensors, content, 'c');
  const card: Card = { ...made.training.card, tokens, content: { digest: digestOf(bytes), size: bytes.length } };
  assert.throws(() => openContent(card, bytes, 'c'), refused(/data\.inputs\[5\].*vocabulary 200/));
});

test('a text that is too short, and a tokenizer that is none', () => {
  assert.throws(
    () => makeDataCards(text.subarray(0, 40), 'text', byteTokenizer, { name: 't', batch: 2, sequence: 16, shuffleSeed: seed }),
    refused(/^text: has 40 tokens/),
  );
  for (const bad of ['null', '{}', '[]', '{"model":{"type":"nope"}}'])
    assert.throws(() => jsonTokenizer(new TextEncoder().encode(bad), 'tokenizer.json', 10), refused(/^tokenizer\.json/));
});
