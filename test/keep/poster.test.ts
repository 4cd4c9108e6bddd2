/** What a poster has to do, by what the chain shows and what lies on the poster's machine. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { zeroAddress } from 'viem';
import { dutyText, type Plan } from '../../scripts/lib/keep/duties.ts';
import { posterPlan, type Posters } from '../../scripts/lib/keep/poster-plan.ts';
import type { ClaimView, View } from '../../scripts/lib/keep/view.ts';
import { KIND, RULE } from '../../verifier/statement.ts';
import { claim, OTHER, POSTER, terms, view, word } from './support.ts';

const nothing: Posters = { has: () => false, received: () => false, wrong: () => false, inputs: false, spend: 0n };
const all: Posters = { ...nothing, has: () => true };
const delivery = terms({
  ...{ rule: RULE.attested, deliveryKey: { x: 1n, y: 2n }, deliveryDepth: 4, revealFor: 200n, complainFor: 200n },
});
const at = (claims: readonly ClaimView[], changes: Partial<View> = {}): View =>
  view(claims, { terms: delivery, account: POSTER, ...changes });
const plan = (v: View, own: Posters = nothing): Plan => posterPlan(v, own);
const duties = (v: View, own?: Posters): string[] =>
  plan(v, own).duties.map((d) => ('part' in d ? `${d.what} ${d.part}` : 'claim' in d ? `${d.what} ${Number(d.claim)}` : d.what));
const revealed = (changes: Partial<ClaimView> = {}): ClaimView =>
  claim(1, { status: 'revealed', deadline: 700n, demandsBy: 700n, ...changes });

test('bundle and ciphertext of the first claim are fetched early, opened once the key is shown', () => {
  assert.deepEqual(duties(at([claim(1), claim(2)])), ['fetch bundle', 'fetch ciphertext']);
  assert.deepEqual(duties(at([claim(1)]), all), []);
  assert.deepEqual(duties(at([revealed()]), { ...nothing, has: (_, part) => part === 'bundle' }), ['fetch ciphertext']);
  assert.deepEqual(duties(at([revealed()]), all), ['receive 1']);
  assert.deepEqual(duties(at([revealed()]), { ...nothing, has: (_, part) => part === 'ciphertext' }), ['fetch bundle', 'receive 1']);
  assert.deepEqual(duties(at([revealed()]), { ...all, received: () => true }), []);
  // The same when the poster was away until it was paid.
  const paid = { bounty: { status: 'paid' as const, first: word(0), disclosed: false } };
  assert.deepEqual(duties(at([claim(1, { status: 'paid' })], paid), all), ['receive 1']);
});

test('rows are asked for on the chain in the second half of the time, up to the allowed price, once each', () => {
  const dear = { ...nothing, has: (_: ClaimView, part: string) => part === 'bundle', spend: 4n };
  assert.deepEqual(duties(at([revealed()], { now: 599n }), dear), ['fetch ciphertext']);
  assert.deepEqual(duties(at([revealed()], { now: 600n }), dear), ['fetch ciphertext', 'demand 1', 'demand 1']);
  const asked = (index: bigint) => ({ node: { tree: 2, level: 3, index }, demander: POSTER, answerBy: 690n, status: 'open' as const });
  assert.deepEqual(
    plan(at([revealed({ demands: [asked(0n)], openRowDemands: 1 })], { now: 600n }), dear).duties.map(dutyText),
    [`demand node 1 of level 3 of the encrypted rows of claim ${word(1)}`, `fetch ciphertext of claim ${word(1)}`],
    'stores are not asked between the demands',
  );
  const cheap = plan(at([revealed()], { now: 600n }), { ...dear, spend: 3n });
  assert.deepEqual([cheap.duties.map((d) => d.what), cheap.notes.length], [['fetch'], 1]);
  assert.match(cheap.notes.join(), /costs 4 wei; allow it with --demand-up-to/);
  assert.deepEqual(duties(at([revealed()], { now: 700n }), dear), ['fetch ciphertext']);
  // Many rows take long: with 2^9, 64 demands of half a minute each need all the time that there is, and are begun at once.
  const many = terms({ ...delivery, deliveryDepth: 9, complainFor: 2000n });
  const late = revealed({ deadline: 2500n, demandsBy: 2500n });
  assert.equal(duties(at([late], { terms: many, now: 579n }), { ...dear, spend: 128n }).length, 1);
  assert.equal(duties(at([late], { terms: many, now: 580n }), { ...dear, spend: 128n }).length, 65);
  // Who does not answer loses the claim.
  assert.deepEqual(duties(at([revealed({ demands: [asked(0n), asked(1n)] })], { now: 690n }), dear), ['defaulted 1', 'fetch ciphertext']);
});

test('D2 a wrong row is complained about within the time, and not after it', () => {
  const wrong = { ...all, wrong: () => true };
  assert.deepEqual(duties(at([revealed()], { now: 699n }), wrong), ['complain 1']);
  const late = plan(at([revealed()], { now: 700n }), wrong);
  assert.deepEqual(late.duties, []);
  assert.match(late.notes.join(), /the time for complaints is over/);
});

test('D1 a key that was not shown in time costs the bond; a lapsed claim is ended only where it stands before the refund', () => {
  assert.deepEqual(duties(at([claim(1, { status: 'accepted', deadline: 500n })]), all), ['unrevealed 1']);
  assert.deepEqual(duties(at([claim(1, { deadline: 400n })]), all), []);
  assert.deepEqual(duties(at([claim(1, { deadline: 400n })], { now: 10_000n }), all), ['lapse 1']);
});

test('once nobody can claim any more, what holds up the end is ended, to whomever it pays', () => {
  const verdict = claim(1, { attested: true });
  assert.deepEqual(duties(at([verdict]), all), []);
  assert.deepEqual(duties(at([verdict], { now: 10_000n }), all), ['accept 1']);
  const received = { ...all, received: () => true };
  assert.deepEqual(duties(at([revealed()], { now: 700n }), received), []);
  assert.deepEqual(duties(at([revealed()], { now: 10_000n }), received), ['settle 1']);
});

test('refund, then the fees of open demands, then withdraw; then nothing is left', () => {
  const credits = [{ token: zeroAddress, amount: 5n }];
  assert.deepEqual(duties(at([], { credits })), []);
  assert.deepEqual(duties(at([], { credits, now: 10_000n })), ['refund']);
  const refunded = { bounty: { status: 'refunded' as const, first: word(0), disclosed: false }, credits };
  const open = { node: { tree: 0, level: 7, index: 0n }, answerBy: 1n, status: 'open' as const };
  const ended = claim(1, { status: 'rejected', demands: [{ ...open, demander: POSTER }] });
  assert.deepEqual(duties(at([ended], refunded)), ['reclaim 1']);
  assert.deepEqual(duties(at([{ ...ended, demands: [{ ...open, demander: OTHER }] }], refunded)), ['withdraw']);
  assert.equal(plan(at([], { ...refunded, credits: [] })).over, true);
});

test('inputs are disclosed between their times', () => {
  const outcome = terms({ kind: KIND.outcome, enterBy: 400n, discloseBy: 600n });
  const shown = { ...nothing, inputs: true };
  assert.deepEqual(duties(at([], { terms: outcome, now: 399n }), shown), []);
  assert.deepEqual(duties(at([], { terms: outcome }), shown), ['disclose']);
  assert.match(plan(at([], { terms: outcome })).notes.join(), /give them with --inputs/);
  assert.match(plan(at([], { terms: outcome, now: 600n }), shown).notes.join(), /not disclosed in time/);
  const disclosed = { bounty: { status: 'open' as const, first: word(0), disclosed: true } };
  assert.deepEqual(duties(at([], { terms: outcome, ...disclosed }), shown), []);
  assert.deepEqual(duties(at([], { terms: outcome, ...disclosed, now: 10_000n }), shown), ['refund']);
});
