/** What the terms of a bounty, and the chain, leave in others' hands: nothing is wrong with the package, but whoever trains for it should know. */
import { formatEther } from 'viem';
import { delivers } from '../../verifier/delivery/terms.ts';
import { RULE, type Terms } from '../../verifier/statement.ts';
import type { PostedClaim } from './bounties.ts';
import { time, type Standing } from './bounty-text.ts';

/** Gas of an answer of 8,192 bytes, most of it calldata. */
export const ANSWER_GAS = 400_000n;

/** Gas of a challenge and of its commitment. */
export const CHALLENGE_GAS = 300_000n;

/** What the chain says, besides the terms. */
export interface Surroundings {
  /** Wei a unit of gas. */
  readonly gasPrice: bigint;
  /** Seconds: time of the newest block. */
  readonly now: bigint;
  readonly reservation: Standing['reservation'];
  readonly claims: readonly Pick<PostedClaim, 'status'>[];
}

type Read = 'poster' | 'signers' | 'threshold' | 'rule' | 'bond' | 'demandFee' | 'claimBy' | 'deliveryKey' | 'deliveryDepth';

/** Whether it would cost more to refute a false claim than it brings; null if not. `gasPrice`: wei a unit of gas. */
export function challengeCaution({ rule, bond }: Pick<Terms, 'rule' | 'bond'>, gasPrice: bigint): string | null {
  const price = CHALLENGE_GAS * gasPrice;
  if (rule === RULE.attested || bond / 2n >= price) return null;
  return `to refute a false claim brings ${formatEther(bond / 2n)} ETH and costs up to ${formatEther(price)} at the present price of gas: nobody may do it for the money`;
}

/** What to know before training, a sentence each. */
export function cautionsOf(terms: Pick<Terms, Read>, { gasPrice, now, reservation, claims }: Surroundings): string[] {
  const cautions: string[] = [];
  if (now >= terms.claimBy) cautions.push(`claims were taken until ${time(terms.claimBy)}`);
  const live = claims.filter(({ status }) => status === 'pending' || status === 'accepted' || status === 'revealed').length;
  if (live > 0)
    cautions.push(`${live} ${live === 1 ? 'claim stands' : 'claims stand'} before any new one, and the first that holds is paid`);
  if (reservation !== null) cautions.push(`${reservation.holder} keeps others from claiming until ${time(BigInt(reservation.until))}`);
  const others = terms.signers.filter((signer) => signer.toLowerCase() !== terms.poster.toLowerCase()).length;
  if (terms.rule === RULE.attested && others < terms.threshold)
    cautions.push('no verdict comes about without the poster, who is one of the attesters; a claim without a verdict is not paid');
  const unprofitable = challengeCaution(terms, gasPrice);
  if (unprofitable !== null) cautions.push(unprofitable);
  const price = ANSWER_GAS * gasPrice;
  if (terms.demandFee > 0n && terms.demandFee < price) {
    const rows = delivers(terms) ? `the poster, for each of ${2 ** terms.deliveryDepth} rows` : null;
    const chunks = terms.rule === RULE.attested ? null : 'anybody, for any part of bundle and trace';
    cautions.push(
      `a demand earns ${formatEther(terms.demandFee)} ETH, its answer costs up to ${formatEther(price)} at the present price of gas, and a claim ends with the first that is not answered; demands may come from ${[chunks, rows].filter((x) => x !== null).join(', and from ')}`,
    );
  }
  return cautions;
}
