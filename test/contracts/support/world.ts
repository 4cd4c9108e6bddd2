/** A fresh chain with registry and escrow, its people, and default terms and bodies. */
import { type HardhatEthers } from '@nomicfoundation/hardhat-ethers/types';
import type { Signer } from 'ethers';
import { network } from 'hardhat';
import { type Body, KIND, RULE, type Terms, bountyId, claimId } from '../../../verifier/statement.ts';
import { verdictTypedData } from '../../../scripts/lib/verdict.ts';

export const DAY = 86_400n;
export const ZERO = '0x0000000000000000000000000000000000000000';
export const ZERO32 = `0x${'00'.repeat(32)}` as const;
export const REWARD = 10n ** 18n;
export const BOND = 10n ** 17n;
export const FEE = 10n ** 15n;
export const DEMAND_FEE = 10n ** 15n;
export const DISCLOSURE_BOND = 10n ** 16n;
export const MINIMUM_WINDOW = DAY;
export const MINIMUM_REACTION = DAY / 2n;

export type Hex = `0x${string}`;
export const word = (fill: number): Hex => `0x${fill.toString(16).padStart(2, '0').repeat(32)}`;
export const addressOf = async (signer: Signer): Promise<Hex> => (await signer.getAddress()) as Hex;

export const { ethers, networkHelpers, provider } = await network.create();
export type World = Awaited<ReturnType<typeof world>>;

let salt = 0n;

/** Deploys; of the chain's accounts, [poster, alice, bob, mallory] are parties, then three attesters in ascending order, and `anyone`. */
export async function world() {
  const accounts = await ethers.getSigners();
  const [poster, alice, bob, mallory, ...others] = accounts as [Account, Account, Account, Account, ...Account[]];
  const attesters = others.slice(0, 3).sort((a, b) => (BigInt(a.address) < BigInt(b.address) ? -1 : 1));
  const fraudProof = await ethers.deployContract('MockFraudProof');
  const delivery = await ethers.deployContract('MockDelivery');
  const escrow = await ethers.deployContract('BountyEscrow', [MINIMUM_WINDOW, MINIMUM_REACTION, fraudProof, delivery]);
  const registry = await ethers.deployContract('CommitmentRegistry');
  const chainId = (await ethers.provider.getNetwork()).chainId;
  const escrowAddress = (await escrow.getAddress()) as Hex;
  return {
    ethers,
    networkHelpers,
    escrow,
    escrowAddress,
    fraudProof,
    delivery,
    registry,
    chainId,
    poster,
    alice,
    bob,
    mallory,
    attesters,
    anyone: others[3] as Account,
  };
}
export type Account = Awaited<ReturnType<HardhatEthers['getSigners']>>[number];

/** Native reward, 2 of 3 attesters, claims for 7 days, a window of one day. */
export async function terms(w: World, changes: Partial<Terms> = {}): Promise<Terms> {
  const now = BigInt(await networkHelpers.time.latest());
  salt++;
  return {
    poster: (await addressOf(w.poster)) as Hex,
    kind: KIND.training,
    token: ZERO,
    reward: REWARD,
    bond: BOND,
    attesterFee: FEE,
    demandFee: 0n,
    disclosureBond: 0n,
    rule: RULE.attested,
    signers: w.attesters.map((a) => a.address as Hex),
    threshold: 2,
    verifierKey: ZERO32,
    modelDigest: word(0x11),
    dataDigest: word(0x22),
    recipeHash: word(0x33),
    steps: 8,
    stepsPerProof: 2,
    startDigest: word(0x44),
    inputsCommitment: ZERO32,
    announces: [],
    fullState: false,
    deliveryKey: { x: 0n, y: 0n },
    deliveryDepth: 0,
    enterBy: 0n,
    discloseBy: 0n,
    claimBy: now + 7n * DAY,
    window: DAY,
    answer: 0n,
    react: 0n,
    reserveFor: 0n,
    revealFor: 0n,
    complainFor: 0n,
    maxBundle: 1n << 26n,
    salt: `0x${salt.toString(16).padStart(64, '0')}`,
    ...changes,
  };
}

/** A recorded verifier that claims under Optimistic and Both refer to: bundles of 2^10 cells, traces of 2^20 values. */
export const VERIFIER_KEY = {
  init: word(0x01),
  step: word(0x02),
  last: word(0x03),
  initLength: 100,
  stepLength: 1000,
  lastLength: 100,
  k: 12,
  steps: 4,
  stride: 512,
  bundleDepth: 10,
  traceDepth: 20,
} as const;
const KEY_ABI =
  'tuple(bytes32 init, bytes32 step, bytes32 last, uint32 initLength, uint32 stepLength, uint32 lastLength, uint8 k, uint32 steps, uint32 stride, uint8 bundleDepth, uint8 traceDepth)';
export const encode = (types: readonly string[], values: readonly unknown[]): Hex =>
  ethers.AbiCoder.defaultAbiCoder().encode(types, values) as Hex;
export const hash = (types: readonly string[], values: readonly unknown[]): Hex => ethers.keccak256(encode(types, values)) as Hex;

