/** What a contributor has to do, by what the chain shows. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { zeroAddress } from 'viem';
import { contributorPlan, dutyText, type Plan } from '../../scripts/lib/keep/duties.ts';
import type { ClaimView, View } from '../../scripts/lib/keep/view.ts';
import { RULE } from '../../verifier/statement.ts';
import { claim, CLAIMANT, OTHER, terms, view, word } from './support.ts';

const plan = (v: View): Plan => contributorPlan(v, ({ claimant }) => claimant === CLAIMANT);
const duties = (v: View): string[] => plan(v).duties.map((d) => ('claim' in d ? `${d.what} ${Number(d.claim)}` : d.what));
const node = (index: bigint) => ({ tree: 0, level: 7, index });
const demand = (index: bigint, answerBy: bigint, status: ClaimView['demands'][number]['status'] = 'open') => ({
  ...{ node: node(index), demander: OTHER, answerBy, status },
});
const attested = terms({ rule: RULE.attested });
const delivery = terms({ rule: RULE.attested, deliveryKey: { x: 1n, y: 2n }, deliveryDepth: 1, revealFor: 200n, complainFor: 200n });

test('before its window ends a claim waits', () => {
  assert.deepEqual(plan(view([claim(1)])), { duties: [], notes: [], over: false });
});

test('demands are answered, the most pressing one first; what is too late is said', () => {
  const asked = claim(1, { openDemands: 3, demands: [demand(1n, 900n), demand(2n, 600n), demand(3n, 400n), demand(4n, 100n, 'answered')] });
  const { duties: due, notes } = plan(view([asked]));
  assert.deepEqual(
    due.map(dutyText),
    [2, 1].map((n) => `answer node ${n} of level 7 of the bundle of claim ${word(1)}`),
  );
  assert.match(notes.join(), /node 3 of level 7 of the bundle was not answered in time/);
});

test('accept: first in the queue, nothing open, its window over or a verdict there', () => {
  assert.deepEqual(duties(view([claim(1)], { now: 999n })), []);
  assert.deepEqual(duties(view([claim(1)], { now: 1000n })), ['accept 1']);
  assert.deepEqual(duties(view([claim(1, { openDemands: 1, demands: [demand(1n, 2000n)] })], { now: 1000n })), ['answer 1']);
  assert.deepEqual(duties(view([claim(1, { attested: true })], { terms: terms({ rule: RULE.both }) })), ['accept 1']);
  assert.deepEqual(duties(view([claim(1, { attested: true })], { terms: attested })), ['accept 1']);
  assert.deepEqual(duties(view([claim(1)], { terms: attested, now: 1000n })), ['lapse 1']);
  assert.deepEqual(duties(view([claim(1, { claimant: OTHER }), claim(2, { attested: true })], { terms: attested })), []);
});

test('another one’s claim that missed its time is ended where it stands before', () => {
  const before = claim(1, { claimant: OTHER });
  assert.deepEqual(duties(view([before, claim(2, { attested: true })], { terms: attested, now: 1000n })), ['lapse 1']);
  const unanswered = { ...before, openDemands: 1, demands: [demand(1n, 600n)] };
  assert.deepEqual(duties(view([unanswered, claim(2)], { now: 700n })), ['defaulted 1']);
  const silent = { ...before, status: 'accepted' as const, deadline: 700n };
  assert.deepEqual(duties(view([silent, claim(2)], { terms: delivery, now: 700n })), ['unrevealed 1']);
  // Without an own claim behind it, it is no business of ours.
  assert.deepEqual(duties(view([unanswered], { now: 700n })), []);
});

test('D1 the key is shown once the acceptance is settled, or half of the time has gone, and never too late', () => {
  const accepted = (acceptedIn: bigint): ClaimView => claim(1, { status: 'accepted', deadline: 700n, acceptedIn });
  assert.deepEqual(duties(view([accepted(8n)], { terms: delivery })), ['reveal 1']);
  assert.deepEqual(duties(view([accepted(9n)], { terms: delivery, now: 599n })), []);
  assert.deepEqual(duties(view([accepted(9n)], { terms: delivery, now: 600n })), ['reveal 1']);
  const late = plan(view([accepted(8n)], { terms: delivery, now: 700n }));
  assert.deepEqual(late.duties, []);
  assert.match(late.notes.join(), /was not shown in time; the bond is lost/);
});

test('the key is shown before demands on another claim are answered, however pressing: they may be thousands', () => {
  const asked = claim(2, { openDemands: 2, demands: [demand(1n, 501n), demand(2n, 502n)] });
  const accepted = claim(1, { status: 'accepted', deadline: 700n, acceptedIn: 8n });
  assert.deepEqual(duties(view([asked, accepted], { terms: delivery })), ['reveal 1', 'answer 2', 'answer 2']);
});

test('settle: after the time of complaints, with no row asked for', () => {
  const revealed = claim(1, { status: 'revealed', deadline: 700n });
  assert.deepEqual(duties(view([revealed], { terms: delivery, now: 699n })), []);
  assert.deepEqual(duties(view([revealed], { terms: delivery, now: 700n })), ['settle 1']);
  const asked = { ...revealed, openRowDemands: 1, demands: [{ ...demand(0n, 800n), node: { tree: 2, level: 3, index: 0n } }] };
  assert.deepEqual(duties(view([asked], { terms: delivery, now: 700n })), ['answer 1']);
});

test('withdraw comes last, when nothing of one’s own is live; then nothing is left', () => {
  const credits = [{ token: zeroAddress, amount: 5n }];
  assert.deepEqual(duties(view([claim(1)], { credits })), []);
  const paid = { bounty: { status: 'paid' as const, first: word(0), disclosed: false } };
  assert.deepEqual(duties(view([claim(1, { status: 'paid' }), claim(2, { status: 'superseded' })], { ...paid, credits })), ['release 2']);
  assert.deepEqual(duties(view([claim(1, { status: 'paid' })], { ...paid, credits })), ['withdraw']);
  assert.equal(plan(view([claim(1, { status: 'paid' })], paid)).over, true);
  assert.equal(plan(view([claim(1, { status: 'rejected' })])).over, true);
});

test('without a claim it waits until nobody can claim any more', () => {
  assert.equal(plan(view([])).over, false);
  assert.equal(plan(view([], { now: 10_000n })).over, true);
  assert.equal(plan(view([], { bounty: { status: 'refunded', first: word(0), disclosed: false } })).over, true);
});
