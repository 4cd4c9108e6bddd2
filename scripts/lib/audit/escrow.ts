/** The audit of an escrow: its bounties, and whether its balance covers what it owes. */
import { zeroAddress, type Address } from 'viem';
import { listBounties } from '../bounties.ts';
import { InputError, type Hex } from '../../../verifier/input.ts';
import type { Escrow } from '../chain.ts';
import { balanceOf, readCoins } from '../coins.ts';
import { inTurn } from '../scan.ts';
import { auditFacts, auditOrFault, factsOf, makingOf, type Facts, type Replaying } from './audit.ts';
import type { Audit, EscrowAudit, Liability } from './types.ts';

type Sum = { credits: bigint; balance: bigint | null };

/** Credits that nobody has withdrawn, and the escrow's balance, by coin, after a block. */
async function creditsOf({ address, chain, events }: Escrow, coins: readonly Address[], blockNumber: bigint): Promise<Map<Address, Sum>> {
  const [credited, withdrawn] = [await events('Credited'), await events('Withdrawn')];
  const tokens = new Set([...coins, ...credited.map((e) => e.args.token)]);
  const sum = (of: typeof credited | typeof withdrawn, token: Address): bigint =>
    of.filter((e) => e.blockNumber <= blockNumber && e.args.token === token).reduce((n, e) => n + e.args.amount, 0n);
  // A token can be anything: one that no longer answers must not keep the other bounties from being audited.
  const balance = (token: Address): Promise<bigint | null> =>
    token === zeroAddress ? chain.client.getBalance({ address, blockNumber }) : balanceOf(chain, token, address, blockNumber);
  const sums = await inTurn([...tokens], async (token): Promise<[Address, Sum]> => [
    token,
    { credits: sum(credited, token) - sum(withdrawn, token), balance: await balance(token) },
  ]);
  return new Map(sums);
}

/** A bounty's package, and its bounty. */
export interface Given extends Replaying {
  readonly id: Hex;
}

/**
 * Audits all bounties of an escrow (`all`), or those whose packages are given. Of bounties without a package it tells what the chain tells.
 * Errors: a package whose bounty is not posted here.
 */
export async function auditEscrow(escrow: Escrow, given: readonly Given[], all: boolean, command: string): Promise<EscrowAudit> {
  const made = await makingOf(escrow, command);
  const posted = (await listBounties(escrow)).filter((p) => p.block <= made.block);
  for (const { id, folder } of given)
    if (!posted.some((p) => p.id === id))
      throw new InputError(folder, '', `its bounty ${id} is not posted at ${escrow.address}`, 'check --escrow and --rpc');
  const wanted = posted.filter((p) => all || given.some((g) => g.id === p.id));
  // First all that the node has to tell of this block, then the work.
  const facts: Facts[] = [];
  for (const bounty of wanted) facts.push(await factsOf(escrow, bounty, made));
  const coins = [...new Set(wanted.flatMap((p) => [zeroAddress, p.terms.token]))];
  const sums = all ? await creditsOf(escrow, coins, made.block) : null;

  const bounties: Audit[] = [];
  for (const of of facts) {
    const own = given.find((g) => g.id === of.posted.id);
    bounties.push(await (own === undefined ? auditFacts(escrow, of, null) : auditOrFault(escrow, of, own)));
  }
  const balances = bounties.flatMap((b) => b.balances);
  const liabilities =
    sums === null
      ? null
      : [...sums].map(([token, { credits, balance }]): Liability => {
          const held = balances.filter((b) => b.token === token).reduce((n, b) => n + b.held, 0n);
          return { token, held, credits, balance };
        });
  const findings = (liabilities ?? [])
    .filter((l) => (l.balance ?? 0n) < l.held + l.credits)
    .map((l) =>
      l.balance === null
        ? `token ${l.token} does not tell the escrow’s balance, which owes ${l.held + l.credits} of it`
        : `the escrow has ${l.balance} of coin ${l.token}, and owes ${l.held + l.credits}`,
    );
  const gas = new Map(bounties.flatMap((b) => b.transactions).map((t) => [t.hash, t.gas]));
  return {
    ok: findings.length === 0 && bounties.every((b) => b.ok),
    chainId: escrow.chain.id,
    escrow: escrow.address,
    bounties,
    coins: await readCoins(escrow.chain, sums === null ? coins : [...sums.keys()], made.block),
    replayed: bounties.filter((b) => b.package !== null).length,
    gas: [...gas.values()].reduce((n, g) => n + g, 0n),
    liabilities,
    findings,
    made,
  };
}
