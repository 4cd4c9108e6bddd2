/** Rules Optimistic and Both: windows, challenges, demands. */
import { expect } from 'chai';
import { describe, it } from 'mocha';
import type { Body, Terms } from '../../verifier/statement.ts';
import {
  FAULTLESS_ROOT,
  TRUE_ROOT,
  accusation,
  answer,
  answerTo,
  challenge,
  claimOf,
  claimWith,
  claimed as claimedIn,
  commit,
  commitmentOf,
  credit,
  defaulted,
  demand,
  falseAt,
  idOf,
  node,
  passWindow,
  refused,
  send,
  SALT,
} from './support/moves.ts';
import {
  BOND,
  CLAIM,
  DAY,
  DEMAND_FEE,
  FEE,
  REASON,
  REWARD,
  STATUS,
  VERIFIER_KEY,
  type World,
  ZERO,
  ZERO32,
  accept,
  attest,
  body,
  both,
  nextBlockAt,
  now,
  optimistic,
  post,
  terms,
  word,
  world,
} from './support/world.ts';

const TRUE = body({ traceRoot: TRUE_ROOT });

const claimed = (make: typeof optimistic = optimistic, b: Body = TRUE, changes: Partial<Terms> = {}) => claimedIn(make, b, changes);

describe('Optimistic', () => {
  it('pays after an undisturbed window, without attesters', async () => {
    const { w, t, id } = await claimed();
    await refused(w, accept(w, t, id), 'TooEarly');
    await passWindow(w, id);
    await accept(w, t, id);
    expect(await credit(w, w.alice)).to.equal(REWARD + BOND);
    expect((await claimOf(w, id)).status).to.equal(CLAIM.paid);
  });

  it('lets windows in the queue run meanwhile', async () => {
    const { w, t, id } = await claimed();
    const second = await claimWith(w, t, w.bob, TRUE);
    await passWindow(w, second);
    await refused(w, accept(w, t, second), 'ClaimNotFirst');
    await accept(w, t, id);
    await send(w, w.anyone, 'release', t, second);
    expect(await credit(w, w.bob)).to.equal(BOND);
  });

  it('never lapses, and takes nobody’s verdict', async () => {
    const { w, t, id } = await claimed();
    const expiry = (await now()) + DAY;
    await refused(w, send(w, w.anyone, 'attest', t, id, true, expiry, 0, []), 'WrongSignatureCount');
    await refused(w, send(w, w.anyone, 'attest', t, id, true, expiry, 1, []), 'UnknownAttester');
    await passWindow(w, id);
    await refused(w, send(w, w.anyone, 'lapse', t, id), 'NeverLapses');
  });
});

describe('Both', () => {
  it('pays at once what attesters found valid, and their fees', async () => {
    const { w, t, id } = await claimed(both);
    await attest(w, t, id);
    await accept(w, t, id);
    expect(await credit(w, w.alice)).to.equal(REWARD + BOND);
    await send(w, w.anyone, 'collect', t, id);
    for (const attester of w.attesters.slice(0, 2)) expect(await credit(w, attester)).to.equal(FEE);
  });

  it('pays after the window what nobody judged, and gives the fees back', async () => {
    const { w, t, id } = await claimed(both);
    await refused(w, accept(w, t, id), 'TooEarly');
    await passWindow(w, id);
    await refused(w, attest(w, t, id), 'TooLate');
    await refused(w, send(w, w.anyone, 'lapse', t, id), 'NeverLapses');
    await accept(w, t, id);
    expect(await credit(w, w.poster)).to.equal(2n * FEE);
    await refused(w, send(w, w.anyone, 'collect', t, id), 'NothingToCollect');
  });

  it('lets an invalid verdict only block the short way', async () => {
    const { w, t, id } = await claimed(both);
    await attest(w, t, id, false);
    const record = await claimOf(w, id);
    expect([record.status, record.barred]).to.deep.equal([CLAIM.pending, true]);
    await refused(w, attest(w, t, id, true), 'AlreadyAttested');
    await refused(w, accept(w, t, id), 'TooEarly');
    await passWindow(w, id);
    await accept(w, t, id);
    expect(await credit(w, w.alice)).to.equal(REWARD + BOND);
  });
});

