/** Which terms the escrow takes. */
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { KIND, RULE, type Terms } from '../../verifier/statement.ts';
import {
  BOND,
  DAY,
  MINIMUM_REACTION,
  MINIMUM_WINDOW,
  ZERO,
  attestedAndDelivered,
  entered,
  ethers,
  now,
  optimistic,
  postValue,
  terms,
  word,
  world,
  type Hex,
  type World,
} from './support/world.ts';

const MAX = (1n << 64n) - 1n;
const Q = 21888242871839275222246405745257275088696311157297823662689037894645226208583n;

const attempt = (w: World, t: Terms) => w.escrow.getFunction('post')(t, { value: postValue(t) });

async function refused(w: World, make: typeof terms, cases: readonly (readonly [Partial<Terms>, string])[]): Promise<void> {
  await attempt(w, await make(w));
  for (const [change, error] of cases) {
    const t = await make(w, change);
    const what = JSON.stringify(change, (_, v: unknown) => (typeof v === 'bigint' ? String(v) : v));
    await expect(attempt(w, t), what).to.be.revertedWithCustomError(w.escrow, error);
  }
}

describe('terms', () => {
  it('has limits that hold for every kind and rule', async () => {
    const w = await world();
    const many = Array.from({ length: 17 }, (_, i) => `0x${(i + 1).toString(16).padStart(40, '0')}` as const);
    const [a, b, c] = w.attesters.map((x) => x.address as Hex) as [Hex, Hex, Hex];
    await refused(w, terms, [
      [{ signers: many }, 'TooManySigners'],
      [{ threshold: 0 }, 'ThresholdOutOfRange'],
      [{ threshold: 4 }, 'ThresholdOutOfRange'],
      [{ signers: [] }, 'ThresholdOutOfRange'],
      [{ signers: [a, c, b] }, 'SignersNotAscending'],
      [{ signers: [a, a, b] }, 'SignersNotAscending'],
      [{ signers: [ZERO, a, b] }, 'SignersNotAscending'],
      [{ steps: 0 }, 'StepsNotDivisible'],
      [{ stepsPerProof: 0 }, 'StepsNotDivisible'],
      [{ stepsPerProof: 3 }, 'StepsNotDivisible'],
      [{ announces: Array.from({ length: 17 }, (_, i) => word(i + 1)) }, 'TooManyAnnounced'],
      [{ window: MINIMUM_WINDOW - 1n }, 'DurationOutOfRange'],
      [{ window: MAX }, 'DurationOutOfRange'],
      [{ reserveFor: MAX }, 'DurationOutOfRange'],
      [{ reserveFor: 1n, bond: 0n }, 'BondTooSmall'],
      [{ reward: 2n ** 128n }, 'RewardTooLarge'],
      [{ claimBy: await now() }, 'ClaimByOutOfRange'],
      [{ claimBy: MAX }, 'ClaimByOutOfRange'],
    ]);
  });

  it('takes nothing under Attested that only other rules or delivery have', async () => {
    const w = await world();
    await refused(w, terms, [
      [{ verifierKey: word(1) }, 'WrongKey'],
      [{ answer: DAY }, 'UnexpectedDemands'],
      [{ react: DAY }, 'UnexpectedDemands'],
      [{ demandFee: 1n }, 'UnexpectedDemands'],
      [{ revealFor: DAY }, 'UnexpectedDelivery'],
      [{ complainFor: DAY }, 'UnexpectedDelivery'],
      [{ deliveryDepth: 1 }, 'UnexpectedDelivery'],
      [{ enterBy: 1n }, 'UnexpectedEntries'],
      [{ discloseBy: 1n }, 'UnexpectedEntries'],
      [{ disclosureBond: 1n }, 'UnexpectedEntries'],
      [{ inputsCommitment: word(1) }, 'UnexpectedEntries'],
    ]);
  });

  it('under Optimistic wants a key, no attesters, and a bond that repays whoever buys the whole bundle', async () => {
    const w = await world();
    await refused(w, optimistic, [
      [{ verifierKey: word(0) }, 'WrongKey'],
      [{ signers: w.attesters.map((x) => x.address as Hex) }, 'TooManySigners'],
      [{ threshold: 1 }, 'ThresholdOutOfRange'],
      [{ demandFee: 0n }, 'FreeDemands'],
      [{ answer: MINIMUM_REACTION - 1n }, 'DurationOutOfRange'],
      [{ react: MINIMUM_REACTION - 1n }, 'DurationOutOfRange'],
      [{ answer: MAX }, 'DurationOutOfRange'],
    ]);
    // 3 chunks and a byte: 4 · fee · (4 + 8).
    const maxBundle = 3n * 8192n + 1n;
    await expect(attempt(w, await optimistic(w, { maxBundle, demandFee: 10n, bond: 479n })))
      .to.be.revertedWithCustomError(w.escrow, 'BondTooSmall')
      .withArgs(479n, 480n);
    await attempt(w, await optimistic(w, { maxBundle, demandFee: 10n, bond: 480n }));
  });

  it('under Both wants attesters and a key', async () => {
    const w = await world();
    const both: typeof terms = (x, changes = {}) =>
      optimistic(x, { rule: RULE.both, signers: w.attesters.map((y) => y.address as Hex), threshold: 2, ...changes });
    await refused(w, both, [
      [{ verifierKey: word(0) }, 'WrongKey'],
      [{ threshold: 0 }, 'ThresholdOutOfRange'],
      [{ demandFee: BOND }, 'BondTooSmall'],
    ]);
  });

  it('with delivery wants a finite point of the curve, and times to reveal, complain and answer', async () => {
    const w = await world();
    await refused(w, attestedAndDelivered, [
      [{ deliveryKey: { x: 1n, y: 1n } }, 'InvalidPoint'],
      [{ deliveryKey: { x: 1n, y: 2n + Q } }, 'InvalidPoint'],
      [{ deliveryKey: { x: 1n + Q, y: 2n } }, 'InvalidPoint'],
      [{ deliveryKey: { x: 0n, y: 1n } }, 'InvalidPoint'],
      [{ revealFor: MINIMUM_REACTION - 1n }, 'DurationOutOfRange'],
      [{ complainFor: MINIMUM_REACTION - 1n }, 'DurationOutOfRange'],
      [{ complainFor: MAX }, 'DurationOutOfRange'],
      [{ answer: MINIMUM_REACTION - 1n }, 'DurationOutOfRange'],
      [{ react: 0n }, 'DurationOutOfRange'],
      [{ demandFee: 0n }, 'FreeDemands'],
      [{ deliveryDepth: 33 }, 'DeliveryDepthOutOfRange'],
    ]);
  });

  it('of other kinds wants committed inputs, and entering, disclosing and claiming in this order', async () => {
    const w = await world();
    const time = await now();
    for (const kind of [KIND.outcome, KIND.compatibility]) {
      const make: typeof terms = (x, changes = {}) => entered(x, { kind, ...changes });
      await refused(w, make, [
        [{ inputsCommitment: word(0) }, 'EmptyRoot'],
        [{ enterBy: time }, 'EntryTimesOutOfOrder'],
        [{ enterBy: time + 2n * DAY, discloseBy: time + 3n * DAY - 1n }, 'EntryTimesOutOfOrder'],
        [{ discloseBy: time + 4n * DAY, claimBy: time + 5n * DAY - 1n }, 'EntryTimesOutOfOrder'],
        [{ reserveFor: DAY }, 'UnexpectedReservation'],
      ]);
    }
    expect(ethers.keccak256(ethers.AbiCoder.defaultAbiCoder().encode(['bytes32', 'bytes32'], [word(0x21), word(0x22)]))).to.equal(
      (await entered(w)).inputsCommitment,
    );
  });
});
