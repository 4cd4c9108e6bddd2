/** When, gas and money. */
import { zeroAddress, type Address } from 'viem';
import type { Audit, Flow, Purpose } from '../types.ts';
import { count, happened, utc, type Names } from '../words.ts';
import { code, column, html, link, numbers, table, type Html } from './html.ts';

const WITHDRAWALS = 'Withdrawals since the posting, of an account’s whole credit, whatever bounty it came from';
const COLUMNS = {
  events: [column('when'), column('what'), column('transaction')],
  transactions: [column('transaction'), column('what'), column('sent by'), numbers('gas'), numbers('fee')],
  gas: [column('party'), numbers('transactions'), numbers('gas'), numbers('fee')],
  purposes: [column('purpose'), numbers('paid in'), numbers('credited'), numbers('still held')],
  ends: [column('party'), numbers('put in'), numbers('got'), numbers('net'), numbers('waits to be withdrawn*')],
  flows: [column('when'), column('from → to'), numbers('amount'), column('for'), column('transaction')],
  withdrawals: [column('party'), numbers('amount'), column('to'), numbers('block'), column('transaction')],
};

/** Every event, in order. */
export function timeline(a: Audit, names: Names, prefix: string): Html {
  const rows = a.events.map((e) => [
    html`<time datetime="${new Date(e.time * 1000).toISOString()}">${utc(e.time)}</time><br /><span class="soft"
        >block ${count(e.block)}</span
      >`,
    happened(e, names),
    link(`${prefix}${e.transaction}`, names.transaction(e.transaction)),
  ]);
  return table('Events of the escrow about this bounty', COLUMNS.events, rows);
}

/** Gas by transaction, then by party. */
export function gas(a: Audit, names: Names, prefix: string): Html {
  const all = a.transactions.map((t) => [
    html`<span id="${prefix}${t.hash}">${names.transaction(t.hash)}</span>`,
    html`<div>${t.events.join(', ')}<br />${code(t.hash)}<br /><span class="soft">block ${count(t.block)}, ${utc(t.time)}</span></div>`,
    names.party(t.sender),
    count(t.gas),
    names.amount(t.fee, zeroAddress),
  ]);
  const parties = a.parties
    .filter((p) => p.transactions > 0)
    .map((p) => [p.name, count(p.transactions), count(p.gas), names.amount(p.fees, zeroAddress)]);
  const [sum, fees] = [count(a.gas), names.amount(a.fees, zeroAddress)];
  return html`${table('Gas of each transaction', COLUMNS.transactions, all, ['all', '', '', sum, fees])}
    ${table('Gas of each party', COLUMNS.gas, parties, ['all', count(a.transactions.length), sum, fees])}
    <p class="soft">
      A fee is gas times the price that was paid; what an L2 takes for data comes on top of it. Withdrawals are not counted: they are of an
      account’s whole credit.
    </p> `;
}

const PURPOSES: Readonly<Record<Purpose, string>> = {
  reward: 'reward',
  'attester fee': 'fees of attesters',
  bond: 'bonds',
  'demand fee': 'fees of demands',
  'disclosure bond': 'disclosure bond',
};

/** Where the money came from and went, and what everybody ended with. */
export function money(a: Audit, names: Names, prefix: string): Html {
  const sums = a.balances.map((b) => [PURPOSES[b.purpose], ...[b.paidIn, b.credited, b.held].map((n) => names.amount(n, b.token))]);
  const ends = a.parties.flatMap((p) =>
    p.standings
      .filter((s) => [s.paidIn, s.credited, s.waiting].some((n) => BigInt(n) !== 0n))
      .map((s) => [
        p.name,
        ...[s.paidIn, s.credited].map((n) => names.amount(n, s.token)),
        signed(s.net, s.token, names),
        names.amount(s.waiting, s.token),
      ]),
  );
  const flow = (f: Flow) => [
    html`<time>${utc(f.time)}</time>`,
    f.direction === 'in' ? `${names.party(f.account)} → escrow` : `escrow → ${names.party(f.account)}`,
    names.amount(f.amount, f.token),
    html`${f.purpose}: ${f.why}${f.claim === null ? null : ` (${names.claim(f.claim)})`}`,
    link(`${prefix}${f.transaction}`, names.transaction(f.transaction)),
  ];
  const taken = a.withdrawals.map((w) => [
    names.party(w.account),
    names.amount(w.amount, w.token),
    code(w.to),
    count(w.block),
    code(w.transaction),
  ]);
  return html`<p>
      Amounts follow from the terms and the events; the escrow’s credits were compared with them, event by event, and so was what
      transactions paid in.
    </p>
    ${table('What the bounty’s money was for', COLUMNS.purposes, sums)}
    ${table('What each party ended with, without gas', COLUMNS.ends, ends)}
    <p class="soft">* From all bounties of this escrow.</p>
    ${table('Every movement', COLUMNS.flows, a.flows.map(flow))}
    ${taken.length === 0 ? null : table(WITHDRAWALS, COLUMNS.withdrawals, taken)}`;
}

const signed = (n: bigint, token: Address, { amount }: Names): string => {
  const value = BigInt(n);
  return value < 0n ? `−${amount(-value, token)}` : value > 0n ? `+${amount(value, token)}` : amount(value, token);
};