describe('commit and challenge', () => {
  it('rejects a false claim: half the bond to the challenger, half to the poster', async () => {
    const b = body({ traceRoot: falseAt(7) });
    const { w, t, id } = await claimed(optimistic, b, { bond: BOND + 1n });
    await expect(commit(w, id, 7, w.bob))
      .to.emit(w.escrow, 'Committed')
      .withArgs(commitmentOf(id, 7, w.bob), w.bob.address);
    const call = challenge(w, t, w.alice, b, 7, w.bob);
    await expect(call).to.emit(w.escrow, 'Challenged').withArgs(id, idOf(w, t), w.bob.address, 7n, 1n);
    await expect(call).to.emit(w.escrow, 'Rejected').withArgs(id, idOf(w, t), REASON.challenged);
    expect(await credit(w, w.bob)).to.equal(BOND / 2n);
    expect(await credit(w, w.poster)).to.equal(BOND / 2n + 1n);
    expect((await w.escrow.getFunction('bountyOf')(idOf(w, t))).first).to.equal(ZERO32);
  });

  it('never rejects a true one, or believes a checker that finds no fault', async () => {
    for (const [traceRoot, error] of [
      [TRUE_ROOT, 'TrueInstruction'],
      [falseAt(8), 'TrueInstruction'],
      [FAULTLESS_ROOT, 'NoFault'],
    ] as const) {
      const b = body({ traceRoot });
      const { w, t, id } = await claimed(optimistic, b);
      await commit(w, id, 7, w.bob);
      const contract = error === 'NoFault' ? w.escrow : w.fraudProof;
      await expect(challenge(w, t, w.alice, b, 7, w.bob)).to.be.revertedWithCustomError(contract, error);
    }
  });

  it('wants the commitment of this claim, position, sender and salt, at an earlier timestamp', async () => {
    const b = body({ traceRoot: falseAt(7) });
    const { w, t, id } = await claimed(optimistic, b);
    const other = await claimWith(w, t, w.mallory, b);
    await refused(w, challenge(w, t, w.alice, b, 7, w.bob), 'NotCommittedBefore');
    await commit(w, other, 7, w.bob);
    await commit(w, id, 8, w.bob);
    await commit(w, id, 7, w.mallory);
    await refused(w, challenge(w, t, w.alice, b, 7, w.bob), 'NotCommittedBefore');
    await commit(w, id, 7, w.bob);
    await refused(w, challenge(w, t, w.alice, b, 7, w.bob, word(1)), 'NotCommittedBefore');
    // In the block of the commitment itself it is too early; the first commitment's time counts.
    const first = await w.escrow.getFunction('committedAt')(commitmentOf(id, 7, w.bob));
    await commit(w, id, 7, w.bob);
    expect(await w.escrow.getFunction('committedAt')(commitmentOf(id, 7, w.bob))).to.equal(first);
    await challenge(w, t, w.alice, b, 7, w.bob);
  });

  it('reaches a claim in any live state and any place of the queue, and none that ended', async () => {
    const b = body({ traceRoot: falseAt(7) });
    const { w, t, id } = await claimed(optimistic, b);
    const second = await claimWith(w, t, w.bob, b);
    for (const x of [id, second]) await commit(w, x, 7, w.mallory);
    await challenge(w, t, w.bob, b, 7, w.mallory);
    await refused(w, challenge(w, t, w.bob, b, 7, w.mallory), 'ClaimNotLive');
    await passWindow(w, id);
    await accept(w, t, id);
    await refused(w, challenge(w, t, w.alice, b, 7, w.mallory), 'BountyNotOpen');
  });

  it('is not there under Attested, and wants the key that the terms pin and the claim’s body', async () => {
    const b = body({ traceRoot: falseAt(7) });
    const { w, t, id } = await claimed(optimistic, b);
    await commit(w, id, 7, w.bob);
    const call = (key: object, content: Body) => send(w, w.bob, 'challenge', t, w.alice.address, content, SALT, key, accusation(7));
    await refused(w, call({ ...VERIFIER_KEY, traceDepth: 21 }, b), 'WrongKey');
    await refused(w, call(VERIFIER_KEY, body({ traceRoot: falseAt(7), nonce: word(1) })), 'ClaimNotOfBounty');
    const plain = await terms(w);
    await post(w, plain);
    const attested = await claimWith(w, plain, w.alice, b);
    await commit(w, attested, 7, w.bob);
    await refused(w, challenge(w, plain, w.alice, b, 7, w.bob), 'NoVerifierKey');
  });
});

