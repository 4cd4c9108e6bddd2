/** What demands, answers and challenges are made of, and how the escrow's ABI has it. */
import type { Address } from 'viem';
import { wordHex, ZERO_WORD } from '../../verifier/bounty.ts';
import type { Complaint } from '../../verifier/delivery/complaint.ts';
import { toHex, type Hex } from '../../verifier/input.ts';
import type { Accusation } from '../../verifier/record/accusation.ts';
import type { VerifierKey } from '../../verifier/record/key.ts';
import type { Body } from '../../verifier/statement.ts';

/** Whose claim, and what it says. */
export interface ClaimRef {
  readonly claimant: Address;
  readonly body: Body;
}

/** A node of one of a claim's trees: 0 bundle, 1 trace, 2 encrypted rows; level 0 are the leaves. */
export interface TreeNode {
  readonly tree: number;
  readonly level: number;
  readonly index: bigint;
}
export const TREE = { bundle: 0, trace: 1, cipher: 2 } as const;

/** What stands for the verifier's key in calls about encrypted rows, which no key judges. */
export const NO_KEY: VerifierKey = {
  ...{ init: ZERO_WORD, step: ZERO_WORD, last: ZERO_WORD, initLength: 0, stepLength: 0, lastLength: 0 },
  ...{ k: 0, steps: 0, stride: 0, bundleDepth: 0, traceDepth: 0 },
};

/** Seconds that a demand, or an answer, takes: it is mined before the next one is sent. */
export const SECONDS_EACH = 30n;

export const DEMAND_STATUS = ['none', 'open', 'answered', 'defaulted', 'reclaimed'] as const;
export type DemandStatus = (typeof DEMAND_STATUS)[number];

/** What answers a demand. */
export interface AnswerWords {
  readonly words: readonly bigint[];
  readonly path: readonly bigint[];
}

/** Words as the ABI has them. */
export const hexes = (words: readonly bigint[]): Hex[] => words.map(wordHex);

/** An accusation as the contract's ABI has it. */
export const accusationAbi = ({ position, leaf, leafPath, instructionPath, inputs, ...instruction }: Accusation) => ({
  ...instruction,
  position: BigInt(position),
  leaf: wordHex(leaf),
  leafPath: hexes(leafPath),
  instructionPath: hexes(instructionPath),
  inputs: inputs.map(({ a, b, path }) => ({ a, b, path: hexes(path) })),
});

/** A complaint likewise. */
export const complaintAbi = ({ index, row, rowPath, commitmentPath, ...rest }: Complaint) => ({
  ...rest,
  index: BigInt(index),
  row: toHex(row),
  rowPath: hexes(rowPath),
  commitmentPath: hexes(commitmentPath),
});
