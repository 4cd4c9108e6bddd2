/** Money by the rules: what honest histories move, and that an escrow which credits otherwise is found out. Real chains: test/cli. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judged, stateFindings } from '../../scripts/lib/audit/claims.ts';
import { balancesOf, moneyOf, REASONS } from '../../scripts/lib/audit/money.ts';
import { KIND, type Terms } from '../../verifier/statement.ts';
import { ALICE, ATTESTER, BOB, credit, event, EVENTS, FIRST, net, POSTER, sampleAudit, STRANGER, TERMS, TRANSACTIONS } from './sample.ts';

test('a paid bounty: reward and bond to the claimant, the fee to who signed, nothing is left', () => {
  const { flows, findings } = moneyOf(TERMS, EVENTS, TRANSACTIONS);
  assert.deepEqual(findings, []);
  assert.deepEqual(
    [POSTER, ALICE, BOB, ATTESTER].map((who) => net(flows, who)),
    [-1007n, 1000n, 0n, 7n],
  );
  assert.ok(balancesOf(flows).every((b) => b.held === 0n));
});

test('another amount, another account, a credit too many or too few, another payment: each is a finding', () => {
  const credited = (name: string, ...credits: readonly ReturnType<typeof credit>[]): readonly string[] => {
    const at = EVENTS.findIndex((e) => e.name === name);
    return moneyOf(TERMS, EVENTS.with(at, { ...(EVENTS[at] as (typeof EVENTS)[number]), credits }), TRANSACTIONS).findings;
  };
  assert.equal(credited('Paid', credit(ALICE, 1099n)).length, 1);
  assert.equal(credited('Paid', credit(STRANGER, 1100n)).length, 2);
  assert.equal(credited('Paid', credit(ALICE, 1100n), credit(STRANGER, 1n)).length, 1);
  assert.equal(credited('Paid').length, 1);
  assert.equal(credited('Collected', credit(STRANGER, 7n)).length, 2);
  // In two credits it is the same money.
  assert.equal(credited('Paid', credit(ALICE, 1000n), credit(ALICE, 100n)).length, 0);
  const paid = TRANSACTIONS.map((t, i) => (i === 0 ? { ...t, value: 1000n } : t));
  assert.match(moneyOf(TERMS, EVENTS, paid).findings.join(), /paid 1000 wei in, the terms ask for 1007/);
});

/** What the rules move to others than the escrow at these events of a bounty with two claims, of which nothing was compared. */
const moved = (terms: Partial<Terms>, ...events: readonly ReturnType<typeof event>[]) => moneyOf({ ...TERMS, ...terms }, events, []).flows;
const claims = [EVENTS[1], EVENTS[2]] as [ReturnType<typeof event>, ReturnType<typeof event>];

test('rejected claims: the bond goes back, is halved, or is the poster’s, as the reason says', () => {
  const odd = { bond: 101n };
  const rejected = (reason: number, ...before: readonly ReturnType<typeof event>[]) =>
    moved(odd, ...claims, ...before, event(9, 'Rejected', { claimId: FIRST, reason }));
  const nets = (flows: ReturnType<typeof moved>): bigint[] => [ALICE, POSTER, STRANGER].map((who) => net(flows, who));
  assert.deepEqual(nets(rejected(0)), [0n, 0n, 0n]);
  assert.deepEqual(nets(rejected(1)), [0n, 0n, 0n]);
  assert.deepEqual(nets(rejected(2, event(9, 'Challenged', { claimId: FIRST, challenger: STRANGER }))), [-101n, 51n, 50n]);
  const asked = event(5, 'Demanded', { claimId: FIRST, demander: STRANGER });
  const failed = event(9, 'Defaulted', { claimId: FIRST, demander: STRANGER });
  assert.deepEqual(nets(rejected(3, asked, failed)), [-101n, 51n, 50n]);
  assert.deepEqual(nets(rejected(4)), [-101n, 101n, 0n]);
  assert.deepEqual(nets(rejected(5)), [-101n, 101n, 0n]);
});

