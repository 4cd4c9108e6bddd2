/**
 * `bounty post` into a folder that holds a bounty: the same command, called again after it was killed or after a reorganisation took its transaction. It
 * goes on with the terms in the folder, because other ones (another salt) would be another bounty with a reward of its own; and it never writes
 * over the package of a bounty that somebody may be training for.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Address } from 'viem';
import { canonicalJson, InputError, type Hex } from '../../verifier/input.ts';
import type { Recipe } from '../../verifier/models/recipe.ts';
import { RULE, type Terms } from '../../verifier/statement.ts';
import type { DeliveryTerms } from './delivery/options.ts';
import { readPosting, readRecipe, type Posting } from './package.ts';
import { DEFAULT_WINDOW, judgesOf, type RuleOptions } from './rule-options.ts';

/** What a call of `bounty post` asks for. */
export interface Asked {
  readonly chainId: number;
  readonly escrow: Address;
  readonly poster: Address;
  readonly reward: bigint;
  readonly token: Address;
  readonly reserveFor: number | undefined;
  readonly rule: RuleOptions;
  readonly delivery: DeliveryTerms | null;
  /** Before calibration. */
  readonly recipe: Recipe;
  readonly modelDigest: Hex;
  readonly dataDigest: Hex;
}

/** What of the terms the options give; times of day and the salt are the earlier call's. */
function expected({ poster, reward, token, reserveFor, rule, delivery, modelDigest, dataDigest }: Asked): Partial<Terms> {
  const judges = judgesOf(rule);
  return {
    poster,
    reward,
    token,
    reserveFor: BigInt(reserveFor ?? 0),
    bond: rule.bond,
    attesterFee: rule.attesterFee,
    rule: RULE[rule.rule],
    signers: [...judges.signers].sort((a, b) => (BigInt(a) < BigInt(b) ? -1 : 1)),
    threshold: judges.threshold,
    window: BigInt(rule.window ?? DEFAULT_WINDOW),
    ...(rule.demandFee === undefined ? {} : { demandFee: rule.demandFee }),
    ...(rule.answer === undefined ? {} : { answer: BigInt(rule.answer) }),
    ...(rule.react === undefined ? {} : { react: BigInt(rule.react) }),
    revealFor: BigInt(delivery?.revealFor ?? 0),
    complainFor: BigInt(delivery?.complainFor ?? 0),
    modelDigest,
    dataDigest,
  };
}

/** The bounty that an earlier call of the same command left in the folder, null if there is none. Errors: it is another bounty. */
export function earlierPosting(folder: string, asked: Asked): (Posting & { readonly id: Hex }) | null {
  if (!existsSync(join(folder, 'bounty.json'))) return null;
  const posting = readPosting(folder);
  const other = (field: string): InputError =>
    new InputError(
      join(folder, 'bounty.json'),
      field,
      `is of bounty ${posting.id}, and not what is asked for now`,
      'give another folder with --out, or repeat the earlier command to go on with it',
    );
  if (posting.chainId !== asked.chainId) throw other('chainId');
  if (posting.escrow !== asked.escrow) throw other('escrow');
  for (const [field, value] of Object.entries(expected(asked)))
    if (String(posting.terms[field as keyof Terms]) !== String(value)) throw other(`terms.${field}`);
  const { x, y } = asked.delivery?.deliveryKey ?? { x: 0n, y: 0n };
  if (posting.terms.deliveryKey.x !== x || posting.terms.deliveryKey.y !== y) throw other('terms.deliveryKey');
  const before = readRecipe(folder);
  const same = Buffer.from(canonicalJson({ ...asked.recipe, exponents: before.exponents })).equals(Buffer.from(canonicalJson(before)));
  if (!same) throw other('terms.recipeHash');
  return posting;
}
