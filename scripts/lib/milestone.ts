/**
 * `bounty post --after`: a bounty that starts where a paid claim ended. The claim's bounty must have asked for the delivery of the whole state; who
 * received it publishes it with the new bounty, since nobody can train on from a state that he does not have. So the state is public from then on.
 */
import { join } from 'node:path';
import type { Command } from 'commander';
import { decodeDeliveryRows } from '../../prover/run/delivery-rows.ts';
import { stateOfRows } from '../../prover/prove/delivered.ts';
import { checkScales } from '../../prover/trainer/calibrate.ts';
import type { Tensors } from '../../prover/trainer/walk.ts';
import { wordHex, type OpenBounty } from '../../verifier/bounty.ts';
import type { CardTensor, Content } from '../../verifier/cards.ts';
import { continuedRoot, sameState } from '../../verifier/delivery/continuation.ts';
import { ROW_BYTES } from '../../verifier/delivery/row.ts';
import { delivers, deliveryDepth } from '../../verifier/delivery/terms.ts';
import type { Engine } from '../../verifier/engine.ts';
import { canonicalJson, digestOf, InputError, type Hex } from '../../verifier/input.ts';
import { buildTraining } from '../../verifier/models/build.ts';
import type { Recipe } from '../../verifier/models/recipe.ts';
import type { Program } from '../../verifier/program/types.ts';
import { tensorsOf } from '../../verifier/public-content.ts';
import { WORD_BYTES, writeWord } from '../../verifier/words.ts';
import { findClaimOf } from './bounties.ts';
import type { Escrow, PaidClaim } from './chain.ts';
import { digestArgument } from './options.ts';
import { openPackage, readRecipe } from './package.ts';
import { loadSecret } from './secrets.ts';

export interface MilestoneOptions {
  readonly after?: Hex;
  readonly previous?: string;
  readonly rows?: string;
}

/** A first state that is a paid claim's last one. */
export interface Continued {
  /** By the names of the state before a proof. */
  readonly state: Content;
  /** Of the rows that it was delivered in: 32 bytes a row. */
  readonly blinds: Uint8Array;
  /** How its bounty trained; and how its state lies. */
  readonly recipe: Recipe;
  readonly tensors: readonly CardTensor[];
  readonly claim: PaidClaim;
}

export const milestoneOptions = (command: Command): Command =>
  command
    .option('--after <claim>', 'start where this paid claim ended: publishes its final state, which was delivered', digestArgument)
    .option('--previous <folder>', 'with --after: the package of the claim’s bounty')
    .option('--rows <file>', 'with --after: the delivered rows in plain, 544 bytes each, as a run keeps them in delivery-rows.bin');

/** Steps that a milestone's training comes after. */
export const stepsDone = ({ recipe: last }: Pick<Continued, 'recipe'>): number => (last.done ?? 0) + last.steps;

const stateTensors = (program: Program): readonly CardTensor[] => tensorsOf(program, 'state.in');