test('demands: the fee is the claimant’s with the answer, the demander’s without', () => {
  const asked = event(5, 'Demanded', { claimId: FIRST, demander: STRANGER });
  const paid = (end: string) => net(moved({}, claims[0], asked, event(6, end, { claimId: FIRST, demander: STRANGER })), STRANGER);
  assert.deepEqual([paid('Answered'), paid('Reclaimed'), paid('Defaulted')], [-3n, 0n, 0n]);
});

test('reservations: the holder’s claim takes the bond over in time; else it is the poster’s', () => {
  const held = event(1, 'Reserved', { holder: ALICE, until: 1003n });
  assert.equal(net(moved({}, held, claims[0]), ALICE), -100n);
  assert.equal(net(moved({}, event(1, 'Reserved', { holder: ALICE, until: 1002n }), claims[0]), ALICE), -200n);
  assert.equal(net(moved({}, held, event(2, 'ReservationForfeited', { holder: ALICE })), POSTER), 100n);
});

test('entries: bonds come back; what was not disclosed is shared, and the rest is the poster’s', () => {
  const hidden = { kind: KIND.outcome, disclosureBond: 11n, reward: 0n, attesterFee: 0n };
  const entries = [event(1, 'Entered', { entrant: ALICE }), event(2, 'Entered', { entrant: BOB })];
  const released = [event(4, 'EntryReleased', { entrant: ALICE }), event(5, 'EntryReleased', { entrant: BOB })];
  const undisclosed = moved(hidden, event(0, 'Posted', {}), ...entries, event(3, 'Refunded', {}), ...released);
  assert.deepEqual(
    [POSTER, ALICE, BOB].map((who) => net(undisclosed, who)),
    [-10n, 5n, 5n],
  );
  const disclosed = moved(
    hidden,
    event(0, 'Posted', {}),
    ...entries,
    event(3, 'Disclosed', {}),
    claims[0],
    released[1] as (typeof EVENTS)[0],
  );
  assert.deepEqual(
    [POSTER, ALICE, BOB].map((who) => net(disclosed, who)),
    [0n, -100n, 0n],
  );
});

test('records that are not what the events lead to are a finding', () => {
  const { claims: audited } = sampleAudit();
  const records = audited.map((c) => ({ ...c, id: c.claim })) as unknown as Parameters<typeof stateFindings>[1];
  assert.deepEqual(stateFindings('paid', records, EVENTS), []);
  assert.match(stateFindings('open', records, EVENTS).join(), /says that the bounty is open, its events that it is paid/);
  const before = EVENTS.filter((e) => e.name !== 'Released');
  assert.match(stateFindings('paid', records, before).join(), /says that it is released, its events that it is superseded/);
});

test('claims: whoever attested, paid or refuted wrongly is found out; who owes no bundle is noted', () => {
  const [claim] = sampleAudit().claims as [ReturnType<typeof sampleAudit>['claims'][number]];
  const finding = (changes: Partial<typeof claim>): string => {
    const of = judged({ ...claim, ...changes });
    return of === null ? '' : 'finding' in of ? `finding: ${of.finding}` : `note: ${of.note}`;
  };
  assert.equal(finding({}), '');
  assert.match(finding({ valid: false, reason: 'a lie' }), /finding: .*attesters said valid, the bundle is not: a lie/);
  assert.match(finding({ attested: false, status: 'rejected' }), /finding: .*attesters said invalid, the bundle is valid/);
  assert.match(finding({ attested: null, valid: false }), /finding: .*was paid and is not valid/);
  assert.match(finding({ attested: null, trace: false }), /finding: .*trace is false: nobody challenged/);
  assert.match(finding({ attested: null, status: 'rejected', rejected: REASONS[2], trace: true }), /finding: .*was refuted and is right/);
  assert.match(finding({ valid: null }), /finding: .*not to be had/);
  assert.match(finding({ valid: null, status: 'rejected', rejected: REASONS[3] }), /note: .*not to be had/);
  const refused = { name: 'trace', outcome: 'failed', seconds: 0, detail: '' } as const;
  assert.match(finding({ attested: null, checks: [refused] }), /finding: .*recorded verifier refuses/);
});
