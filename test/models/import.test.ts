/** Model folders of strangers: safetensors and config.json are read strictly, weights quantised within half a unit. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readConfig, writeLlamaConfig } from '../../prover/model/config.ts';
import { importModel, weightExponent } from '../../prover/model/import.ts';
import { encodeSafetensors, openSafetensors } from '../../prover/model/safetensors.ts';
import { COMPACT, type Gpt2Shape, type LlamaShape, type ModelShape } from '../../verifier/models/recipe.ts';
import { modelTensors } from '../../verifier/models/tensors.ts';
import { generator, tinyRecipe } from '../fixtures/llama.ts';

const shape = tinyRecipe.model;

const text = new TextEncoder();

/** A file with the given header and data. */
function file(header: unknown, data: Uint8Array): Uint8Array {
  const json = text.encode(typeof header === 'string' ? header : JSON.stringify(header));
  const out = new Uint8Array(8 + json.length + data.length);
  new DataView(out.buffer).setBigUint64(0, BigInt(json.length), true);
  out.set(json, 8);
  out.set(data, 8 + json.length);
  return out;
}

const floats = (...values: number[]): Uint8Array => new Uint8Array(Float32Array.from(values).buffer);
const entry = (shape_: number[], from: number, to: number, dtype = 'F32') => ({ dtype, shape: shape_, data_offsets: [from, to] });

describe('safetensors', () => {
  it('reads F32, BF16 and F16', () => {
    const half = new Uint8Array(Uint16Array.of(0x3c00, 0xc000, 0x0001, 0x3555).buffer);
    const opened = openSafetensors(
      file({ h: entry([2, 2], 8, 16, 'F16'), w: entry([2], 0, 8) }, Uint8Array.from([...floats(1.5, -2), ...half])),
      'x',
    );
    assert.deepEqual([...opened.read('w').values], [1.5, -2]);
    assert.deepEqual([...opened.read('h').values], [1, -2, 2 ** -24, Math.fround(1365 * 2 ** -12)]);
    const b = openSafetensors(encodeSafetensors([{ name: 'b', shape: [3], values: [1.00390625, -3, 0.1] }], 'BF16'), 'x').read('b');
    assert.deepEqual([...b.values], [1, -3, Math.fround(0.10009765625)]);
  });
  it('gives back what it wrote', () => {
    const values = Float32Array.from({ length: 6 }, (_, i) => Math.fround(Math.sin(i)));
    const opened = openSafetensors(
      encodeSafetensors(
        [
          { name: 'a', shape: [2, 3], values },
          { name: 'b', shape: [1], values: [7] },
        ],
        'F32',
      ),
      'x',
    );
    assert.deepEqual(opened.names, ['a', 'b']);
    assert.deepEqual(opened.read('a'), { name: 'a', shape: [2, 3], values });
  });
  const bad: readonly [string, Uint8Array, RegExp][] = [
    ['a file shorter than its length field', new Uint8Array(7), /only 7 bytes/],
    ['a header longer than the file', file({}, new Uint8Array(0)).slice(0, 9), /header/],
    ['a header that is said to be huge', Uint8Array.from([0, 0, 0, 0, 0, 0, 0, 0x7f, 1]), /header/],
    ['a header that is no object', file('[]', new Uint8Array(0)), /not a JSON object/],
    ['overlapping tensors', file({ a: entry([2], 0, 8), b: entry([1], 4, 8) }, floats(1, 2)), /b: overlaps/],
    ['a gap', file({ a: entry([1], 0, 4), b: entry([1], 8, 12) }, floats(1, 2, 3)), /b: leaves a gap/],
    ['bytes after the last tensor', file({ a: entry([1], 0, 4) }, floats(1, 2)), /data: has 8 bytes, the tensors 4/],
    ['data that is cut off', file({ a: entry([2], 0, 8) }, floats(1)), /data: has 4 bytes, the tensors 8/],
    ['a shape that is not that of the bytes', file({ a: entry([3], 0, 8) }, floats(1, 2)), /a: has 8 bytes, its shape \[3\] needs 12/],
    ['a shape that overflows', file({ a: entry([2 ** 39, 2 ** 39], 0, 4) }, floats(1)), /a: has 4 bytes/],
    ['a negative offset', file({ a: entry([1], -4, 0) }, floats(1)), /a: data_offsets/],
    ['an unknown type', file({ a: entry([1], 0, 4, 'F31') }, floats(1)), /a: dtype/],
    ['an unknown field', file({ a: { ...entry([1], 0, 4), extra: 1 } }, floats(1)), /a:.*extra/],
  ];
  for (const [title, bytes, message] of bad)
    it(`refuses ${title}`, () => assert.throws(() => openSafetensors(bytes, 'model.safetensors'), message));
  it('refuses values that are not finite, integers, and missing tensors, by name', () => {
    for (const x of [NaN, Infinity, -Infinity])
      assert.throws(
        () => openSafetensors(file({ a: entry([2], 0, 8) }, floats(1, x)), 'm').read('a'),
        /m: a: value 1: is not a finite number/,
      );
    assert.throws(() => openSafetensors(file({ a: entry([1], 0, 4, 'I32') }, floats(1)), 'm').read('a'), /I32 is not supported/);
    assert.throws(() => openSafetensors(file({ a: entry([1], 0, 4) }, floats(1)), 'm').read('b'), /b: is missing/);
  });
});

