/** Making a bounty: recipe and calibration, program, first state, package, terms. */
import { randomBytes } from 'node:crypto';
import type { Address, LocalAccount } from 'viem';
import { encodeContent } from '../../prover/cards/content.ts';
import type { Opening } from '../../prover/cards/hidden.ts';
import { asTensors } from '../../prover/run/training.ts';
import { calibrate } from '../../prover/trainer/calibrate.ts';
import type { Tensors } from '../../prover/trainer/walk.ts';
import { wordHex, ZERO_WORD } from '../../verifier/bounty.ts';
import { bundleBytes, rowsDigest } from '../../verifier/bundle.ts';
import { checkCard, checkRangeProof, commitmentRows, type Content } from '../../verifier/cards.ts';
import type { Engine } from '../../verifier/engine.ts';
import { digestOf, fromHex, InputError, toHex, type Hex } from '../../verifier/input.ts';
import { initialState } from '../../verifier/models/initial-state.ts';
import { buildTraining } from '../../verifier/models/build.ts';
import type { Recipe } from '../../verifier/models/recipe.ts';
import { compile } from '../../verifier/program/compile.ts';
import type { Program } from '../../verifier/program/types.ts';
import { continuedRoot } from '../../verifier/delivery/continuation.ts';
import { deliveryDepth } from '../../verifier/delivery/terms.ts';
import { encodeProgram } from '../../prover/program/encode.ts';
import { placeContent, polyOfRole, publicRows, tensorsOf } from '../../verifier/public-content.ts';
import { KIND, recipeHash, RULE, type Terms } from '../../verifier/statement.ts';
import type { LoadedCard } from './card-files.ts';
import type { Escrow, PaidClaim } from './chain.ts';
import type { DeliveryTerms } from './delivery/options.ts';
import { withEngine } from './engine.ts';
import { makeKey } from './optimistic.ts';
import { writePackage, writePosting } from './package.ts';
import { postPaying, type Posted } from './token-reward.ts';
import { continuedRecipe, type Continued } from './milestone.ts';

export interface BountyCards {
  readonly model: LoadedCard;
  readonly data: LoadedCard;
  readonly heldOut: LoadedCard | null;
}

export interface Money {
  /** Smallest units of the coin; bond and fee in wei. */
  readonly token: Address;
  readonly reward: bigint;
  readonly bond: bigint;
  readonly attesterFee: bigint;
}

export interface Judges {
  readonly signers: readonly Address[];
  readonly threshold: number;
}

/** Times in seconds from now. */
export interface Deadlines {
  readonly claimWithin: number;
  readonly window: number;
  /** How long a reservation holds; without it none are taken. */
  readonly reserveFor?: number;
}

export interface NewBounty {
  readonly folder: string;
  readonly recipe: Recipe;
  readonly cards: BountyCards;
  /** Openings of hidden cards, by `model` and `data`. */
  readonly openings: ReadonlyMap<string, Opening>;
  /** 32 bytes: seed of the adapter's first values. */
  readonly startSeed: Hex;
  /** What it starts from, of a milestone; else from fresh adapters. */
  readonly continued?: Continued;
  /** Whether claims can be challenged, so that the terms pin the recorded verifier's key. */
  readonly recorded?: boolean;
}

/** How claims are challenged, under Optimistic and Both; with delivery, under each rule, how encrypted rows are demanded. Times in seconds. */
export interface Doubts {
  readonly rule: Terms['rule'];
  /** Wei; what a demand costs. */
  readonly demandFee: bigint;
  readonly answer: number;
  readonly react: number;
}

/** Bytes of a bundle that one answer brings. */
export const CHUNK = 8192n;

/** Demands that `bond` must be four times the price of: the whole bundle, and the way through the trace. */
export const mostDemands = (maxBundle: bigint): bigint => (maxBundle + CHUNK - 1n) / CHUNK + 8n;

/** What the terms say of the package. */
export type PackageTerms = Pick<
  Terms,
  'modelDigest' | 'dataDigest' | 'recipeHash' | 'steps' | 'stepsPerProof' | 'startDigest' | 'maxBundle'
> &
  Partial<Pick<Terms, 'verifierKey' | 'deliveryDepth'>>;

const contentOf = (bounty: NewBounty, name: 'model' | 'data'): Content => {
  const content = bounty.cards[name].content ?? bounty.openings.get(name)?.content;
  if (content === undefined)
    throw new InputError(`${name}.card.json`, '', 'is hidden', 'calibration needs its content: give the opening file with --opening');
  return content;
};

/** Calibrates, builds the program and writes the package without its terms. */
export const makePackage = (bounty: NewBounty): Promise<PackageTerms> => withEngine('wasm', (engine) => packageWith(engine, bounty));

