/** The attacks of docs/attacks.md that come with challenges, demands and delivery, on the escrow's side; the checkers have their own. */
import { expect } from 'chai';
import { describe, it } from 'mocha';
import type { Body, Terms } from '../../verifier/statement.ts';
import {
  TRUE_ROOT,
  answer,
  challenge,
  claimOf,
  claimWith,
  claimed as claimedIn,
  commit,
  complain,
  credit,
  defaulted,
  deliveringBody,
  demand,
  escrowBalance,
  falseAt,
  node,
  passWindow,
  refused,
  reveal,
  send,
} from './support/moves.ts';
import {
  BOND,
  CLAIM,
  DELIVERY,
  DEMAND_FEE,
  FEE,
  type Hex,
  INPUTS,
  REWARD,
  VERIFIER_KEY,
  type World,
  ZERO,
  accept,
  attest,
  attestedAndDelivered,
  body,
  both,
  entered,
  ethers,
  nextBlockAt,
  now,
  optimistic,
  post,
  postValue,
  terms,
  word,
  world,
} from './support/world.ts';

const R = 21888242871839275222246405745257275088548364400416034343698204186575808495617n;
const TRUE = body({ traceRoot: TRUE_ROOT });
const LIE = body({ traceRoot: falseAt(7) });
const CHUNK = node('bundle', 7, 0);

const claimed = (b: Body, make = optimistic, changes: Partial<Terms> = {}) => claimedIn(make, b, changes);

describe('E1 hostile tokens in the longer lives', () => {
  it('E1 a token that stops transfers stops its own reward, and no bond, fee or state', async () => {
    const w = await world();
    const token = await ethers.deployContract('BlocklistToken');
    const t = await optimistic(w, { ...DELIVERY, token: (await token.getAddress()) as Hex });
    await token.getFunction('mint')(w.poster.address, REWARD);
    await token.getFunction('approve')(w.escrowAddress, REWARD);
    await post(w, t);
    await token.getFunction('setBlocked')(w.escrowAddress, true);
    const b = deliveringBody(w, t, w.alice);
    const id = await claimWith(w, t, w.alice, b);
    await demand(w, t, id, CHUNK, w.bob);
    await answer(w, t, w.alice, b, CHUNK);
    await passWindow(w, id);
    await accept(w, t, id);
    await reveal(w, t, w.alice, b);
    await nextBlockAt((await claimOf(w, id)).deadline);
    await send(w, w.anyone, 'settle', t, id);
    await expect(send(w, w.alice, 'withdraw', t.token, w.alice.address)).to.be.revertedWith('blocked');
    await expect(send(w, w.alice, 'withdraw', ZERO, w.alice.address)).to.changeEtherBalance(ethers, w.alice, BOND + DEMAND_FEE);
    expect(await credit(w, w.alice, t.token)).to.equal(REWARD);
  });
});

describe('E3 payees that revert', () => {
  it('E3 a demander, challenger or entrant that cannot receive stops nothing', async () => {
    const w = await world();
    const actor = await ethers.deployContract('Actor', { value: 0n });
    const address = (await actor.getAddress()) as Hex;
    await actor.getFunction('setRefuses')(true);
    const as = (name: string, value: bigint, ...parameters: unknown[]) =>
      actor.getFunction('execute')(w.escrowAddress, value, w.escrow.interface.encodeFunctionData(name, parameters), { value });
    const t = await optimistic(w);
    await post(w, t);
    const id = await claimWith(w, t, w.alice, LIE);
    await as('demand', DEMAND_FEE, t, id, CHUNK, VERIFIER_KEY);
    await nextBlockAt((await w.escrow.getFunction('demandOf')(id, CHUNK)).answerBy);
    await defaulted(w, t, id, CHUNK);
    expect(await credit(w, { address })).to.equal(DEMAND_FEE + BOND / 2n);
    const u = await entered(w);
    await post(w, u);
    await as('enter', BOND, u, word(1));
    await nextBlockAt(u.discloseBy);
    await send(w, w.anyone, 'undisclosed', u);
    await send(w, w.anyone, 'releaseEntry', u, address);
    await expect(as('withdraw', 0n, ZERO, address)).to.be.revertedWith('no money, please');
    await as('withdraw', 0n, ZERO, w.bob.address);
    expect(await credit(w, { address })).to.equal(0n);
  });
});

