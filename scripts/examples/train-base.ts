/**
 * Trains the example's base model from random weights on the King James text: a float walk of the same program that is proven
 * elsewhere, with the gradients of every base weight, and AdamW outside of it. Deterministic on one machine; writes the model after every 100 steps.
 *
 *   node scripts/examples/train-base.ts [--steps 700] [--out examples/base]
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Walker } from '../../prover/trainer/walk.ts';
import { writeLlamaConfig } from '../../prover/model/config.ts';
import { encodeSafetensors } from '../../prover/model/safetensors.ts';
import { buildEvaluation, buildPretraining } from '../../verifier/models/build.ts';
import { meanLoss } from '../../verifier/models/loss.ts';
import { REAL, type LlamaShape, type Recipe } from '../../verifier/models/recipe.ts';
import { modelTensors } from '../../verifier/models/tensors.ts';

const SHAPE: LlamaShape = {
  family: 'llama',
  vocab: 256,
  width: 256,
  layers: 2,
  heads: 4,
  kvHeads: 2,
  headWidth: 32,
  ffn: 256,
  ropeTheta: 10000,
  normEps: 1e-5,
  tied: false,
};
const BATCH = 8;
const SEQUENCE = 64;
const TOKENS = BATCH * SEQUENCE;
const PEAK_RATE = 1.5e-3;
const WARMUP = 40;
const WEIGHT_DECAY = 0.2;

/** mulberry32: the training's only randomness. */
function generator(seed: number): () => number {
  let a = seed;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const { values: options } = parseArgs({
  options: { steps: { type: 'string', default: '700' }, out: { type: 'string', default: 'examples/base' } },
});
const steps = Number(options.steps);
if (!Number.isInteger(steps) || steps < 1) throw new Error(`--steps: ${options.steps} is not a whole number of steps`);

const recipe: Recipe = {
  version: 1,
  model: SHAPE,
  batch: BATCH,
  sequence: SEQUENCE,
  // Unused by the pretraining program, but part of every recipe.
  lora: { rank: 1, alpha: 1, targets: ['q_proj'], firstLayer: 0 },
  optimizer: { kind: 'momentum', momentum: 0 },
  rate: { learningRate: 1, warmupSteps: 0, decay: 'constant' },
  steps: 1,
  perProof: 1,
  modelHidden: false,
  dataHidden: false,
  precision: REAL,
  exponents: {},
};
const { program } = buildPretraining(recipe);
const walker = new Walker(program);
const evaluator = new Walker(buildEvaluation(recipe).program);
const random = generator(1);
const gaussian = (): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());

interface Parameter {
  readonly name: string;
  readonly shape: readonly number[];
  readonly decay: boolean;
  readonly weights: Float64Array;
  readonly m: Float64Array;
  readonly v: Float64Array;
  /** The walk's units: weights and gradients times 2^f. */
  readonly unit: number;
  readonly gradientUnit: number;
}

const exponentOf = (name: string): number => program.tensors.find((t) => t.name === name)?.f ?? 0;
const parameters: Parameter[] = modelTensors(SHAPE, REAL).map((t) => {
  const size = t.axes.reduce((n, a) => n * a.size, 1);
  const gain = t.name.endsWith('norm.weight');
  const fanIn = t.axes.at(-1)?.size ?? 1;
  // The residual branches' last matrices start smaller by the square root of their number.
  const branch = /o_proj|down_proj/.test(t.name) ? Math.sqrt(2 * SHAPE.layers) : 1;
  const deviation = t.name.includes('embed') ? 0.5 : 1 / Math.sqrt(fanIn) / branch;
  return {
    name: t.name,
    shape: t.axes.map((a) => a.size),
    decay: !gain,
    weights: Float64Array.from({ length: size }, () => (gain ? 1 : gaussian() * deviation)),
    m: new Float64Array(size),
    v: new Float64Array(size),
    unit: 2 ** exponentOf(t.name),
    gradientUnit: 2 ** -exponentOf(`grad.${t.name}`),
  };
});

