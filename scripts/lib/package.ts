/**
 * A bounty's package: the folder that its poster publishes.
 *
 *   bounty.json            chain, escrow and the terms
 *   recipe.json            what the program was built from
 *   program.bin            the program, with the constants' content
 *   model.card.json, data.card.json, held-out.card.json
 *   start.bin              content of the first state
 *   start-blinds.bin       of a milestone: blinds of the rows that it was delivered in
 *   content/               content-addressed: public cards' content
 */
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { getAddress, isAddress, type Address } from 'viem';
import { z } from 'zod';
import { openBounty, type BountyFiles, type OpenBounty } from '../../verifier/bounty.ts';
import type { Engine } from '../../verifier/engine.ts';
import { delivers } from '../../verifier/delivery/terms.ts';
import { canonicalJson, decodeCanonical, digestOf, hexBytes, InputError, type Hex } from '../../verifier/input.ts';
import { buildTraining } from '../../verifier/models/build.ts';
import type { Recipe } from '../../verifier/models/recipe.ts';
import type { Keccak } from '../../verifier/words.ts';
import { encodeProgram } from '../../prover/program/encode.ts';
import { LIMITS } from '../../verifier/program/limits.ts';
import { decodeRecipe, encodeRecipe } from '../../verifier/models/recipe-file.ts';
import { bountyId, type Terms } from '../../verifier/statement.ts';
import { loadCard, MAX_CONTENT, type LoadedCard } from './card-files.ts';
import { inside, readBounded, removeTemporaries, writeAtomic } from './files.ts';
import { openStore } from './store.ts';

const address = z.custom<Address>((v) => typeof v === 'string' && isAddress(v) && getAddress(v) === v, {
  error: 'must be an address with its checksum',
});
/** Decimal integers written as text (they may pass 2^53), from 0 to 2^256 − 1. */
const decimal = z.custom<string>((v) => typeof v === 'string' && v.length <= 78 && /^(0|[1-9][0-9]*)$/.test(v) && BigInt(v) < 1n << 256n, {
  error: 'must be a decimal integer in quotes',
});
const amount = decimal.transform((v) => BigInt(v));
const seconds = z
  .int()
  .min(0)
  .max(Number.MAX_SAFE_INTEGER)
  .transform((v) => BigInt(v));
const word = hexBytes(32);

const termsSchema = z.strictObject({
  poster: address,
  kind: z.int().min(0).max(255),
  token: address,
  reward: amount,
  bond: amount,
  attesterFee: amount,
  demandFee: amount,
  disclosureBond: amount,
  rule: z.int().min(0).max(255),
  signers: z.array(address).max(16),
  threshold: z.int().min(0).max(65535),
  verifierKey: word,
  modelDigest: word,
  dataDigest: word,
  recipeHash: word,
  steps: z
    .int()
    .min(1)
    .max(2 ** 32 - 1),
  stepsPerProof: z
    .int()
    .min(1)
    .max(2 ** 32 - 1),
  startDigest: word,
  inputsCommitment: word,
  announces: z.array(word).max(16),
  fullState: z.boolean(),
  deliveryKey: z.strictObject({ x: amount, y: amount }),
  deliveryDepth: z.int().min(0).max(255),
  enterBy: seconds,
  discloseBy: seconds,
  claimBy: seconds,
  window: seconds,
  answer: seconds,
  react: seconds,
  reserveFor: seconds,
  revealFor: seconds,
  complainFor: seconds,
  maxBundle: amount,
  salt: word,
});

const bountySchema = z.strictObject({
  version: z.literal(1),
  chainId: z.int().min(1),
  escrow: address,
  registry: address.optional(),
  terms: termsSchema,
});

/** What bounty.json says. */
export interface Posting {
  readonly chainId: number;
  readonly escrow: Address;
  readonly registry?: Address;
  readonly terms: Terms;
}

const termsJson = (t: Terms): Record<string, unknown> => ({
  ...t,
  reward: String(t.reward),
  bond: String(t.bond),
  attesterFee: String(t.attesterFee),
  demandFee: String(t.demandFee),
  disclosureBond: String(t.disclosureBond),
  deliveryKey: { x: String(t.deliveryKey.x), y: String(t.deliveryKey.y) },
  enterBy: Number(t.enterBy),
  discloseBy: Number(t.discloseBy),
  claimBy: Number(t.claimBy),
  window: Number(t.window),
  answer: Number(t.answer),
  react: Number(t.react),
  reserveFor: Number(t.reserveFor),
  revealFor: Number(t.revealFor),
  complainFor: Number(t.complainFor),
  maxBundle: String(t.maxBundle),
});

const FILE = {
  bounty: 'bounty.json',
  recipe: 'recipe.json',
  program: 'program.bin',
  model: 'model.card.json',
  data: 'data.card.json',
  heldOut: 'held-out.card.json',
  start: 'start.bin',
  startBlinds: 'start-blinds.bin',
} as const;

