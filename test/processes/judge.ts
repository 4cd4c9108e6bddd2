/**
 * What a finished trial must look like, from what the chain tells alone, and from the signed transactions that passed the gates: the bounty paid or
 * refunded, once; every wei accounted for; nothing signed or sent twice.
 */
import { decodeFunctionData, parseTransaction, type Address } from 'viem';
import { bountyEscrowAbi } from '../../deploy/artifacts.ts';
import { postValue } from '../../scripts/lib/chain.ts';
import type { Hex } from '../../verifier/input.ts';
import { same, type EscrowEvent, type Facts } from './facts.ts';
import type { Log } from './party.ts';
import type { Plan } from './plan.ts';

export interface Judged {
  readonly outcome: 'paid' | 'refunded' | 'stuck';
  readonly claims: readonly { readonly claimant: Address; readonly status: string; readonly reason: number | null }[];
  /** Transactions that were mined and failed. */
  readonly reverted: readonly { readonly from: Address; readonly call: string }[];
  readonly transactions: number;
  readonly faults: readonly string[];
}

export interface Case {
  readonly plan: Plan;
  readonly escrow: Address;
  /** The bounty in the package. */
  readonly bounty: Hex;
  readonly poster: Address;
  readonly contributor: Address;
  readonly liar: Address;
  /** Whether the contributor vanished for good. */
  readonly vanished: boolean;
  readonly signed: Log['signed'];
}

const callOf = (data: Hex): string => {
  try {
    return decodeFunctionData({ abi: bountyEscrowAbi, data }).functionName;
  } catch {
    return 'unknown call';
  }
};
const sum = (values: readonly bigint[]): bigint => values.reduce((a, b) => a + b, 0n);

/** Whether the chain's restarts may forget transactions, so that their nonces are free again. */
const forgets = (plan: Plan): boolean => plan.pool === 'lost' || plan.chainKills.some((k) => k.reorg > 0);

/** Nothing signed twice: one verdict a claim and signer, and one call a nonce, in everything that was ever signed. */
function signedTwice({ plan, signed }: Case, check: (holds: boolean, what: string) => void): void {
  const verdicts = new Map<Hex, string>();
  const nonces = new Map<string, Set<string>>();
  for (const { raw, taken, from } of signed) {
    const { to, data, value, nonce } = parseTransaction(raw as Hex);
    if (taken) {
      const key = `${from} ${nonce}`;
      // The same call for a higher fee is the same transaction.
      nonces.set(key, (nonces.get(key) ?? new Set()).add(`${to} ${value} ${data}`));
    }
    if (data === undefined || callOf(data) !== 'attest') continue;
    const [, claim, valid, expiry] = decodeFunctionData({ abi: bountyEscrowAbi, data }).args as unknown as [unknown, Hex, boolean, bigint];
    const said = `${valid} until ${expiry}`;
    check((verdicts.get(claim) ?? said) === said, `two verdicts of ${claim} were signed: ${said}, ${verdicts.get(claim)}`);
    verdicts.set(claim, said);
  }
  for (const [key, calls] of nonces) check(calls.size === 1 || forgets(plan), `the node took ${calls.size} calls of nonce ${key}`);
}