describe('config.json', () => {
  const config = JSON.parse(writeLlamaConfig(shape, 4)) as Record<string, unknown>;
  const read = (change: Record<string, unknown>): ModelShape =>
    readConfig(text.encode(JSON.stringify({ ...config, ...change })), 'config.json');
  it('is read as written', () => assert.deepEqual(read({}), shape));
  it('has the hub’s defaults', () => {
    assert.equal((read({ num_key_value_heads: undefined }) as LlamaShape).kvHeads, 3);
    assert.equal(read({ head_dim: undefined }).headWidth, 4);
  });
  for (const [field, change, message] of [
    ['another model type', { model_type: 'mamba' }, /model_type/],
    ['biases', { attention_bias: true }, /attention_bias: biases are not supported/],
    ['scaled rotary positions', { rope_scaling: { type: 'linear', factor: 2 } }, /rope_scaling/],
    ['another activation', { hidden_act: 'gelu' }, /hidden_act/],
    ['a width that the heads do not divide', { head_dim: undefined, num_attention_heads: 5 }, /num_attention_heads: does not divide/],
    ['a negative size', { hidden_size: -1 }, /hidden_size/],
  ] as const)
    it(`refuses ${field}`, () => assert.throws(() => read(change), message));
});

const gpt2: Gpt2Shape = {
  family: 'gpt2',
  vocab: 11,
  width: 12,
  layers: 2,
  heads: 3,
  headWidth: 4,
  ffn: 48,
  positions: 7,
  normEps: 1e-5,
};

describe('config.json of GPT-2', () => {
  // As the hub's gpt2 has it, with other sizes; fields that don't bear on the computation are ignored.
  const config = {
    activation_function: 'gelu_new',
    architectures: ['GPT2LMHeadModel'],
    attn_pdrop: 0.1,
    layer_norm_epsilon: 1e-5,
    model_type: 'gpt2',
    n_ctx: 7,
    n_embd: 12,
    n_head: 3,
    n_layer: 2,
    n_positions: 7,
    task_specific_params: { 'text-generation': { do_sample: true } },
    vocab_size: 11,
  };
  const read = (change: Record<string, unknown>): ModelShape =>
    readConfig(text.encode(JSON.stringify({ ...config, ...change })), 'config.json');
  it('gives the shape', () => {
    assert.deepEqual(read({}), gpt2);
    assert.deepEqual(read({ n_inner: null, layer_norm_epsilon: undefined }), gpt2);
    assert.equal(read({ n_inner: 20 }).ffn, 20);
  });
  for (const [field, change, message] of [
    ['another activation', { activation_function: 'relu' }, /activation_function: only "gelu_new"/],
    ['a width that the heads do not divide', { n_head: 5 }, /n_head: does not divide/],
    ['a head of its own', { tie_word_embeddings: false }, /tie_word_embeddings: only heads tied/],
    ['unscaled scores', { scale_attn_weights: false }, /scale_attn_weights/],
    ['scores scaled by layer', { scale_attn_by_inverse_layer_idx: true }, /scale_attn_by_inverse_layer_idx/],
    ['no positions', { n_positions: undefined }, /n_positions/],
  ] as const)
    it(`refuses ${field}`, () => assert.throws(() => read(change), message));
});