describe('E6 doing it twice, and under other terms', () => {
  it('E6 settle, unrevealed, complain, defaulted, reclaim and challenge end a claim once', async () => {
    const w = await world();
    const t = await optimistic(w, DELIVERY);
    await post(w, t);
    const b = deliveringBody(w, t, w.alice, { traceRoot: falseAt(7), cipherRoot: falseAt(3) });
    const id = await claimWith(w, t, w.alice, b);
    await commit(w, id, 7, w.bob);
    await passWindow(w, id);
    await accept(w, t, id);
    await reveal(w, t, w.alice, b);
    await complain(w, t, w.alice, b, 3);
    const balance = await credit(w, w.poster);
    await refused(w, complain(w, t, w.alice, b, 3), 'WrongClaimStatus');
    await refused(w, challenge(w, t, w.alice, b, 7, w.bob), 'ClaimNotLive');
    for (const name of ['settle', 'unrevealed', 'accept', 'lapse']) await refused(w, send(w, w.anyone, name, t, id), 'WrongClaimStatus');
    await refused(w, defaulted(w, t, id, CHUNK), 'ClaimNotLive');
    await refused(w, send(w, w.anyone, 'reclaim', t, id, CHUNK), 'DemandNotOpen');
    expect(await credit(w, w.poster)).to.equal(balance);
    expect(await escrowBalance(w)).to.equal(REWARD + BOND);
  });

  it('E6 no call takes a claim under the terms of another bounty', async () => {
    const { w, t, b, id } = await claimed(LIE);
    const other = await optimistic(w, { bond: 100n * BOND, demandFee: 50n * DEMAND_FEE });
    await post(w, other);
    await demand(w, t, id, CHUNK, w.bob);
    await commit(w, id, 7, w.bob);
    for (const call of [
      () => demand(w, other, id, node('bundle', 7, 1), w.bob),
      () => answer(w, other, w.alice, b, CHUNK),
      () => defaulted(w, other, id, CHUNK),
      () => send(w, w.anyone, 'reclaim', other, id, CHUNK),
      () => challenge(w, other, w.alice, b, 7, w.bob),
      () => send(w, w.anyone, 'settle', other, id),
      () => send(w, w.anyone, 'unrevealed', other, id),
    ])
      await refused(w, call(), 'ClaimNotOfBounty');
  });
});

describe('E7 copies and self-challenges', () => {
  it('E7 a fraud proof seen in the pool is no use to who copies it', async () => {
    const { w, t, b, id } = await claimed(LIE);
    await commit(w, id, 7, w.bob);
    // Mallory sees bob's challenge and sends the same: his commitment is bob's, and his own comes too late to be first.
    await refused(w, challenge(w, t, w.alice, b, 7, w.mallory), 'NotCommittedBefore');
    await commit(w, id, 7, w.mallory);
    await challenge(w, t, w.alice, b, 7, w.bob);
    await refused(w, challenge(w, t, w.alice, b, 7, w.mallory), 'ClaimNotLive');
    expect(await credit(w, w.bob)).to.equal(BOND / 2n);
    expect(await credit(w, w.mallory)).to.equal(0n);
  });

  it('E7 who challenges himself, even before the honest challenger, loses half the bond', async () => {
    const { w, t, b, id } = await claimed(LIE);
    await commit(w, id, 7, w.alice);
    await challenge(w, t, w.alice, b, 7, w.alice);
    expect(await credit(w, w.alice)).to.equal(BOND / 2n);
    expect(await credit(w, w.poster)).to.equal(BOND / 2n);
  });

  it('E7 who lets his own demand run out loses half the bond', async () => {
    const { w, t, id } = await claimed(LIE);
    await demand(w, t, id, CHUNK, w.alice);
    await nextBlockAt((await w.escrow.getFunction('demandOf')(id, CHUNK)).answerBy);
    await defaulted(w, t, id, CHUNK);
    expect(await credit(w, w.alice)).to.equal(DEMAND_FEE + BOND / 2n);
  });
});