/** Optimistic: a window of a day, half a day to answer and to react, demands for 4 days. */
export const optimistic = (w: World, changes: Partial<Terms> = {}): Promise<Terms> =>
  terms(w, {
    rule: RULE.optimistic,
    signers: [],
    threshold: 0,
    attesterFee: 0n,
    verifierKey: hash([KEY_ABI], [VERIFIER_KEY]),
    demandFee: DEMAND_FEE,
    answer: DAY / 2n,
    react: DAY / 2n,
    maxBundle: 1n << 16n,
    ...changes,
  });

/** Both: 2 of 3 attesters, or a window. */
export const both = (w: World, changes: Partial<Terms> = {}): Promise<Terms> =>
  optimistic(w, { rule: RULE.both, signers: w.attesters.map((a) => a.address as Hex), threshold: 2, attesterFee: FEE, ...changes });

/** Delivery of up to 16 rows: a day to reveal, a day to complain. */
export const DELIVERY: Partial<Terms> = {
  deliveryKey: { x: 1n, y: 2n },
  deliveryDepth: 4,
  revealFor: DAY,
  complainFor: DAY,
  answer: DAY / 2n,
  react: DAY / 2n,
  demandFee: DEMAND_FEE,
};
export const attestedAndDelivered = (w: World, changes: Partial<Terms> = {}): Promise<Terms> => terms(w, { ...DELIVERY, ...changes });

/** The inputs of an outcome bounty: what is disclosed. */
export const INPUTS = { digest: word(0x21), salt: word(0x22), uri: 'ipfs://inputs' } as const;
/** An outcome bounty: a day to enter, a day to disclose, claims until the seventh day. */
export async function entered(w: World, changes: Partial<Terms> = {}): Promise<Terms> {
  const time = BigInt(await networkHelpers.time.latest());
  return terms(w, {
    kind: KIND.outcome,
    inputsCommitment: hash(['bytes32', 'bytes32'], [INPUTS.digest, INPUTS.salt]),
    disclosureBond: DISCLOSURE_BOND,
    enterBy: time + DAY,
    discloseBy: time + 3n * DAY,
    ...changes,
  });
}

export function body(changes: Partial<Body> = {}): Body {
  return {
    bundleRoot: word(0x55),
    traceRoot: ZERO32,
    lastProof: word(0x66),
    adapterRoot: word(0x77),
    announced: [],
    cipherRoot: ZERO32,
    keyHash: ZERO32,
    ephemeralKey: { x: 0n, y: 0n },
    nonce: ZERO32,
    uris: ['file:///bundles/one'],
    ...changes,
  };
}

/** Native coin that `post` takes. */
export const postValue = (t: Terms): bigint => t.attesterFee * BigInt(t.threshold) + t.disclosureBond + (t.token === ZERO ? t.reward : 0n);

export async function post(w: World, t: Terms): Promise<Hex> {
  await w.escrow.connect(w.poster).getFunction('post')(t, { value: postValue(t) });
  return bountyId(w.chainId, w.escrowAddress, t);
}

export async function claim(w: World, t: Terms, by: Account, b: Body = body()): Promise<Hex> {
  await w.escrow.connect(by).getFunction('claim')(t, b, { value: t.bond });
  return claimId(bountyId(w.chainId, w.escrowAddress, t), by.address as Hex, b);
}

export const inAnHour = async (): Promise<bigint> => BigInt(await networkHelpers.time.latest()) + 3_600n;

/** Signatures of the attesters whose bits are set, in ascending order. */
export async function sign(w: World, id: Hex, valid: boolean, expiry: bigint, mask: number): Promise<string[]> {
  const { domain, types, message } = verdictTypedData(w.chainId, w.escrowAddress, { claimId: id, valid, expiry });
  const signers = w.attesters.filter((_, i) => (mask >> i) & 1);
  return Promise.all(signers.map((a) => a.signTypedData(domain, { Verdict: [...types.Verdict] }, message)));
}

export async function attest(w: World, t: Terms, id: Hex, valid = true, mask = 0b011): Promise<void> {
  const expiry = await inAnHour();
  await w.escrow.connect(w.anyone).getFunction('attest')(t, id, valid, expiry, mask, await sign(w, id, valid, expiry, mask));
}

export async function accept(w: World, t: Terms, id: Hex): Promise<void> {
  await w.escrow.connect(w.anyone).getFunction('accept')(t, id);
}

/** Lets the next block have this time. */
export const nextBlockAt = (time: bigint): Promise<void> => networkHelpers.time.setNextBlockTimestamp(time);
export const now = async (): Promise<bigint> => BigInt(await networkHelpers.time.latest());

export const STATUS = { none: 0n, open: 1n, paid: 2n, refunded: 3n } as const;
export const CLAIM = {
  none: 0n,
  pending: 1n,
  accepted: 2n,
  revealed: 3n,
  paid: 4n,
  rejected: 5n,
  superseded: 6n,
  released: 7n,
} as const;
export const REASON = { invalidVerdict: 0n, lapsed: 1n, challenged: 2n, defaulted: 3n, unrevealed: 4n, wrongDelivery: 5n } as const;
export const JOB = { open: 0n, funded: 1n, submitted: 2n, completed: 3n, rejected: 4n, expired: 5n } as const;
