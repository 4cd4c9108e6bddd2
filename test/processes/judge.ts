/**
 * What a finished trial must look like, from the chain's blocks, receipts and events alone, and from the signed transactions that passed the gates: the
 * bounty paid or refunded, once; every wei accounted for; nothing signed or sent twice.
 */
import {
  createPublicClient,
  decodeFunctionData,
  http,
  parseEventLogs,
  parseTransaction,
  type Address,
  type TransactionReceipt,
} from 'viem';
import { bountyEscrowAbi } from '../../deploy/artifacts.ts';
import { CLAIM_STATUS, postValue } from '../../scripts/lib/chain.ts';
import type { Hex } from '../../verifier/input.ts';
import type { Log } from './party.ts';
import type { Plan } from './plan.ts';

export interface Judged {
  readonly outcome: 'paid' | 'refunded' | 'stuck';
  /** Whom it was paid to. */
  readonly claimant: Address | null;
  readonly claims: readonly { readonly claimant: Address; readonly status: string; readonly reason: number | null }[];
  /** Transactions that were mined and failed. */
  readonly reverted: readonly { readonly from: Address; readonly call: string }[];
  readonly transactions: number;
  readonly faults: readonly string[];
}

const callOf = (data: Hex): string => {
  try {
    return decodeFunctionData({ abi: bountyEscrowAbi, data }).functionName;
  } catch {
    return 'unknown call';
  }
};

/** Balances of these accounts must add up; they held `endowment` at first. */
export interface People {
  readonly poster: Address;
  readonly contributor: Address;
  readonly liar: Address;
  readonly all: readonly Address[];
}