/** The paid claim to start from; null without --after. Errors: it is not paid, its state stays hidden, the rows are not its. */
export async function continuedOf(options: MilestoneOptions, escrow: Escrow, engine: Engine): Promise<Continued | null> {
  const { after, previous, rows } = options;
  if (after === undefined) {
    for (const [name, value] of Object.entries({ '--previous': previous, '--rows': rows }))
      if (value !== undefined) throw new InputError(name, '', 'is for a milestone', 'give --after too, or leave it out');
    return null;
  }
  if (previous === undefined)
    throw new InputError('--previous', '', 'is missing', 'give the package of the claim’s bounty: it says how its state lies');
  const { bounty, posting } = await openPackage(previous, engine);
  const { terms, compiled, program } = bounty;
  if (posting.escrow !== escrow.address || posting.chainId !== escrow.chain.id)
    throw new InputError(
      previous,
      'escrow',
      `is ${posting.escrow} on chain ${posting.chainId}`,
      'a milestone is posted at the escrow of the claim',
    );
  const claim = await findClaimOf(escrow, after, bounty.id);
  if (claim.status !== 'paid')
    throw new InputError('--after', '', `is ${claim.status}, not paid`, 'only a paid claim can be continued: wait, or give another one');
  if (!delivers(terms) || !terms.fullState)
    throw new InputError(
      '--after',
      '',
      'is of a bounty that did not ask for the whole state: it stays hidden, so nobody could start there',
      'post bounties that shall be continued with --delivery-key and --full-state',
    );
  if (rows === undefined)
    throw new InputError('--rows', '', 'is missing', 'give the claim’s delivered rows: without them nobody could start there');
  const plain = decodeDeliveryRows(compiled, await loadSecret(rows, 2 ** deliveryDepth(compiled) * ROW_BYTES), rows);
  const state = stateOfRows(compiled, plain, rows);
  const blinds = new Uint8Array(plain.length * WORD_BYTES);
  plain.forEach(({ blind }, i) => writeWord(blinds, i, blind));
  const root = wordHex(await continuedRoot(program, compiled, state, blinds, engine, rows));
  if (root !== claim.body.adapterRoot)
    throw new InputError(
      rows,
      '',
      `gives the root ${root}, the claim’s is ${claim.body.adapterRoot}`,
      'give the rows that this claim delivered',
    );
  const { claimant, body } = claim;
  return { state, blinds, recipe: readRecipe(previous), tensors: stateTensors(program), claim: { terms, claimant, body } };
}

/** Throws InputError if a recipe does not go on where another one's training ended: another state, other moments, another count of steps. */
export function checkContinues(recipe: Recipe, last: Recipe, tensors: readonly CardTensor[], source: string): void {
  const cure = 'a milestone has the last bounty’s --rank, --targets, --first-layer, --optimizer and --precision';
  const differs = sameState(tensors, stateTensors(buildTraining(recipe).program));
  if (differs !== null) throw new InputError(source, '', `the last bounty’s state is another: ${differs}`, cure);
  // Moments are those of the summed loss, so that a state means the same only with as many tokens in a step.
  const meaning = ({ optimizer, lora, precision, batch, sequence }: Recipe): Hex =>
    digestOf(canonicalJson({ optimizer, lora, precision, batch, sequence }));
  if (meaning(last) !== meaning(recipe))
    throw new InputError(
      source,
      '',
      'the last bounty trained otherwise',
      `${cure}, its --alpha and --weight-decay, and data of its --batch and --sequence`,
    );
  const done = stepsDone({ recipe: last });
  if (recipe.done !== done)
    throw new InputError(source, 'done', `is ${recipe.done ?? 0}, the last bounty ended after ${done} steps`, 'refuse the bounty');
}

/** The recipe of a milestone: exponents and steps done are the last bounty's. Errors: its state would mean something else, a value outgrows its width. */
export function continuedRecipe(asked: Recipe, from: Continued, inputs: (program: Program) => Tensors): Recipe {
  const { recipe: last, tensors } = from;
  const recipe: Recipe = { ...asked, exponents: last.exponents, done: stepsDone(from) };
  checkContinues(recipe, last, tensors, '--after');
  return checkScales(recipe, inputs);
}

/** Checks a milestone's package against that of the bounty that it says to continue. Errors: it says so of none, or of another one. */
export async function checkPrevious(
  bounty: OpenBounty,
  folder: string,
  previous: string,
  continues: Hex | null,
  engine: Engine,
): Promise<void> {
  const last = await openPackage(previous, engine);
  if (continues !== last.bounty.id)
    throw new InputError(
      '--previous',
      '',
      `is bounty ${last.bounty.id}; this one continues ${continues ?? 'none'}`,
      'give the package of that bounty',
    );
  checkContinues(readRecipe(folder), readRecipe(previous), stateTensors(last.bounty.program), join(folder, 'recipe.json'));
  if (bounty.terms.modelDigest !== last.bounty.terms.modelDigest)
    throw new InputError(folder, 'terms.modelDigest', 'is another model than the last bounty’s', 'refuse the bounty');
}
