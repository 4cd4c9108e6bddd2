/**
 * The key of a recorded verifier: what terms pin, and what a contract needs to judge an instruction. It is the same for every claim, and does not
 * grow with the number of proofs. Fields as `IFraudProof.VerifierKey`; the pinned hash is keccak256(abi.encode(key)).
 */
import { keccak_256 } from '@noble/hashes/sha3.js';
import { toHex, type Hex } from '../input.ts';
import { WORD_BYTES, writeWord, type Keccak } from '../words.ts';
import type { MerkleTree } from './indexed-merkle.ts';
import type { InstructionList } from './list.ts';
import type { RecordedVerifier } from './record.ts';

export interface VerifierKey {
  /** Roots of the lists' trees, each of depth k. */
  readonly init: Hex;
  readonly step: Hex;
  readonly last: Hex;
  readonly initLength: number;
  readonly stepLength: number;
  readonly lastLength: number;
  readonly k: number;
  /** P: segment 0 is init, 1 … P are step, P + 1 is last. */
  readonly steps: number;
  readonly stride: number;
  readonly bundleDepth: number;
  readonly traceDepth: number;
}

export interface ListTrees {
  readonly init: MerkleTree;
  readonly step: MerkleTree;
  readonly last: MerkleTree;
}

/** The trees of the lists, which a challenge takes its paths from. */
export const listTrees = ({ init, step, last, k }: RecordedVerifier, keccak: Keccak = keccak_256): ListTrees => ({
  init: init.tree(k, keccak),
  step: step.tree(k, keccak),
  last: last.tree(k, keccak),
});

const wordHex = (value: bigint): Hex => `0x${value.toString(16).padStart(2 * WORD_BYTES, '0')}`;

export const keyOf = (recorded: RecordedVerifier, trees: ListTrees): VerifierKey => ({
  init: wordHex(trees.init.root),
  step: wordHex(trees.step.root),
  last: wordHex(trees.last.root),
  initLength: recorded.init.length,
  stepLength: recorded.step.length,
  lastLength: recorded.last.length,
  k: recorded.k,
  steps: recorded.proofs,
  stride: recorded.stride,
  bundleDepth: recorded.bundleDepth,
  traceDepth: recorded.traceDepth,
});

/** keccak256(abi.encode(key)): eleven words. */
export function keyHash(key: VerifierKey): Hex {
  const { init, step, last, initLength, stepLength, lastLength, k, steps, stride, bundleDepth, traceDepth } = key;
  const words = [init, step, last, initLength, stepLength, lastLength, k, steps, stride, bundleDepth, traceDepth].map(BigInt);
  const bytes = new Uint8Array(words.length * WORD_BYTES);
  words.forEach((w, i) => writeWord(bytes, i, w));
  return toHex(keccak_256(bytes));
}

/** Which of the three lists a segment runs. */
export type Part = keyof ListTrees;

/** The list that segment t runs; undefined beyond the last. */
export const partOf = (segment: number, proofs: number): Part | undefined =>
  segment === 0 ? 'init' : segment <= proofs ? 'step' : segment === proofs + 1 ? 'last' : undefined;

/** The list that segment t runs. */
export function listOf(recorded: RecordedVerifier, segment: number): InstructionList | undefined {
  const part = partOf(segment, recorded.proofs);
  return part === undefined ? undefined : recorded[part];
}