export async function judge(
  url: string,
  escrow: Address,
  bounty: Hex,
  plan: Plan,
  people: People,
  log: Log,
  vanished: boolean,
): Promise<Judged> {
  const client = createPublicClient({ transport: http(url), cacheTime: 0 });
  const faults: string[] = [];
  const check = (holds: boolean, what: string): void => void (holds || faults.push(what));
  const last = await client.getBlockNumber();

  const receipts: TransactionReceipt[] = [];
  const mined: { from: Address; to: Address | null; nonce: number; input: Hex; value: bigint; hash: Hex; success: boolean; gas: bigint }[] =
    [];
  for (let n = 1n; n <= last; n++) {
    const block = await client.getBlock({ blockNumber: n, includeTransactions: true });
    for (const { from, to, nonce, input, value, hash } of block.transactions) {
      const receipt = await client.getTransactionReceipt({ hash });
      receipts.push(receipt);
      const success = receipt.status === 'success';
      mined.push({ from, to, nonce, input, value, hash, success, gas: receipt.gasUsed * receipt.effectiveGasPrice });
    }
  }
  const same = (a: Address | null, b: Address): boolean => a?.toLowerCase() === b.toLowerCase();
  const ours = mined.filter((t) => same(t.to, escrow));
  const events = parseEventLogs({
    abi: bountyEscrowAbi,
    logs: receipts.flatMap((r) => r.logs).filter((l) => same(l.address, escrow)),
    strict: true,
  });
  const named = <N extends (typeof events)[number]['eventName']>(name: N) =>
    events.filter((e): e is Extract<(typeof events)[number], { eventName: N }> => e.eventName === name);

  // One bounty, paid or refunded, once.
  const [posted, paid, refunded] = [named('Posted'), named('Paid'), named('Refunded')];
  check(posted.length === 1 && posted[0]?.args.bountyId === bounty, `${posted.length} bounties were posted`);
  check(paid.length + refunded.length === 1, `paid ${paid.length} times, refunded ${refunded.length} times`);
  const outcome = paid.length > 0 ? 'paid' : refunded.length > 0 ? 'refunded' : 'stuck';
  const terms = posted[0]?.args.terms;
  if (terms === undefined) return { outcome, claimant: null, claims: [], reverted: [], transactions: ours.length, faults };

  // Claims: one a claimant, one verdict at most, ended.
  const claims = await Promise.all(
    named('Claimed').map(async ({ args: { claimId, claimant } }) => {
      const record = await client.readContract({ address: escrow, abi: bountyEscrowAbi, functionName: 'claimOf', args: [claimId] });
      const reason = named('Rejected').find((e) => e.args.claimId === claimId)?.args.reason ?? null;
      check(named('Attested').filter((e) => e.args.claimId === claimId).length <= 1, `claim ${claimId} has two verdicts`);
      return { id: claimId, claimant, status: CLAIM_STATUS[record.status] ?? 'none', reason };
    }),
  );
  for (const who of people.all)
    check(
      claims.filter((c) => same(c.claimant, who)).length <= 1,
      `${who} claimed ${claims.filter((c) => same(c.claimant, who)).length} times`,
    );
  for (const claim of claims) check(['paid', 'rejected', 'released'].includes(claim.status), `claim ${claim.id} is left ${claim.status}`);
  const winner = paid[0]?.args.claimant ?? null;
  check(winner === null || same(winner, people.contributor), `paid to ${winner}, who is not the contributor`);
  const lie = claims.find((c) => same(c.claimant, people.liar));
  check(lie === undefined || lie.status !== 'paid', 'a false claim was paid');

  // What the scenario leads to, as far as the chain tells how far the contributor came.
  const claimed = claims.some((c) => same(c.claimant, people.contributor));
  const published = plan.scenario !== 'unpublished';
  const due = claimed && (published || plan.rule !== 'attested') ? 'paid' : 'refunded';
  check(outcome === due, `${outcome}, should be ${due}`);
  check(claimed || vanished, 'the contributor did not come to claim');

  // Money: in = credits = out, nothing is left, every balance is explained.
  const sum = (values: readonly bigint[]): bigint => values.reduce((a, b) => a + b, 0n);
  const [credited, withdrawn] = [named('Credited'), named('Withdrawn')];
  const value = sum(ours.filter((t) => t.success).map((t) => t.value));
  check(
    value === sum(credited.map((e) => e.args.amount)),
    `${value} wei came in, ${sum(credited.map((e) => e.args.amount))} were credited`,
  );
  check(value === sum(withdrawn.map((e) => e.args.amount)), `${value} wei came in, ${sum(withdrawn.map((e) => e.args.amount))} went out`);
  check((await client.getBalance({ address: escrow })) === 0n, 'the escrow holds money after all withdrawals');
  const end = paid[0] ?? refunded[0];
  if (end !== undefined) {
    const got = (who: Address): bigint =>
      sum(credited.filter((e) => e.transactionHash === end.transactionHash && same(e.args.account, who)).map((e) => e.args.amount));
    const fees = terms.attesterFee * BigInt(terms.threshold);
    const verdict = named('Attested').find((e) => e.args.claimId === paid[0]?.args.claimId && e.args.valid);
    if (paid.length > 0) check(got(winner as Address) === terms.reward + terms.bond, 'the claimant did not get reward and bond');
    else check(got(people.poster) === postValue(terms), 'the poster did not get everything back');
    const signers = terms.signers.filter((_, i) => verdict !== undefined && ((verdict.args.attesters >> i) & 1) === 1);
    if (paid.length > 0) check(sum(signers.map(got)) === (verdict === undefined ? 0n : fees), 'the attesters did not get their fees');
    if (paid.length > 0 && verdict === undefined) check(got(people.poster) === fees, 'the poster did not get the fees back');
  }
  for (const who of people.all) {
    const own = mined.filter((t) => same(t.from, who));
    const spent = sum(own.map((t) => t.gas + (t.success ? t.value : 0n)));
    const got = sum(withdrawn.filter((e) => same(e.args.to, who)).map((e) => e.args.amount));
    const had = await client.getBalance({ address: who, blockNumber: 0n });
    check((await client.getBalance({ address: who })) === had - spent + got, `the balance of ${who} is not what its transactions give`);
    check((await client.getTransactionCount({ address: who })) === own.length, `${who} used a nonce that no block has`);
  }

  // Nothing sent twice: no account made the same call twice, and none that failed because it had been made.
  for (const t of ours)
    if (callOf(t.input) !== 'withdraw')
      check(!ours.some((u) => u !== t && u.from === t.from && u.input === t.input), `${callOf(t.input)} was mined twice for ${t.from}`);
  // Nothing signed twice: one value a claim and signer, in everything that was ever signed.
  const verdicts = new Map<Hex, string>();
  const nonces = new Map<string, Set<string>>();
  for (const { raw, taken, from } of log.signed) {
    const { to, data, value: amount, nonce } = parseTransaction(raw as Hex);
    if (taken) {
      const key = `${from} ${nonce}`;
      // The same call for a higher fee is the same transaction.
      nonces.set(key, (nonces.get(key) ?? new Set()).add(`${to} ${amount} ${data}`));
    }
    if (data === undefined || callOf(data) !== 'attest') continue;
    const [, claim, valid, expiry] = decodeFunctionData({ abi: bountyEscrowAbi, data }).args as unknown as [unknown, Hex, boolean, bigint];
    const said = `${valid} ${expiry}`;
    check((verdicts.get(claim) ?? said) === said, `two verdicts of ${claim} were signed: ${said} and ${verdicts.get(claim)}`);
    verdicts.set(claim, said);
  }
  for (const [key, calls] of nonces) check(calls.size === 1 || forgets(plan), `the node took ${calls.size} calls of nonce ${key}`);
  return {
    outcome,
    claimant: winner,
    claims,
    reverted: ours.filter((t) => !t.success).map((t) => ({ from: t.from, call: callOf(t.input) })),
    transactions: ours.length,
    faults,
  };
}

/** Whether the chain's restarts may forget transactions, so that their nonces are free again. */
const forgets = (plan: Plan): boolean => plan.pool === 'lost' || plan.chainKills.some((k) => k.reorg > 0);
