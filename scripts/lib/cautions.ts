/** What the terms of a bounty, and the chain, leave in others' hands: nothing is wrong with the package, but whoever trains for it should know. */
import { formatEther } from 'viem';
import { rowChunks } from '../../verifier/delivery/row-answers.ts';
import { delivers } from '../../verifier/delivery/terms.ts';
import { RULE, type Terms } from '../../verifier/statement.ts';
import type { PostedClaim } from './bounties.ts';
import { time, type Standing } from './bounty-text.ts';
import { SECONDS_EACH } from './dispute.ts';
import { CHUNK } from './post-bounty.ts';

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

type Read =
  | ('poster' | 'signers' | 'threshold' | 'rule' | 'bond' | 'demandFee' | 'claimBy' | 'deliveryKey' | 'deliveryDepth')
  | ('answer' | 'maxBundle');

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
  const rows = delivers(terms) ? rowChunks(terms.deliveryDepth).count : 0;
  const chunks = terms.rule === RULE.attested ? 0 : Number((terms.maxBundle + CHUNK - 1n) / CHUNK);
  if (terms.demandFee > 0n && terms.demandFee < price) {
    const poster = rows > 0 ? `the poster, for each eight of ${2 ** terms.deliveryDepth} rows` : null;
    const anybody = chunks > 0 ? 'anybody, for any part of bundle and trace' : null;
    cautions.push(
      `a demand earns ${formatEther(terms.demandFee)} ETH, its answer costs up to ${formatEther(price)} at the present price of gas, and a claim ends with the first that is not answered; demands may come from ${[anybody, poster].filter((x) => x !== null).join(', and from ')}`,
    );
  }
  const most = BigInt(rows > chunks ? rows : chunks);
  if (most * SECONDS_EACH > terms.answer)
    cautions.push(
      `${most} demands may come at once, and answers to all of them take some ${(most * SECONDS_EACH) / 3600n} hours, one a transaction, where the terms give ${terms.answer / 3600n}`,
    );
  return cautions;
}
