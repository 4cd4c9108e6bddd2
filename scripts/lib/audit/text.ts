/** The audit for people at a terminal. */
import { amountIn } from '../coins.ts';
import { table } from '../command.ts';
import type { Audit, EscrowAudit } from './types.ts';
import { count, happened, judgement, namesOf, outcome, utc, visible } from './words.ts';

const findingLines = (findings: readonly string[]): string[] => findings.map((f) => `FINDING: ${visible(f)}`);

/** One bounty. */
export function auditText(a: Audit): string {
  const { terms: t, package: p } = a;
  const names = namesOf(a);
  const gas = new Map(a.transactions.map((of) => [of.hash, of.gas]));
  return [
    `bounty ${a.bounty}: ${a.status}, ${t.steps} steps, reward ${names.amount(t.reward, t.token)}`,
    p === null ? 'the package was not given: told from the chain alone' : `${visible(p.recipe)}; verified with the engine ${p.engine}`,
    '',
    table([
      ['time', 'block', 'event', 'transaction'],
      ...a.events.map((e) => [utc(e.time), Number(e.block), happened(e, names), e.transaction]),
    ]),
    '',
    table([
      ['who', 'put in', 'got', 'gas', 'address'],
      ...a.parties.map((party) => [
        party.name,
        party.standings.map((s) => names.amount(s.paidIn, s.token)).join(', '),
        party.standings.map((s) => names.amount(s.credited, s.token)).join(', '),
        Number(party.gas),
        party.address,
      ]),
    ]),
    `gas: ${count(a.gas)} in ${gas.size} transactions; held for the bounty: ${
      a.balances
        .filter((b) => b.held > 0n)
        .map((b) => `${b.purpose} ${names.amount(b.held, b.token)}`)
        .join(', ') || 'nothing'
    }`,
    '',
    ...a.claims.map((c) => `${names.claim(c.claim)} ${c.claim} by ${c.claimant}: ${judgement(c)}`),
    '',
    ...(a.ok
      ? [a.package === null ? 'nothing on the chain contradicts the terms; no bundle was verified' : 'all agrees']
      : findingLines(a.findings)),
    ...a.notes.map((note) => `note: ${visible(note)}`),
  ].join('\n');
}

/** All bounties of an escrow. */
export function escrowText(a: EscrowAudit): string {
  const amount = amountIn(a.coins);
  return [
    `escrow ${a.escrow} on chain ${a.chainId}: ${a.bounties.length} bounties, bundles of ${a.replayed} verified again`,
    '',
    table([
      ['bounty', 'status', 'steps', 'reward', 'claims', 'gas', 'outcome'],
      ...a.bounties.map((b) => [
        b.bounty,
        b.status,
        b.terms.steps,
        amount(b.terms.reward, b.terms.token),
        b.claims.length,
        Number(b.gas),
        outcome(b),
      ]),
    ]),
    ...(a.liabilities ?? []).map(
      (l) =>
        `coin ${l.token}: held for bounties ${amount(l.held, l.token)}, credits ${amount(l.credits, l.token)}, balance ${l.balance === null ? 'not told' : amount(l.balance, l.token)}`,
    ),
    ...a.bounties.filter((b) => b.package !== null).map((b) => `\n${auditText(b)}`),
    '',
    ...findingLines([
      ...a.findings,
      ...a.bounties.filter((b) => b.package === null).flatMap((b) => b.findings.map((f) => `bounty ${b.bounty}: ${f}`)),
    ]),
    a.ok ? 'nothing contradicts' : `${a.bounties.filter((b) => !b.ok).length} bounties with findings`,
  ].join('\n');
}