describe('E8 verdicts under Both', () => {
  it('E8 a verdict after the window comes too late to earn fees', async () => {
    const { w, t, id } = await claimed(TRUE, both);
    await passWindow(w, id);
    await refused(w, attest(w, t, id), 'TooLate');
    await accept(w, t, id);
    expect(await credit(w, w.attesters[0] as World['alice'])).to.equal(0n);
    expect(await credit(w, w.poster)).to.equal(2n * FEE);
  });
});

describe('E9 payment without a verdict', () => {
  it('E9 with delivery an unattested claim is not accepted either, nor revealed or settled', async () => {
    const w = await world();
    const t = await attestedAndDelivered(w);
    await post(w, t);
    const b = deliveringBody(w, t, w.alice);
    const id = await claimWith(w, t, w.alice, b);
    await passWindow(w, id);
    await refused(w, accept(w, t, id), 'NotAttested');
    await refused(w, reveal(w, t, w.alice, b), 'WrongClaimStatus');
    await refused(w, send(w, w.anyone, 'settle', t, id), 'WrongClaimStatus');
  });

  it('E9 under Both an invalid verdict leaves the window as the only way', async () => {
    const { w, t, id } = await claimed(LIE, both);
    await attest(w, t, id, false);
    await refused(w, accept(w, t, id), 'TooEarly');
    await commit(w, id, 7, w.bob);
    await challenge(w, t, w.alice, LIE, 7, w.bob);
    await refused(w, accept(w, t, id), 'WrongClaimStatus');
  });
});

describe('F5 announced values', () => {
  it('F5 a claim that announces a word of r or more is refused, under every rule', async () => {
    for (const make of [terms, optimistic, both]) {
      const w = await world();
      const t = await make(w, { announces: [word(1), word(2)] });
      await post(w, t);
      for (const announced of [
        [R, 0n],
        [0n, 2n ** 256n - 1n],
      ])
        await refused(w, claimWith(w, t, w.alice, body({ announced })), 'AnnouncedOutOfField');
      await claimWith(w, t, w.alice, body({ announced: [R - 1n, 0n] }));
    }
  });
});

