/** E5: what is allowed one second before each deadline, at it, and one second after it. */
import { expect } from 'chai';
import { describe, it } from 'mocha';
import {
  BEFORE,
  FROM,
  TRUE_ROOT,
  answer,
  anyone,
  around,
  challenge,
  challengeOf,
  claimOf,
  claimWith,
  commit,
  complain,
  credit,
  defaulted,
  deliveringBody,
  demand,
  falseAt,
  idOf,
  node,
  reveal,
  send,
  turnsAt,
} from './support/moves.ts';
import {
  BOND,
  DAY,
  INPUTS,
  accept,
  attest,
  attestedAndDelivered,
  body,
  both,
  claim,
  entered,
  ethers,
  networkHelpers,
  nextBlockAt,
  now,
  optimistic,
  post,
  sign,
  terms,
  world,
} from './support/world.ts';

const TRUE = body({ traceRoot: TRUE_ROOT });

describe('E5 deadlines of bounties', () => {
  it('E5 claim before claimBy, refund from claimBy', async () => {
    const w = await world();
    const t = await terms(w);
    await post(w, t);
    await turnsAt(
      w,
      t.claimBy,
      () => claim(w, t, w.alice),
      () => anyone(w, 'refund', t),
    );
  });

  it('E5 reserve before claimBy; others from the reservation’s end on, its holder with its bond before', async () => {
    const w = await world();
    const t = await terms(w, { reserveFor: DAY });
    await post(w, t);
    expect(await around(w, t.claimBy, () => send(w, w.alice, 'reserve', t, { value: BOND }))).to.deep.equal(BEFORE);
    await send(w, w.alice, 'reserve', t, { value: BOND });
    const { reservedUntil } = await w.escrow.getFunction('bountyOf')(idOf(w, t));
    const refusal = ['IsReserved', 'WrongValue'];
    expect(await around(w, reservedUntil, () => claimWith(w, t, w.alice, TRUE, 0n), refusal)).to.deep.equal(BEFORE);
    expect(await around(w, reservedUntil, () => claimWith(w, t, w.bob, TRUE), refusal)).to.deep.equal(FROM);
    expect(await around(w, reservedUntil, () => send(w, w.bob, 'reserve', t, { value: BOND }), refusal)).to.deep.equal(FROM);
  });

  it('E5 enter before enterBy, disclose from enterBy; disclose before discloseBy, undisclosed from discloseBy', async () => {
    const w = await world();
    const t = await entered(w);
    await post(w, t);
    const enter = () => send(w, w.alice, 'enter', t, TRUE.adapterRoot, { value: BOND });
    const disclose = () => send(w, w.poster, 'disclose', t, INPUTS.digest, INPUTS.salt, INPUTS.uri);
    await turnsAt(w, t.enterBy, enter, disclose);
    await enter();
    await turnsAt(w, t.discloseBy, disclose, () => anyone(w, 'undisclosed', t));
    await nextBlockAt(t.enterBy);
    await disclose();
    await turnsAt(
      w,
      t.claimBy,
      () => claimWith(w, t, w.alice, TRUE, 0n),
      () => anyone(w, 'releaseEntry', t, w.alice.address),
    );
    expect(await around(w, t.claimBy, () => anyone(w, 'refund', t))).to.deep.equal(FROM);
  });
});

