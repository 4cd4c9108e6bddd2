/**
 * Terms, body and statement of a bounty, encoded and hashed exactly as `contracts/libraries/Statement.sol` does.
 *
 * - bountyId = keccak(abi.encode(chainid, escrow, Terms)), claimId = keccak(abi.encode(bountyId, claimant, Body));
 * - the statement is what every proof absorbs first: one 32-byte word after the other.
 *
 * The types are those of the ABI: `uint8` to `uint32` are numbers, wider integers bigints, `bytes32` and addresses hex strings.
 * Times are Unix seconds, durations seconds, amounts the smallest unit of their coin.
 */
import { type Address, type Hex, encodeAbiParameters, getAddress, keccak256 } from 'viem';

/** Version of the statement's layout. */
export const STATEMENT_VERSION = 1;

/** What a bounty pays for; values of `Terms.kind`. */
export const KIND = { training: 0, outcome: 1, compatibility: 2 } as const;

/** What releases the reward; values of `Terms.rule`. */
export const RULE = { attested: 0, optimistic: 1, both: 2 } as const;

/** An affine point of BN254 G1; (0, 0) stands for none. */
export interface Point {
  readonly x: bigint;
  readonly y: bigint;
}

/** The poster's terms, field for field `Terms` of `contracts/Types.sol`, where each is explained. */
export interface Terms {
  readonly poster: Address;
  readonly kind: number;
  readonly token: Address;
  readonly reward: bigint;
  readonly bond: bigint;
  readonly attesterFee: bigint;
  readonly rule: number;
  readonly signers: readonly Address[];
  readonly threshold: number;
  readonly verifierKey: Hex;
  readonly modelDigest: Hex;
  readonly dataDigest: Hex;
  readonly recipeHash: Hex;
  readonly steps: number;
  readonly stepsPerProof: number;
  readonly startDigest: Hex;
  readonly announces: readonly Hex[];
  readonly fullState: boolean;
  readonly deliveryKey: Point;
  readonly claimBy: bigint;
  readonly window: bigint;
  readonly answer: bigint;
  readonly react: bigint;
  readonly reserveFor: bigint;
  readonly revealFor: bigint;
  readonly complainFor: bigint;
  readonly maxBundle: bigint;
  readonly salt: Hex;
}

/** The claimant's part, field for field `Body` of `contracts/Types.sol`. */
export interface Body {
  readonly bundleRoot: Hex;
  readonly traceRoot: Hex;
  readonly lastProof: Hex;
  readonly adapterRoot: Hex;
  readonly announced: readonly bigint[];
  readonly cipherRoot: Hex;
  readonly keyHash: Hex;
  readonly ephemeralKey: Point;
  readonly nonce: Hex;
  readonly uris: readonly string[];
}

/** What a proof is about. Announced values are field elements, in the order of `Terms.announces`. */
export interface Statement {
  readonly version: number;
  readonly chainId: bigint;
  readonly escrow: Address;
  readonly bountyId: Hex;
  readonly claimant: Address;
  readonly recipeHash: Hex;
  readonly steps: number;
  readonly stepsPerProof: number;
  readonly modelDigest: Hex;
  readonly dataDigest: Hex;
  readonly startDigest: Hex;
  readonly adapterRoot: Hex;
  readonly announced: readonly bigint[];
}

const point = [
  { name: 'x', type: 'uint256' },
  { name: 'y', type: 'uint256' },
] as const;

const termsParameter = {
  name: 'terms',
  type: 'tuple',
  components: [
    { name: 'poster', type: 'address' },
    { name: 'kind', type: 'uint8' },
    { name: 'token', type: 'address' },
    { name: 'reward', type: 'uint256' },
    { name: 'bond', type: 'uint256' },
    { name: 'attesterFee', type: 'uint256' },
    { name: 'rule', type: 'uint8' },
    { name: 'signers', type: 'address[]' },
    { name: 'threshold', type: 'uint16' },
    { name: 'verifierKey', type: 'bytes32' },
    { name: 'modelDigest', type: 'bytes32' },
    { name: 'dataDigest', type: 'bytes32' },
    { name: 'recipeHash', type: 'bytes32' },
    { name: 'steps', type: 'uint32' },
    { name: 'stepsPerProof', type: 'uint32' },
    { name: 'startDigest', type: 'bytes32' },
    { name: 'announces', type: 'bytes32[]' },
    { name: 'fullState', type: 'bool' },
    { name: 'deliveryKey', type: 'tuple', components: point },
    { name: 'claimBy', type: 'uint64' },
    { name: 'window', type: 'uint64' },
    { name: 'answer', type: 'uint64' },
    { name: 'react', type: 'uint64' },
    { name: 'reserveFor', type: 'uint64' },
    { name: 'revealFor', type: 'uint64' },
    { name: 'complainFor', type: 'uint64' },
    { name: 'maxBundle', type: 'uint64' },
    { name: 'salt', type: 'bytes32' },
  ],
} as const;