const text = readFileSync(join('examples', 'data', 'kjv-excerpt.txt'));
/** The last part is held out. */
const trainBytes = text.length - 65536;
const batchAt = (start: () => number): Map<string, Float64Array> => {
  const inputs = new Float64Array(TOKENS);
  const labels = new Float64Array(TOKENS);
  for (let b = 0; b < BATCH; b++) {
    const at = start();
    for (let i = 0; i < SEQUENCE; i++) {
      inputs[b * SEQUENCE + i] = text[at + i] as number;
      labels[b * SEQUENCE + i] = text[at + i + 1] as number;
    }
  }
  return new Map([
    ['data.inputs', inputs],
    ['data.labels', labels],
  ]);
};
const scaledWeights = (): [string, Float64Array][] => parameters.map((p) => [p.name, p.weights.map((w) => w * p.unit)]);

function heldOutLoss(): number {
  const state: [string, Float64Array][] = evaluator.program.tensors
    .filter((t) => t.poly === 'state.in')
    .map((t) => [t.name, new Float64Array(t.axes.reduce((n, a) => n * a.size, 1))]);
  let sum = 0;
  const batches = 8;
  for (let k = 0; k < batches; k++) {
    let b = 0;
    const data = batchAt(() => trainBytes + (k * BATCH + b++) * (SEQUENCE + 1));
    sum += meanLoss(evaluator.program, evaluator.walkFloat(0, new Map([...scaledWeights(), ...state, ...data])));
  }
  return sum / batches;
}

function writeAtomically(file: string, bytes: Uint8Array | string): void {
  writeFileSync(`${file}.tmp`, bytes);
  renameSync(`${file}.tmp`, file);
}

/** Writes config.json and model.safetensors with the hub's tensor names. */
function save(out: string): void {
  mkdirSync(out, { recursive: true });
  const tensors = modelTensors(SHAPE, REAL).flatMap((t, i) => {
    const { weights, shape } = parameters[i] as Parameter;
    if (t.axes[0]?.name !== 'layer') return [{ name: t.name, shape, values: weights }];
    const size = weights.length / t.sources.length;
    return t.sources.map((name, l) => ({ name, shape: shape.slice(1), values: weights.subarray(l * size, (l + 1) * size) }));
  });
  writeAtomically(join(out, 'model.safetensors'), encodeSafetensors(tensors, 'F32', { format: 'pt' }));
  writeAtomically(join(out, 'config.json'), writeLlamaConfig(SHAPE, SEQUENCE));
}

const started = performance.now();
let average = 0;
for (let t = 1; t <= steps; t++) {
  const data = batchAt(() => Math.floor(random() * (trainBytes - SEQUENCE - 1)));
  const walked = walker.walkFloat(0, new Map([...scaledWeights(), ...data]));
  const loss = meanLoss(program, walked);
  average = t === 1 ? loss : 0.98 * average + 0.02 * loss;
  const rate = PEAK_RATE * Math.min(1, t / WARMUP) * (0.03 + 0.97 * 0.5 * (1 + Math.cos((Math.PI * t) / steps)));
  for (const p of parameters) {
    const g = walked.get(`grad.${p.name}`) as Float64Array;
    const [c1, c2] = [1 - 0.9 ** t, 1 - 0.98 ** t];
    for (let i = 0; i < g.length; i++) {
      const x = ((g[i] as number) * p.gradientUnit) / TOKENS;
      const m = (p.m[i] = 0.9 * (p.m[i] as number) + 0.1 * x);
      const v = (p.v[i] = 0.98 * (p.v[i] as number) + 0.02 * x * x);
      const w = p.weights[i] as number;
      p.weights[i] = w - rate * (m / c1 / (Math.sqrt(v / c2) + 1e-9) + (p.decay ? WEIGHT_DECAY * w : 0));
    }
  }
  if (t % 20 === 0) console.log(`step ${t} loss ${average.toFixed(4)} ${((performance.now() - started) / 1000).toFixed(0)} s`);
  if (t % 100 === 0 || t === steps) {
    save(options.out);
    console.log(`step ${t} held-out ${heldOutLoss().toFixed(4)}`);
  }
}