/** Writes everything but bounty.json (which `writePosting` adds once the terms stand). */
export function writePackage(
  folder: string,
  parts: {
    recipe: Recipe;
    program: Uint8Array;
    start: Uint8Array;
    startBlinds?: Uint8Array;
    model: LoadedCard;
    data: LoadedCard;
    heldOut: LoadedCard | null;
  },
): void {
  mkdirSync(folder, { recursive: true });
  removeTemporaries(folder);
  const store = openStore(join(folder, 'content'));
  writeAtomic(join(folder, FILE.recipe), encodeRecipe(parts.recipe));
  writeAtomic(join(folder, FILE.program), parts.program);
  writeAtomic(join(folder, FILE.start), parts.start);
  if (parts.startBlinds !== undefined) writeAtomic(join(folder, FILE.startBlinds), parts.startBlinds);
  for (const [name, card] of [
    [FILE.model, parts.model],
    [FILE.data, parts.data],
    [FILE.heldOut, parts.heldOut],
  ] as const) {
    if (card === null) continue;
    writeAtomic(join(folder, name), card.bytes);
    if (card.contentBytes !== null) store.put(card.contentBytes);
    if (card.rangeProof !== null) store.put(card.rangeProof);
  }
}

export const writePosting = (folder: string, posting: Posting): void =>
  writeAtomic(
    join(folder, FILE.bounty),
    canonicalJson({
      version: 1,
      chainId: posting.chainId,
      escrow: posting.escrow,
      ...(posting.registry === undefined ? {} : { registry: posting.registry }),
      terms: termsJson(posting.terms),
    }),
  );

const MAX_START = 1 << 30;

/** bounty.json alone. */
export function readPosting(folder: string): Posting & { readonly id: Hex } {
  const path = inside(folder, FILE.bounty);
  const posting = decodePosting(readBounded(path, 1 << 20), path);
  return { ...posting, id: bountyId(BigInt(posting.chainId), posting.escrow, posting.terms) };
}

function decodePosting(bytes: Uint8Array, source: string): Posting {
  // The schema turns numbers into bigints, so canonical form is checked on what stands in the file.
  const raw = decodeCanonical(z.json(), bytes, source);
  const result = bountySchema.safeParse(raw);
  if (!result.success) {
    const issue = result.error.issues[0];
    throw new InputError(source, (issue?.path ?? []).join('.'), issue?.message ?? 'is wrong', 'get the package again from the poster');
  }
  const { chainId, escrow, registry, terms } = result.data;
  return { chainId, escrow, terms, ...(registry === undefined ? {} : { registry }) };
}

/** Published files of a package. */
export function packageFiles(folder: string, keccak?: Keccak): BountyFiles {
  const store = openStore(inside(folder, 'content'), (bytes) => digestOf(bytes, keccak));
  const read = (name: string, limit: number): Uint8Array => readBounded(inside(folder, name), limit);
  return {
    program: read(FILE.program, LIMITS.bytes),
    modelCard: read(FILE.model, 64 << 20),
    dataCard: read(FILE.data, 64 << 20),
    start: read(FILE.start, MAX_START),
    ...(existsSync(join(folder, FILE.startBlinds)) ? { startBlinds: read(FILE.startBlinds, MAX_START) } : {}),
    content: (digest, size) => store.get(digest, Math.min(size, MAX_CONTENT), 'content'),
  };
}

/** A package, its files checked against the terms in bounty.json (or those given: the chain's). */
export interface OpenPackage {
  readonly folder: string;
  readonly posting: Posting & { readonly id: Hex };
  readonly bounty: OpenBounty;
}

export async function openPackage(folder: string, engine: Engine): Promise<OpenPackage> {
  if (!existsSync(folder)) throw new InputError(folder, '', 'does not exist', 'give the folder that the poster published');
  const posting = readPosting(folder);
  // The verifier's key, where there is one, is for `checkedVerifier` to check.
  const bounty = await openBounty(BigInt(posting.chainId), posting.escrow, posting.terms, packageFiles(folder, engine.keccak), engine);
  return { folder, posting, bounty };
}

export const readRecipe = (folder: string): Recipe => {
  const path = inside(folder, FILE.recipe);
  return decodeRecipe(readBounded(path, 1 << 20), path);
};

/** The held-out batch, if the poster gave one. */
export const readHeldOut = (folder: string): LoadedCard | null =>
  existsSync(join(folder, FILE.heldOut)) ? loadCard(inside(folder, FILE.heldOut)) : null;

/**
 * Builds the program from the recipe and compares it with program.bin. Tables and rates may differ by 1 from what this machine computes
 * (exponentials are not the same to the last bit everywhere); all else must be equal bit for bit.
 */
export function checkRebuild(folder: string, bounty: OpenBounty): void {
  const path = inside(folder, FILE.program);
  const recipe = readRecipe(folder);
  const posted = bounty.program;
  // Programs don't say which tensors are moments; recipes do.
  const { fullState } = bounty.terms;
  const asked = !delivers(bounty.terms) ? 'nothing' : fullState ? 'state' : 'adapter';
  if ((recipe.deliver ?? 'nothing') !== asked)
    throw new InputError(
      inside(folder, FILE.recipe),
      'deliver',
      `is ${recipe.deliver ?? 'nothing'}, the terms ask for ${asked}`,
      'refuse the bounty',
    );
  const { program } = buildTraining(recipe, posted.constants);
  if (digestOf(encodeProgram(program)) !== digestOf(encodeProgram(posted)))
    throw new InputError(
      path,
      '',
      'is not the program that the recipe gives',
      'refuse the bounty, or ask the poster which version built it',
    );
  const own = buildTraining(recipe).program.constants;
  for (const [name, values] of Object.entries(own)) {
    const given = posted.constants[name] as ArrayLike<number>;
    for (let i = 0; i < values.length; i++)
      if (Math.abs((values[i] as number) - (given[i] as number)) > 1)
        throw new InputError(path, `constants.${name}[${i}]`, `is ${given[i]}, the recipe gives ${values[i]}`, 'refuse the bounty');
  }
}
