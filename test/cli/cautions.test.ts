/** What `bounty check` warns of: each thing alone, and nothing at its bound. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RULE } from '../../verifier/statement.ts';
import { ANSWER_GAS, cautionsOf, CHALLENGE_GAS, type Surroundings } from '../../scripts/lib/cautions.ts';
import { SECONDS_EACH } from '../../scripts/lib/dispute.ts';

const address = (end: string) => `0x${'00'.repeat(19)}${end}` as const;
const [poster, attester, other] = [address('Aa'), address('Bb'), address('Cc')];
const none = { x: 0n, y: 0n };
const key = { x: 1n, y: 2n };
const terms = {
  ...{ poster, signers: [attester, other], threshold: 2, rule: RULE.attested as number, claimBy: 1000n },
  ...{ bond: 20n * CHALLENGE_GAS, demandFee: 0n, deliveryKey: none, deliveryDepth: 0, answer: 8n * SECONDS_EACH, maxBundle: 8n * 8192n },
};
const calm: Surroundings = { gasPrice: 10n, now: 999n, reservation: null, claims: [{ status: 'rejected' }, { status: 'released' }] };

const cases: readonly [string, Partial<typeof terms>, Partial<Surroundings>, RegExp | null][] = [
  ['nothing', {}, {}, null],
  ['the time to claim is over', {}, { now: 1000n }, /^claims were taken until 1970-01-01T00:16:40Z$/],
  ['a claim before', {}, { claims: [{ status: 'pending' }] }, /^1 claim stands before any new one/],
  ['two before', {}, { claims: [{ status: 'accepted' }, { status: 'pending' }, { status: 'rejected' }] }, /^2 claims stand before/],
  ['a reservation', {}, { reservation: { holder: other, until: 1100 } }, /CC keeps others from claiming until 1970-01-01T00:18:20Z$/i],
  ['the poster judges', { signers: [poster], threshold: 1 }, {}, /^no verdict comes about without the poster/],
  ['in other letters', { signers: [poster.toLowerCase() as typeof poster, attester], threshold: 2 }, {}, /^no verdict comes about/],
  ['the poster judges, but is not needed', { signers: [poster, attester], threshold: 1 }, {}, null],
  ['the poster judges, but time does too', { signers: [poster], threshold: 1, rule: RULE.both }, {}, null],
  ['demands that pay', { rule: RULE.optimistic, signers: [], threshold: 0, demandFee: 10n * ANSWER_GAS }, {}, null],
  [
    'demands that do not',
    { rule: RULE.optimistic, signers: [], threshold: 0, demandFee: 10n * ANSWER_GAS - 1n },
    {},
    /from anybody, for any part of bundle and trace$/,
  ],
  [
    'more chunks than there is time for',
    { rule: RULE.both, maxBundle: 8n * 8192n + 1n },
    {},
    /^9 demands may come at once, and answers to all of them take some 0 hours, one a transaction, where the terms give 0$/,
  ],
  ['as many that nobody may ask for', { maxBundle: 8n * 8192n + 1n }, {}, null],
  ['more rows than there is time for', { deliveryKey: key, deliveryDepth: 7 }, {}, /^16 demands may come at once/],
  ['rows that there is time for', { deliveryKey: key, deliveryDepth: 6 }, {}, null],
  [
    'a bond that pays no challenge',
    { rule: RULE.both, bond: 20n * CHALLENGE_GAS - 1n },
    {},
    /^to refute a false claim brings 0\.000000000002999999 ETH and costs up to 0\.000000000003 /,
  ],
  ['a bond that has to pay none', { bond: 0n }, {}, null],
  [
    'rows',
    { demandFee: 1n, deliveryKey: key, deliveryDepth: 3 },
    {},
    /costs up to 0\.000000000004 .* may come from the poster, for each eight of 8 rows$/,
  ],
  [
    'both',
    { rule: RULE.both, demandFee: 1n, deliveryKey: key },
    {},
    /from anybody, for any part of bundle and trace, and from the poster, for each eight of 1 rows$/,
  ],
];

for (const [name, change, around, expected] of cases)
  test(name, () => {
    const cautions = cautionsOf({ ...terms, ...change }, { ...calm, ...around });
    if (expected === null) assert.deepEqual(cautions, []);
    else {
      assert.equal(cautions.length, 1, cautions.join('; '));
      assert.match(cautions[0] as string, expected);
    }
  });