describe('import', () => {
  const random = generator(9);
  const sources = (s: ModelShape) =>
    modelTensors(s, COMPACT).flatMap((t) =>
      t.sources.map((name) => {
        const dims = [...t.fileShape];
        return {
          name,
          shape: dims,
          values: Float32Array.from({ length: dims.reduce((n, d) => n * d, 1) }, () => Math.fround(random() - 0.5)),
        };
      }),
    );
  it('stacks layers and rounds to the nearest unit, within the declared width', () => {
    const tensors = sources(shape);
    const model = importModel(shape, openSafetensors(encodeSafetensors(tensors, 'F32'), 'm'), COMPACT, 'm');
    assert.deepEqual(
      model.map((t) => t.name),
      modelTensors(shape, COMPACT).map((t) => t.name),
    );
    for (const t of model) {
      const limit = 2 ** (t.bits - 1);
      t.values.forEach((v, i) => {
        assert.ok(v >= -limit && v < limit);
        assert.ok(Math.abs(v - (t.exact[i] as number)) <= 0.5);
      });
      assert.ok(Math.max(...t.values.map(Math.abs)) >= limit / 2 - 1, `${t.name} uses its width`);
    }
    const q = model.find((t) => t.name === 'model.layers.self_attn.q_proj.weight');
    const second = tensors.find((t) => t.name === 'model.layers.1.self_attn.q_proj.weight');
    assert.equal(q?.exact[144], (second?.values[0] as number) * 2 ** (q?.f as number));
  });
  it('takes GPT-2 with and without the prefix of its language-model class, the fused matrix in thirds', () => {
    const tensors = sources(gpt2);
    const bare = tensors.map((t) => ({ ...t, name: t.name.replace(/^transformer\./, '') }));
    // The hub's file also holds masks, which nothing reads.
    const masks = [0, 1].map((l) => ({ name: `h.${l}.attn.bias`, shape: [1, 1, 7, 7], values: new Float32Array(49) }));
    const [long, short] = [tensors, [...bare, ...masks]].map((files) =>
      importModel(gpt2, openSafetensors(encodeSafetensors(files, 'F32'), 'm'), COMPACT, 'm'),
    );
    assert.deepEqual(short, long);
    const fused = long?.find((t) => t.name === 'transformer.h.attn.c_attn.weight');
    assert.deepEqual(
      fused?.axes.map((a) => a.size),
      [2, 12, 3, 12],
    );
    const second = tensors.find((t) => t.name === 'transformer.h.1.attn.c_attn.weight');
    assert.deepEqual(second?.shape, [12, 36]);
    // Layer 1, input 5, key (third 1), output 7.
    assert.equal(fused?.exact[((12 + 5) * 3 + 1) * 12 + 7], (second?.values[5 * 36 + 12 + 7] as number) * 2 ** (fused?.f as number));
    assert.throws(
      () => importModel(gpt2, openSafetensors(encodeSafetensors(bare.slice(1), 'F32'), 'm'), COMPACT, 'm'),
      /transformer.wte.weight: is missing/,
    );
  });
  it('fills the embedding of a two-chunk vocabulary with zero rows', () => {
    const wide = { ...shape, vocab: 300 };
    const model = importModel(wide, openSafetensors(encodeSafetensors(sources(wide), 'F32'), 'm'), COMPACT, 'm');
    const embed = model.find((t) => t.name === 'model.embed_tokens.weight');
    assert.deepEqual(embed?.axes[0], { name: 'vocab', size: 512 });
    assert.ok(embed?.values.subarray(300 * 12).every((v) => v === 0));
  });
  it('refuses weights of another shape, by name', () => {
    const tensors = sources(shape).map((t) => (t.name === 'lm_head.weight' ? { ...t, shape: [12, 11] } : t));
    assert.throws(
      () => importModel(shape, openSafetensors(encodeSafetensors(tensors, 'F32'), 'm'), COMPACT, 'm'),
      /lm_head.weight: has shape \[12, 11\], config.json gives \[11, 12\]/,
    );
  });
  it('chooses the largest exponent that fits', () => {
    for (const max of [0.1, 0.5, 0.999, 1, 1.5, 127, 128]) {
      const f = weightExponent(max, 8);
      assert.ok(Math.round(max * 2 ** f) <= 127 && Math.round(max * 2 ** (f + 1)) > 127, `${max}: ${f}`);
    }
  });
});
