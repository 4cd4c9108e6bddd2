/**
 * Terms, body and statement of a bounty, encoded and hashed exactly as `contracts/libraries/Statement.sol` does.
 *
 * - bountyId = keccak(abi.encode(chainid, escrow, Terms)), claimId = keccak(abi.encode(bountyId, claimant, Body));
 * - the statement is what every proof absorbs first: one 32-byte word after the other.
 *
 * The types are those of the ABI: `uint8` to `uint32` are numbers, wider integers bigints, `bytes32` and addresses hex strings.
 * Amounts are in the smallest unit of their coin.
 */
import {
  type AbiParameterToPrimitiveType,
  type Address,
  type Hex,
  encodeAbiParameters,
  getAddress,
  keccak256,
  parseAbiParameters,
} from 'viem';

/** Version of the statement's layout. */
export const STATEMENT_VERSION = 1;

/** What a bounty pays for; values of `Terms.kind`. */
export const KIND = { training: 0, outcome: 1, compatibility: 2 } as const;

/** What releases the reward; values of `Terms.rule`. */
export const RULE = { attested: 0, optimistic: 1, both: 2 } as const;

/** The structs of `contracts/Types.sol`, where each field is explained; times are Unix seconds, durations seconds. */
const structs = [
  'struct Point { uint256 x; uint256 y; }',
  'struct Terms { address poster; uint8 kind; address token; uint256 reward; uint256 bond; uint256 attesterFee; uint256 demandFee; uint256 disclosureBond; uint8 rule; address[] signers; uint16 threshold; bytes32 verifierKey; bytes32 modelDigest; bytes32 dataDigest; bytes32 recipeHash; uint32 steps; uint32 stepsPerProof; bytes32 startDigest; bytes32 inputsCommitment; bytes32[] announces; bool fullState; Point deliveryKey; uint8 deliveryDepth; uint64 enterBy; uint64 discloseBy; uint64 claimBy; uint64 window; uint64 answer; uint64 react; uint64 reserveFor; uint64 revealFor; uint64 complainFor; uint64 maxBundle; bytes32 salt; }',
  'struct Body { bytes32 bundleRoot; bytes32 traceRoot; bytes32 lastProof; bytes32 adapterRoot; uint256[] announced; bytes32 cipherRoot; bytes32 keyHash; Point ephemeralKey; bytes32 nonce; string[] uris; }',
] as const;
const [termsParameter] = parseAbiParameters(['Terms terms', ...structs]);
const [bodyParameter] = parseAbiParameters(['Body body', ...structs]);

/** The poster's terms. */
export type Terms = Readonly<AbiParameterToPrimitiveType<typeof termsParameter>>;
/** The claimant's part. */
export type Body = Readonly<AbiParameterToPrimitiveType<typeof bodyParameter>>;
/** An affine point of BN254 G1; (0, 0) stands for none. */
export type Point = Terms['deliveryKey'];

/** What a proof is about. Announced values are field elements, in the order of `Terms.announces`. */
export interface Statement
  extends
    Pick<Terms, 'recipeHash' | 'steps' | 'stepsPerProof' | 'modelDigest' | 'dataDigest' | 'startDigest'>,
    Pick<Body, 'adapterRoot' | 'announced'> {
  readonly version: number;
  readonly chainId: bigint;
  readonly escrow: Address;
  readonly bountyId: Hex;
  readonly claimant: Address;
}

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
export const statementWords = (s: Statement): bigint[] =>
  [
    ...[s.version, s.chainId, s.escrow, s.bountyId, s.claimant, s.recipeHash, s.steps, s.stepsPerProof],
    ...[s.modelDigest, s.dataDigest, s.startDigest, s.adapterRoot, ...s.announced],
  ].map(BigInt);