const bodyParameter = {
  name: 'body',
  type: 'tuple',
  components: [
    { name: 'bundleRoot', type: 'bytes32' },
    { name: 'traceRoot', type: 'bytes32' },
    { name: 'lastProof', type: 'bytes32' },
    { name: 'adapterRoot', type: 'bytes32' },
    { name: 'announced', type: 'uint256[]' },
    { name: 'cipherRoot', type: 'bytes32' },
    { name: 'keyHash', type: 'bytes32' },
    { name: 'ephemeralKey', type: 'tuple', components: point },
    { name: 'nonce', type: 'bytes32' },
    { name: 'uris', type: 'string[]' },
  ],
} as const;

/** keccak of the ABI encoding of the terms alone: what the poster agreed to, on any chain. */
export const termsHash = (terms: Terms): Hex => keccak256(encodeAbiParameters([termsParameter], [terms]));

/** Identity of a bounty: binds chain, escrow and every term. */
export const bountyId = (chainId: bigint, escrow: Address, terms: Terms): Hex =>
  keccak256(encodeAbiParameters([{ type: 'uint256' }, { type: 'address' }, termsParameter], [chainId, escrow, terms]));

/** Identity of a claim: binds bounty, claimant and the claim's whole content. */
export const claimId = (bounty: Hex, claimant: Address, body: Body): Hex =>
  keccak256(encodeAbiParameters([{ type: 'bytes32' }, { type: 'address' }, bodyParameter], [bounty, claimant, body]));

/** What `Terms.recipeHash` pins; `schedule` is the digest of what the recipe needs beside the program (batch order), or zero. */
export interface Recipe {
  readonly program: Hex;
  readonly steps: number;
  readonly stepsPerProof: number;
  readonly schedule: Hex;
}

/** keccak(abi.encode(program hash, steps, stepsPerProof, schedule)). */
export const recipeHash = (recipe: Recipe): Hex =>
  keccak256(
    encodeAbiParameters(
      [{ type: 'bytes32' }, { type: 'uint32' }, { type: 'uint32' }, { type: 'bytes32' }],
      [recipe.program, recipe.steps, recipe.stepsPerProof, recipe.schedule],
    ),
  );

/** The statement of a claim, from what the chain holds. */
export const statementOf = (
  chainId: bigint,
  escrow: Address,
  terms: Terms,
  claimant: Address,
  body: Pick<Body, 'adapterRoot' | 'announced'>,
): Statement => ({
  version: STATEMENT_VERSION,
  chainId,
  escrow: getAddress(escrow),
  bountyId: bountyId(chainId, escrow, terms),
  claimant: getAddress(claimant),
  recipeHash: terms.recipeHash,
  steps: terms.steps,
  stepsPerProof: terms.stepsPerProof,
  modelDigest: terms.modelDigest,
  dataDigest: terms.dataDigest,
  startDigest: terms.startDigest,
  adapterRoot: body.adapterRoot,
  announced: body.announced,
});

/** The statement as 32-byte words in [0, 2^256), in the order in which the transcript absorbs them. */
export const statementWords = (s: Statement): bigint[] => [
  BigInt(s.version),
  s.chainId,
  BigInt(s.escrow),
  BigInt(s.bountyId),
  BigInt(s.claimant),
  BigInt(s.recipeHash),
  BigInt(s.steps),
  BigInt(s.stepsPerProof),
  BigInt(s.modelDigest),
  BigInt(s.dataDigest),
  BigInt(s.startDigest),
  BigInt(s.adapterRoot),
  ...s.announced,
];

/** EIP-712 typed data of a verdict, for `signTypedData`; `expiry` is the time from which the escrow refuses it. */
export const verdictTypedData = (chainId: bigint, escrow: Address, verdict: { claimId: Hex; valid: boolean; expiry: bigint }) =>
  ({
    domain: { name: 'Fineproof', version: '1', chainId, verifyingContract: escrow },
    types: {
      Verdict: [
        { name: 'claimId', type: 'bytes32' },
        { name: 'valid', type: 'bool' },
        { name: 'expiry', type: 'uint64' },
      ],
    },
    primaryType: 'Verdict',
    message: verdict,
  }) as const;