describe('demand, answer, defaulted, reclaim', () => {
  const CHUNK = node('bundle', 7, 3);

  it('an answer earns the fee and gives time to react', async () => {
    const { w, t, b, id } = await claimed();
    const { deadline: acceptFrom } = await claimOf(w, id);
    await nextBlockAt(acceptFrom - 10n);
    await expect(demand(w, t, id, CHUNK, w.bob))
      .to.emit(w.escrow, 'Demanded')
      .withArgs(id, idOf(w, t), w.bob.address, (n: { index: bigint }) => n.index === 3n, acceptFrom - 10n + t.answer);
    expect((await claimOf(w, id)).openDemands).to.equal(1n);
    await nextBlockAt(acceptFrom + 5n);
    await expect(answer(w, t, w.alice, b, CHUNK)).to.emit(w.escrow, 'Answered');
    expect(await credit(w, w.alice)).to.equal(DEMAND_FEE);
    const record = await claimOf(w, id);
    expect([record.openDemands, record.deadline]).to.deep.equal([0n, acceptFrom + 5n + t.react]);
    await refused(w, accept(w, t, id), 'TooEarly');
    await passWindow(w, id);
    await accept(w, t, id);
  });

  it('an early answer takes nothing off the window', async () => {
    const { w, t, b, id } = await claimed();
    const { deadline: acceptFrom } = await claimOf(w, id);
    await demand(w, t, id, CHUNK, w.bob);
    await answer(w, t, w.alice, b, CHUNK);
    expect((await claimOf(w, id)).deadline).to.equal(acceptFrom);
  });

  it('an open demand stops acceptance, attested or not', async () => {
    for (const attested of [false, true]) {
      const { w, t, b, id } = await claimed(both);
      await demand(w, t, id, CHUNK, w.bob);
      if (attested) await attest(w, t, id);
      else await passWindow(w, id);
      await refused(w, accept(w, t, id), 'OpenDemands');
      if (attested) {
        await answer(w, t, w.alice, b, CHUNK);
        await accept(w, t, id);
      }
    }
  });

  it('without an answer the claim is rejected: fee and half the bond to the demander, half to the poster', async () => {
    const { w, t, b, id } = await claimed();
    await demand(w, t, id, CHUNK, w.bob);
    await refused(w, defaulted(w, t, id, CHUNK), 'TooEarly');
    await nextBlockAt((await w.escrow.getFunction('demandOf')(id, CHUNK)).answerBy);
    await refused(w, answer(w, t, w.alice, b, CHUNK), 'TooLate');
    const call = defaulted(w, t, id, CHUNK);
    await expect(call).to.emit(w.escrow, 'Defaulted');
    await expect(call).to.emit(w.escrow, 'Rejected').withArgs(id, idOf(w, t), REASON.defaulted);
    expect(await credit(w, w.bob)).to.equal(DEMAND_FEE + BOND / 2n);
    expect(await credit(w, w.poster)).to.equal(BOND / 2n);
    await refused(w, defaulted(w, t, id, CHUNK), 'ClaimNotLive');
  });

  it('a wrong answer is no answer', async () => {
    const { w, t, b, id } = await claimed();
    await demand(w, t, id, CHUNK, w.bob);
    const { words, path } = answerTo(t, b, CHUNK);
    const attempt = (x: Body, n: typeof CHUNK, list: string[], key: object = VERIFIER_KEY) =>
      send(w, w.alice, 'answer', t, w.alice.address, x, n, key, list, path);
    await expect(attempt(b, CHUNK, [word(1)])).to.be.revertedWithCustomError(w.fraudProof, 'WrongAnswer');
    await expect(attempt(b, CHUNK, [])).to.be.revertedWithCustomError(w.fraudProof, 'WrongAnswerLength');
    await refused(w, attempt(b, { ...CHUNK, index: 4 }, words), 'DemandNotOpen');
    await refused(w, attempt(body({ traceRoot: TRUE_ROOT, nonce: word(1) }), CHUNK, words), 'ClaimNotOfBounty');
    await refused(w, attempt(b, CHUNK, words, { ...VERIFIER_KEY, bundleDepth: 9 }), 'WrongKey');
    await attempt(b, CHUNK, words);
    await refused(w, attempt(b, CHUNK, words), 'DemandNotOpen');
  });

  it('asks for nodes that the tree has, once each, for the fee, with the key', async () => {
    const { w, t, b, id } = await claimed();
    await refused(w, demand(w, t, id, CHUNK, w.bob, DEMAND_FEE - 1n), 'WrongValue');
    for (const missing of [node('bundle', 7, 8), node('bundle', 11, 0), node('trace', 0, 2 ** 20)])
      await expect(demand(w, t, id, missing, w.bob)).to.be.revertedWithCustomError(w.fraudProof, 'NoSuchNode');
    await refused(w, send(w, w.bob, 'demand', t, id, CHUNK, { ...VERIFIER_KEY, k: 13 }, { value: DEMAND_FEE }), 'WrongKey');
    await demand(w, t, id, CHUNK, w.bob);
    await refused(w, demand(w, t, id, CHUNK, w.mallory), 'AlreadyDemanded');
    await demand(w, t, id, node('trace', 12, 255), w.mallory);
    expect((await claimOf(w, id)).openDemands).to.equal(2n);
    await answer(w, t, w.alice, b, CHUNK);
    await refused(w, demand(w, t, id, CHUNK, w.mallory), 'AlreadyDemanded');
    await refused(w, demand(w, t, id, node('cipher', 0, 0), w.poster), 'NoDelivery');
    await answer(w, t, w.alice, b, node('trace', 12, 255));
    expect(await credit(w, w.alice)).to.equal(2n * DEMAND_FEE);
  });

  it('is not there under Attested', async () => {
    const w = await world();
    const t = await terms(w);
    await post(w, t);
    const id = await claimWith(w, t, w.alice, TRUE);
    await refused(w, demand(w, t, id, CHUNK, w.bob), 'NoVerifierKey');
  });

  it('gives the fee back when the claim ended otherwise, and not while it lives', async () => {
    const lie = body({ traceRoot: falseAt(7) });
    const reclaim = (w: World, t: Terms, id: string, n = CHUNK) => send(w, w.anyone, 'reclaim', t, id, n);
    // Challenged.
    {
      const { w, t, id } = await claimed(optimistic, lie);
      await demand(w, t, id, CHUNK, w.bob);
      await refused(w, reclaim(w, t, id), 'ClaimIsLive');
      await commit(w, id, 7, w.mallory);
      await challenge(w, t, w.alice, lie, 7, w.mallory);
      await expect(reclaim(w, t, id)).to.emit(w.escrow, 'Reclaimed');
      expect(await credit(w, w.bob)).to.equal(DEMAND_FEE);
      await refused(w, reclaim(w, t, id), 'DemandNotOpen');
    }
    // Another claim was paid meanwhile.
    {
      const { w, t, id } = await claimed();
      const second = await claimWith(w, t, w.bob, TRUE);
      await demand(w, t, second, CHUNK, w.mallory);
      await passWindow(w, id);
      await accept(w, t, id);
      await refused(w, defaulted(w, t, second, CHUNK), 'BountyNotOpen');
      await refused(w, answer(w, t, w.bob, TRUE, CHUNK), 'BountyNotOpen');
      await reclaim(w, t, second);
      await send(w, w.anyone, 'release', t, second);
      expect(await credit(w, w.mallory)).to.equal(DEMAND_FEE);
      expect(await credit(w, w.bob)).to.equal(BOND);
    }
    // One of two demands defaulted: the other one's fee comes back.
    {
      const { w, t, id } = await claimed();
      await demand(w, t, id, CHUNK, w.bob);
      await demand(w, t, id, node('bundle', 7, 4), w.mallory);
      await nextBlockAt((await w.escrow.getFunction('demandOf')(id, node('bundle', 7, 4))).answerBy);
      await defaulted(w, t, id, CHUNK);
      await refused(w, reclaim(w, t, id), 'DemandNotOpen');
      await reclaim(w, t, id, node('bundle', 7, 4));
      expect(await credit(w, w.mallory)).to.equal(DEMAND_FEE);
    }
  });

  it('ends 3 · (answer + react) after the window, so that everything ends', async () => {
    const { w, t, id } = await claimed();
    const { demandsBy, deadline } = await claimOf(w, id);
    expect(demandsBy - deadline).to.equal(3n * (t.answer + t.react));
    await nextBlockAt(demandsBy);
    await refused(w, demand(w, t, id, CHUNK, w.bob), 'TooLate');
    await accept(w, t, id);
    expect((await w.escrow.getFunction('bountyOf')(idOf(w, t))).status).to.equal(STATUS.paid);
  });

  it('leaves time for three demands, one after the other, made at the last moment each', async () => {
    const { w, t, b, id } = await claimed();
    for (const level of [20, 12, 4]) {
      const { deadline: acceptFrom } = await claimOf(w, id);
      await nextBlockAt(acceptFrom - 1n);
      await demand(w, t, id, node('trace', level, 0), w.bob);
      await refused(w, accept(w, t, id), 'OpenDemands');
      await nextBlockAt((await w.escrow.getFunction('demandOf')(id, node('trace', level, 0))).answerBy - 1n);
      await answer(w, t, w.alice, b, node('trace', level, 0));
    }
    await refused(w, accept(w, t, id), 'TooEarly');
    expect(await credit(w, w.alice, ZERO)).to.equal(3n * DEMAND_FEE);
  });
});