describe('E5 deadlines of claims', () => {
  it('E5 attest before acceptFrom and before its expiry, lapse from acceptFrom', async () => {
    const w = await world();
    const t = await terms(w);
    await post(w, t);
    const id = await claim(w, t, w.alice);
    const { deadline: acceptFrom } = await claimOf(w, id);
    for (const [valid, expiry] of [
      [true, acceptFrom + DAY],
      [false, acceptFrom + DAY],
      [true, acceptFrom - 100n],
    ] as const) {
      const signatures = await sign(w, id, valid, expiry, 0b011);
      const until = expiry < acceptFrom ? expiry : acceptFrom;
      expect(await around(w, until, () => anyone(w, 'attest', t, id, valid, expiry, 0b011, signatures))).to.deep.equal(BEFORE);
    }
    expect(await around(w, acceptFrom, () => anyone(w, 'lapse', t, id))).to.deep.equal(FROM);
  });

  it('E5 accept from acceptFrom under Optimistic, and under Both unless attested; attest before', async () => {
    for (const make of [optimistic, both]) {
      const w = await world();
      const t = await make(w);
      await post(w, t);
      const id = await claimWith(w, t, w.alice, TRUE);
      const { deadline: acceptFrom } = await claimOf(w, id);
      expect(await around(w, acceptFrom, () => accept(w, t, id))).to.deep.equal(FROM);
      if (make === optimistic) continue;
      const signatures = await sign(w, id, true, acceptFrom + DAY, 0b011);
      expect(await around(w, acceptFrom, () => anyone(w, 'attest', t, id, true, acceptFrom + DAY, 0b011, signatures))).to.deep.equal(
        BEFORE,
      );
      await attest(w, t, id);
      await accept(w, t, id);
    }
  });

  it('E5 demand before window + 3 · (answer + react); answer before answerBy, defaulted from answerBy', async () => {
    const w = await world();
    const t = await optimistic(w);
    await post(w, t);
    const id = await claimWith(w, t, w.alice, TRUE);
    const { demandsBy, deadline: acceptFrom } = await claimOf(w, id);
    const n = node('bundle', 7, 0);
    const ask = () => demand(w, t, id, n, w.bob);
    expect(await around(w, demandsBy, ask)).to.deep.equal(BEFORE);
    await nextBlockAt(acceptFrom - 1n);
    await ask();
    const { answerBy } = await w.escrow.getFunction('demandOf')(id, n);
    await turnsAt(
      w,
      answerBy,
      () => answer(w, t, w.alice, TRUE, n),
      () => defaulted(w, t, id, n),
    );
    await nextBlockAt(answerBy - 1n);
    await answer(w, t, w.alice, TRUE, n);
    expect(await around(w, answerBy - 1n + t.react, () => accept(w, t, id))).to.deep.equal(FROM);
  });

  it('E5 reveal before revealBy, unrevealed from revealBy; complain before complainBy, settle from complainBy', async () => {
    const w = await world();
    const t = await attestedAndDelivered(w);
    await post(w, t);
    const b = deliveringBody(w, t, w.alice, { cipherRoot: falseAt(3) });
    const id = await claimWith(w, t, w.alice, b);
    await attest(w, t, id);
    await accept(w, t, id);
    await turnsAt(
      w,
      (await claimOf(w, id)).deadline,
      () => reveal(w, t, w.alice, b),
      () => anyone(w, 'unrevealed', t, id),
    );
    await reveal(w, t, w.alice, b);
    const { deadline: complainBy } = await claimOf(w, id);
    await turnsAt(
      w,
      complainBy,
      () => complain(w, t, w.alice, b, 3),
      () => anyone(w, 'settle', t, id),
    );
    const row = node('cipher', 0, 0);
    expect(await around(w, complainBy, () => demand(w, t, id, row, w.poster))).to.deep.equal(BEFORE);
    // An answer moves both turns, and not the time for demands.
    await nextBlockAt(complainBy - 3n);
    await demand(w, t, id, row, w.poster);
    await answer(w, t, w.alice, b, row);
    await turnsAt(
      w,
      complainBy - 2n + t.react,
      () => complain(w, t, w.alice, b, 3),
      () => anyone(w, 'settle', t, id),
    );
    expect(await around(w, complainBy, () => demand(w, t, id, node('cipher', 0, 1), w.poster))).to.deep.equal(BEFORE);
  });

  it('E5 a challenge counts from the second after its commitment on', async () => {
    const w = await world();
    const t = await optimistic(w);
    await post(w, t);
    const b = body({ traceRoot: falseAt(7) });
    const id = await claimWith(w, t, w.alice, b);
    await commit(w, id, 7, w.bob);
    const committed = await now();
    const snapshot = await networkHelpers.takeSnapshot();
    await nextBlockAt(committed + 1n);
    await challenge(w, t, w.alice, b, 7, w.bob);
    await snapshot.restore();
    // Both in one block: one timestamp.
    await commit(w, id, 8, w.bob);
    await ethers.provider.send('evm_setAutomine', [false]);
    const lie = body({ traceRoot: falseAt(8) });
    const other = await w.escrow.getFunction('claimIdOf')(idOf(w, t), w.alice.address, lie);
    const gas = { gasLimit: 1_000_000n };
    const sent = [
      await w.escrow.connect(w.alice).getFunction('claim')(t, lie, { value: t.bond, ...gas }),
      await commit(w, other, 8, w.bob),
      await w.escrow.connect(w.bob).getFunction('challenge')(...challengeOf(t, w.alice, lie, 8), gas),
    ];
    await networkHelpers.mine();
    await ethers.provider.send('evm_setAutomine', [true]);
    const receipts = await Promise.all(sent.map((tx) => ethers.provider.getTransactionReceipt(tx.hash)));
    expect(new Set(receipts.map((r) => r?.blockNumber)).size).to.equal(1);
    expect(receipts.map((r) => r?.status)).to.deep.equal([1, 1, 0]);
    await challenge(w, t, w.alice, lie, 8, w.bob);
  });

  it('E5 an attested claim never lapses and can be accepted at any time', async () => {
    const w = await world();
    const t = await terms(w);
    await post(w, t);
    const id = await claim(w, t, w.alice);
    await attest(w, t, id);
    await networkHelpers.time.increase(1000n * DAY);
    await expect(w.escrow.getFunction('lapse')(t, id)).to.be.revertedWithCustomError(w.escrow, 'AlreadyAttested');
    await expect(w.escrow.getFunction('refund')(t)).to.be.revertedWithCustomError(w.escrow, 'LiveClaims');
    await accept(w, t, id);
  });

  it('E5 refund and release in one block: a paid bounty is not refunded, a refunded one releases nothing', async () => {
    const w = await world();
    const t = await terms(w);
    await post(w, t);
    const first = await claim(w, t, w.alice);
    const second = await claim(w, t, w.bob);
    await attest(w, t, first);
    await networkHelpers.time.increaseTo(t.claimBy);
    await ethers.provider.send('evm_setAutomine', [false]);
    const gas = { gasLimit: 1_000_000n };
    const sent = [
      await w.escrow.connect(w.anyone).getFunction('accept')(t, first, gas),
      await w.escrow.connect(w.anyone).getFunction('refund')(t, gas),
      await w.escrow.connect(w.anyone).getFunction('release')(t, second, gas),
    ];
    await networkHelpers.mine();
    await ethers.provider.send('evm_setAutomine', [true]);
    const receipts = await Promise.all(sent.map((tx) => ethers.provider.getTransactionReceipt(tx.hash)));
    expect(new Set(receipts.map((r) => r?.blockNumber)).size).to.equal(1);
    expect(receipts.map((r) => r?.status)).to.deep.equal([1, 0, 1]);
    expect(await credit(w, w.poster)).to.equal(0n);

    const u = await terms(w);
    await post(w, u);
    const lapsed = await claim(w, u, w.alice);
    await networkHelpers.time.increaseTo(u.claimBy);
    await w.escrow.getFunction('lapse')(u, lapsed);
    await w.escrow.getFunction('refund')(u);
    await expect(w.escrow.getFunction('release')(u, lapsed)).to.be.revertedWithCustomError(w.escrow, 'BountyNotPaid');
  });
});