async function packageWith(engine: Engine, bounty: NewBounty): Promise<PackageTerms> {
  const { cards, folder } = bounty;
  const fixed = { ...contentOf(bounty, 'model'), ...contentOf(bounty, 'data') };
  const seed = fromHex(bounty.startSeed);
  const { continued } = bounty;
  const first = (of: Program): Content => continued?.state ?? initialState(of, seed);
  const inputs = (of: Program): Tensors => asTensors(fixed, first(of));
  const recipe = continued === undefined ? calibrate(bounty.recipe, inputs) : continuedRecipe(bounty.recipe, continued, inputs);
  const { program } = buildTraining(recipe);
  for (const name of ['model', 'data'] as const) {
    const { card, rangeProof } = cards[name];
    checkCard(card, program, `${name}.card.json`);
    if (rangeProof !== null) await checkRangeProof(card, () => rangeProof, `range proof of ${name}.card.json`, engine);
  }
  const compiled = compile(program);
  const programBytes = encodeProgram(program);
  const stateIn = polyOfRole(compiled, 'stateIn');
  const state = first(program);
  const start = encodeContent(tensorsOf(program, stateIn.name), state, 'start.bin');
  const rows = await publicRows(placeContent(stateIn, state), compiled.columns, stateIn.rows, digestOf(start), engine);
  const root = continued && { root: await continuedRoot(program, compiled, state, continued.blinds, engine) };
  let verifierKey: Hex = ZERO_WORD;
  if (bounty.recorded === true) {
    const names = ['model', 'data'] as const;
    const hidden = names.filter((name) => cards[name].card.commitment !== undefined);
    const hiddenRows = new Map(hidden.map((name) => [name, commitmentRows(cards[name].card, `${name}.card.json`)]));
    const publicContent = { ...cards.model.content, ...cards.data.content, ...program.constants };
    verifierKey = makeKey({ compiled, start: { rows, ...root }, hiddenRows, publicContent, terms: { announces: [] } }, engine);
  }
  const startBlinds = continued?.blinds;
  writePackage(folder, { recipe, program: programBytes, start, ...(startBlinds === undefined ? {} : { startBlinds }), ...cards });
  return {
    verifierKey,
    modelDigest: cards.model.digest,
    dataDigest: cards.data.digest,
    recipeHash: recipeHash({ program: digestOf(programBytes), steps: recipe.steps, stepsPerProof: recipe.perProof, schedule: ZERO_WORD }),
    steps: recipe.steps,
    stepsPerProof: recipe.perProof,
    startDigest: wordHex(root?.root ?? rowsDigest(rows)),
    maxBundle: BigInt(bundleBytes(compiled)),
    deliveryDepth: deliveryDepth(compiled),
  };
}

/** Full terms; of the attested rule, unless there are doubts; a delivery has demands too. `now` is the chain's time. */
export const makeTerms = (
  poster: Address,
  parts: PackageTerms,
  money: Money,
  judges: Judges,
  deadlines: Deadlines,
  now: bigint,
  doubts: Doubts | null = null,
  delivery: DeliveryTerms | null = null,
): Terms => ({
  poster,
  kind: KIND.training,
  ...money,
  demandFee: doubts?.demandFee ?? 0n,
  disclosureBond: 0n,
  rule: doubts?.rule ?? RULE.attested,
  signers: [...judges.signers].sort((a, b) => (BigInt(a) < BigInt(b) ? -1 : 1)),
  threshold: judges.threshold,
  verifierKey: ZERO_WORD,
  deliveryDepth: 0,
  ...parts,
  inputsCommitment: ZERO_WORD,
  announces: [],
  fullState: delivery?.fullState ?? false,
  deliveryKey: delivery?.deliveryKey ?? { x: 0n, y: 0n },
  enterBy: 0n,
  discloseBy: 0n,
  claimBy: now + BigInt(deadlines.claimWithin),
  window: BigInt(deadlines.window),
  answer: BigInt(doubts?.answer ?? 0),
  react: BigInt(doubts?.react ?? 0),
  reserveFor: BigInt(deadlines.reserveFor ?? 0),
  revealFor: BigInt(delivery?.revealFor ?? 0),
  complainFor: BigInt(delivery?.complainFor ?? 0),
  salt: toHex(randomBytes(32)),
});

/** Writes bounty.json and posts, allowing the escrow to take a token first. The package is complete before any money moves. */
export async function post(
  escrow: Escrow,
  account: LocalAccount,
  folder: string,
  terms: Terms,
  extra: { readonly registry?: Address; readonly previous?: PaidClaim } = {},
): Promise<Posted> {
  const { registry, previous } = extra;
  writePosting(folder, { chainId: escrow.chain.id, escrow: escrow.address, terms, ...(registry === undefined ? {} : { registry }) });
  return postPaying(escrow, account, terms, previous);
}