export function judge({ mined, events, statuses, balances, held }: Facts, trial: Case): Judged {
  const { plan, escrow, poster, contributor, liar, vanished } = trial;
  const faults: string[] = [];
  const check = (holds: boolean, what: string): void => void (holds || faults.push(what));
  const ours = mined.filter((t) => same(t.to, escrow));
  const named = <N extends EscrowEvent['eventName']>(name: N) =>
    events.filter((e): e is Extract<EscrowEvent, { eventName: N }> => e.eventName === name);
  const [posted, paid, refunded] = [named('Posted'), named('Paid'), named('Refunded')];
  const outcome = paid.length > 0 ? 'paid' : refunded.length > 0 ? 'refunded' : 'stuck';
  const claims = named('Claimed').map(({ args: { claimId, claimant } }) => {
    const reason = named('Rejected').find((e) => e.args.claimId === claimId)?.args.reason ?? null;
    return { id: claimId, claimant, status: statuses.get(claimId) ?? 'none', reason };
  });

  // One bounty, paid or refunded, once.
  check(posted.length === 1 && posted[0]?.args.bountyId === trial.bounty, `${posted.length} bounties were posted`);
  check(paid.length + refunded.length === 1, `paid ${paid.length} times, refunded ${refunded.length} times`);
  const winner = paid[0]?.args.claimant ?? null;
  check(winner === null || same(winner, contributor), `paid to ${winner}, who is not the contributor`);

  // Claims: one a claimant, one verdict at most, ended.
  for (const { id, claimant, status } of claims) {
    check(claims.filter((c) => same(c.claimant, claimant)).length === 1, `${claimant} claimed more than once`);
    check(named('Attested').filter((e) => e.args.claimId === id).length <= 1, `claim ${id} has two verdicts`);
    check(['paid', 'rejected', 'released'].includes(status), `claim ${id} is left ${status}`);
    check(!same(claimant, liar) || status !== 'paid', 'a false claim was paid');
  }

  // What the scenario leads to, as far as the chain tells how far the contributor came.
  const claimed = claims.some((c) => same(c.claimant, contributor));
  const due = claimed && (plan.scenario !== 'unpublished' || plan.rule !== 'attested') ? 'paid' : 'refunded';
  check(outcome === due, `${outcome}, should be ${due}`);
  check(claimed || vanished, 'the contributor did not come to claim');

  // Money: in = credits = out, nothing is left, every balance is explained.
  const [credited, withdrawn] = [named('Credited'), named('Withdrawn')];
  const [came, owed, went] = [
    sum(ours.filter((t) => t.success).map((t) => t.value)),
    sum(credited.map((e) => e.args.amount)),
    sum(withdrawn.map((e) => e.args.amount)),
  ];
  check(came === owed && owed === went, `${came} wei came in, ${owed} were credited, ${went} went out`);
  check(held === 0n, `the escrow holds ${held} wei after all withdrawals`);
  const [end, terms] = [paid[0] ?? refunded[0], posted[0]?.args.terms];
  if (end !== undefined && terms !== undefined) {
    const credits = (who: Address, hashes: readonly Hex[]): bigint =>
      sum(credited.filter((e) => hashes.includes(e.transactionHash) && same(e.args.account, who)).map((e) => e.args.amount));
    const got = (who: Address): bigint => credits(who, [end.transactionHash]);
    // Fees are credited with the payment, or collected after it.
    const collected = events.filter((e) => (e.eventName as string) === 'Collected').map((e) => e.transactionHash);
    const earned = (who: Address): bigint => credits(who, [end.transactionHash, ...collected]);
    const verdict = named('Attested').find((e) => e.args.claimId === paid[0]?.args.claimId && e.args.valid);
    const signers = terms.signers.filter((_, i) => verdict !== undefined && ((verdict.args.attesters >> i) & 1) === 1);
    const fees = terms.attesterFee * BigInt(terms.threshold);
    if (winner === null) check(got(poster) === postValue(terms), 'the poster did not get everything back');
    else {
      check(got(winner) === terms.reward + terms.bond, 'the claimant did not get reward and bond');
      check(verdict === undefined || signers.length === terms.threshold, 'the verdict has not the signers that it needs');
      check(
        signers.every((signer) => earned(signer) === terms.attesterFee),
        'the attesters did not get their fees',
      );
      check(verdict !== undefined || got(poster) === fees, 'the poster did not get the fees back');
    }
  }
  for (const [who, { before, after, nonce }] of balances) {
    const own = mined.filter((t) => same(t.from, who));
    const spent = sum(own.map((t) => t.fee + (t.success ? t.value : 0n)));
    const got = sum(withdrawn.filter((e) => same(e.args.to, who)).map((e) => e.args.amount));
    check(after === before - spent + got, `the balance of ${who} is not what its transactions give`);
    check(nonce === own.length && own.every((t, i) => t.nonce === i), `the nonces of ${who} are not those of its transactions`);
  }

  // Nothing sent twice: no account made the same call twice, whether it failed or not. What is withdrawn is another credit each time.
  const calls = new Map<string, number>();
  for (const { from, input } of ours)
    if (callOf(input) !== 'withdraw') calls.set(`${from} ${input}`, (calls.get(`${from} ${input}`) ?? 0) + 1);
  for (const [call, times] of calls) {
    const [from, input] = call.split(' ') as [Address, Hex];
    check(times === 1, `${callOf(input)} was mined ${times} times for ${from}`);
  }
  signedTwice(trial, check);
  return {
    outcome,
    claims,
    reverted: ours.filter((t) => !t.success).map((t) => ({ from: t.from, call: callOf(t.input) })),
    transactions: ours.length,
    faults,
  };
}