describe('F8 withheld words; demands as griefing', () => {
  it('F8 a claim whose data cannot be had costs its bond', async () => {
    const { w, t, id } = await claimed(TRUE);
    await demand(w, t, id, node('trace', 20, 0), w.bob);
    await passWindow(w, id);
    await refused(w, accept(w, t, id), 'OpenDemands');
    await defaulted(w, t, id, node('trace', 20, 0));
    expect(await credit(w, w.bob)).to.equal(DEMAND_FEE + BOND / 2n);
    expect((await claimOf(w, id)).status).to.equal(CLAIM.rejected);
  });

  it('F8 buying every chunk of the largest bundle, and eight demands more, is repaid by half the bond', async () => {
    const maxBundle = 3n * 8192n;
    const { w, t, b, id } = await claimed(LIE, optimistic, { maxBundle, bond: 4n * DEMAND_FEE * (3n + 8n) });
    const bought = [0, 1, 2].map((i) => node('bundle', 7, i)).concat([20, 12, 4].map((level) => node('trace', level, 0)));
    for (const n of bought) await demand(w, t, id, n, w.bob);
    for (const n of bought) await answer(w, t, w.alice, b, n);
    await commit(w, id, 7, w.bob);
    await challenge(w, t, w.alice, b, 7, w.bob);
    expect(await credit(w, w.bob)).to.be.at.least(BigInt(bought.length) * DEMAND_FEE);
  });

  it('F8 who sells a false bundle and refutes it himself before the buyer does loses a quarter of the bond at least', async () => {
    const maxBundle = 3n * 8192n;
    const bond = 4n * DEMAND_FEE * (3n + 8n);
    const { w, t, b, id } = await claimed(LIE, optimistic, { maxBundle, bond });
    await commit(w, id, 7, w.mallory);
    const bought = [0, 1, 2].map((i) => node('bundle', 7, i)).concat([20, 12, 4].map((level) => node('trace', level, 0)));
    for (const n of bought) await demand(w, t, id, n, w.bob);
    for (const n of bought) await answer(w, t, w.alice, b, n);
    await challenge(w, t, w.alice, b, 7, w.mallory);
    const gained = (await credit(w, w.alice)) + (await credit(w, w.mallory));
    expect(bond - gained >= bond / 4n, `${gained} of ${bond}`).to.equal(true);
  });

  it('F8 who pesters a claimant pays him for every answer, and delays the payment by a known time at most', async () => {
    const { w, t, b, id } = await claimed(TRUE);
    const { demandsBy: end } = await claimOf(w, id);
    let asked = 0;
    for (; (await now()) + 5n < end; asked++) {
      const n = node('bundle', 0, asked);
      const { deadline: acceptFrom } = await claimOf(w, id);
      if (acceptFrom - 1n > (await now())) await nextBlockAt(acceptFrom - 1n);
      if ((await now()) + 5n >= end) break;
      await demand(w, t, id, n, w.mallory);
      await nextBlockAt((await w.escrow.getFunction('demandOf')(id, n)).answerBy - 1n);
      await answer(w, t, w.alice, b, n);
    }
    expect(asked).to.be.greaterThan(2);
    expect(await credit(w, w.alice)).to.equal(BigInt(asked) * DEMAND_FEE);
    const { deadline: acceptFrom } = await claimOf(w, id);
    expect(acceptFrom).to.be.at.most(end + t.answer + t.react);
    await nextBlockAt(acceptFrom > (await now()) ? acceptFrom : (await now()) + 1n);
    await accept(w, t, id);
  });

  it('F8 a poster cannot put acceptance off by demands of encrypted rows', async () => {
    const w = await world();
    const t = await attestedAndDelivered(w);
    await post(w, t);
    const id = await claimWith(w, t, w.alice, deliveringBody(w, t, w.alice));
    await demand(w, t, id, node('cipher', 0, 0), w.poster);
    await attest(w, t, id);
    await accept(w, t, id);
  });

  it('F8 no demand can be made that nobody could answer: a node that is not there, a trace that nobody promised', async () => {
    const { w, t, id } = await claimed(TRUE);
    await expect(demand(w, t, id, node('bundle', 0, 2 ** 10), w.bob)).to.be.revertedWithCustomError(w.fraudProof, 'NoSuchNode');
    const plain = await attestedAndDelivered(w);
    await post(w, plain);
    const attested = await claimWith(w, plain, w.bob, deliveringBody(w, plain, w.bob));
    await refused(w, demand(w, plain, attested, node('trace', 0, 0), w.mallory), 'NoVerifierKey');
    await refused(w, demand(w, plain, attested, node('bundle', 0, 0), w.mallory), 'NoVerifierKey');
  });
});

describe('E4 what was committed to', () => {
  it('E4 inputs other than the committed ones, or somebody else’s disclosure, change nothing', async () => {
    const w = await world();
    const t = await entered(w);
    await w.escrow.connect(w.poster).getFunction('post')(t, { value: postValue(t) });
    await nextBlockAt(t.enterBy);
    await refused(w, send(w, w.mallory, 'disclose', t, INPUTS.digest, INPUTS.salt, ''), 'NotPoster');
    await refused(w, send(w, w.poster, 'disclose', t, INPUTS.salt, INPUTS.digest, ''), 'WrongInputs');
    await refused(w, send(w, w.poster, 'disclose', { ...t, inputsCommitment: word(1) }, word(1), word(1), ''), 'BountyNotOpen');
  });
});
