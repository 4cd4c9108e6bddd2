/** What lists and pages of a terminal say of a bounty. */
import { formatEther, zeroAddress } from 'viem';
import { delivers } from '../../verifier/delivery/terms.ts';
import type { Hex } from '../../verifier/input.ts';
import { KIND, RULE } from '../../verifier/statement.ts';
import type { PostedBounty } from './bounties.ts';
import type { Escrow } from './chain.ts';
import { amountOf, type Coin } from './coins.ts';

export const time = (seconds: bigint): string => new Date(Number(seconds) * 1000).toISOString().replace('.000Z', 'Z');

/** A bounty in a list. */
export const summary = (b: PostedBounty, coin: Coin) => ({
  bounty: b.id,
  status: b.status,
  poster: b.terms.poster,
  reward: b.terms.reward,
  token: b.terms.token,
  symbol: coin.symbol,
  decimals: coin.decimals,
  steps: b.terms.steps,
  claimBy: time(b.terms.claimBy),
});

/** What the chain says of a bounty besides its terms. */
export interface Standing {
  /** Who keeps others from claiming, until when in seconds; null if nobody does. */
  readonly reservation: { readonly holder: string; readonly until: number } | null;
  /** The bounty whose paid claim this one starts from, and that claim. */
  readonly continues: { readonly bounty: Hex; readonly claim: Hex } | null;
}

export async function standingOf(escrow: Escrow, id: Hex): Promise<Standing> {
  const { reservedBy, reservedUntil } = await escrow.bounty(id);
  const [continued] = await escrow.events('Continued', { bountyId: id });
  const { timestamp } = await escrow.chain.client.getBlock();
  return {
    reservation: reservedBy === zeroAddress || timestamp >= reservedUntil ? null : { holder: reservedBy, until: reservedUntil },
    continues: continued === undefined ? null : { bounty: continued.args.previousId, claim: continued.args.previousClaimId },
  };
}

/** A bounty for people; what its terms leave empty is left out. */
export const described = (
  { id, status, terms: t }: PostedBounty,
  coin: Coin,
  { reservation, continues }: Standing,
): Readonly<Record<string, string>> => ({
  bounty: id,
  status,
  poster: t.poster,
  ...(t.kind === KIND.training ? {} : { kind: Object.keys(KIND)[t.kind] ?? String(t.kind) }),
  reward: amountOf(t.reward, coin),
  ...(t.token === zeroAddress
    ? {}
    : { token: `${t.token}, which says of itself: ${coin.symbol || 'no symbol'}, ${coin.decimals ?? 'no'} decimals` }),
  bond: `${formatEther(t.bond)} ETH`,
  'attester fee': `${formatEther(t.attesterFee)} ETH`,
  ...(t.disclosureBond === 0n ? {} : { 'disclosure bond': `${formatEther(t.disclosureBond)} ETH` }),
  rule: Object.keys(RULE)[t.rule] ?? String(t.rule),
  ...(t.signers.length === 0 ? {} : { attesters: `${t.threshold} of ${t.signers.join(' ')}` }),
  ...(t.demandFee === 0n ? {} : { demands: `${formatEther(t.demandFee)} ETH each, ${t.answer} s to answer, ${t.react} s to react` }),
  ...(t.rule === RULE.attested ? {} : { 'verifier key': t.verifierKey }),
  ...(delivers(t)
    ? {
        delivery: `${t.fullState ? 'the whole state' : 'the adapter'}, at most ${2 ** t.deliveryDepth} rows, ${t.revealFor} s to reveal, ${t.complainFor} s to complain`,
        'delivery key': `${t.deliveryKey.x},${t.deliveryKey.y}`,
      }
    : {}),
  steps: `${t.steps}, ${t.stepsPerProof} in a proof`,
  model: t.modelDigest,
  data: t.dataDigest,
  recipe: t.recipeHash,
  start: t.startDigest,
  ...(continues === null ? {} : { continues: `claim ${continues.claim} of bounty ${continues.bounty}` }),
  ...(t.enterBy === 0n ? {} : { entries: `before ${time(t.enterBy)}, inputs disclosed before ${time(t.discloseBy)}` }),
  ...(t.announces.length === 0 ? {} : { announces: t.announces.join(' ') }),
  ...(t.reserveFor === 0n ? {} : { reservations: `hold ${t.reserveFor} s` }),
  ...(reservation === null ? {} : { reserved: `by ${reservation.holder} until ${time(BigInt(reservation.until))}` }),
  'claim by': time(t.claimBy),
  window: `${t.window} s`,
  bundle: `${t.maxBundle} bytes at most`,
});
