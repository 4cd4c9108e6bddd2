/**
 * ZKLoRA's published figures (its paper's table: batch 3 × 5 tokens, seconds a module on average; the hardware is not stated), and what this
 * project aims at for the same shapes.
 */
import type { ModuleShape } from '../../verifier/models/module.ts';

export interface ZkLoraRow {
  readonly model: string;
  readonly modules: number;
  readonly rank: number;
  /** [in, out] of its modules. */
  readonly shapes: readonly (readonly [number, number])[];
  /** Seconds: proof, settings before it, verification. */
  readonly proof: number;
  readonly settings: number;
  readonly verify: number;
  /** Seconds aimed at. */
  readonly aim: { readonly proof: number; readonly verify: number };
}

const GPT2: ZkLoraRow['shapes'] = [
  [768, 2304],
  [768, 768],
  [768, 3072],
  [3072, 768],
];

export const ZKLORA: readonly ZkLoraRow[] = [
  {
    model: 'distilgpt2',
    modules: 24,
    rank: 8,
    shapes: GPT2,
    proof: 31.6,
    settings: 38.0,
    verify: 0.69,
    aim: { proof: 0.15, verify: 0.01 },
  },
  { model: 'gpt2', modules: 48, rank: 16, shapes: GPT2, proof: 34.9, settings: 43.6, verify: 0.68, aim: { proof: 0.2, verify: 0.01 } },
  {
    model: 'Llama-3.2-1B',
    modules: 32,
    rank: 8,
    shapes: [
      [2048, 2048],
      [2048, 512],
    ],
    proof: 31.0,
    settings: 37.2,
    verify: 0.78,
    aim: { proof: 0.15, verify: 0.01 },
  },
  {
    model: 'Llama-3.3-70B',
    modules: 80,
    rank: 16,
    shapes: [[8192, 1024]],
    proof: 46.9,
    settings: 54.9,
    verify: 1.54,
    aim: { proof: 0.4, verify: 0.0125 },
  },
  {
    model: 'Llama-3.1-8B',
    modules: 32,
    rank: 32,
    shapes: [[4096, 1024]],
    proof: 47.7,
    settings: 57.4,
    verify: 1.12,
    aim: { proof: 0.4, verify: 0.01 },
  },
  {
    model: 'Mixtral-8x7B',
    modules: 32,
    rank: 64,
    shapes: [[4096, 1024]],
    proof: 73.7,
    settings: 86.1,
    verify: 1.38,
    aim: { proof: 0.8, verify: 0.01 },
  },
];

/** Tokens of that table. */
export const TOKENS = 15;

/** The shape of a module's matrices. */
export type MatrixShape = Pick<ModuleShape, 'in' | 'rank' | 'out'>;

export const shapeName = (s: MatrixShape): string => `${s.in}x${s.rank}x${s.out}`;
