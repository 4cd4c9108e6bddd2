/** Delivery: accepted, revealed, complained about or settled; demands of encrypted rows. */
import { expect } from 'chai';
import { describe, it } from 'mocha';
import type { Body, Terms } from '../../verifier/statement.ts';
import {
  FAULTLESS_ROOT,
  KEY,
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
  falseAt,
  idOf,
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
  REASON,
  REWARD,
  type World,
  ZERO32,
  accept,
  attest,
  attestedAndDelivered,
  nextBlockAt,
  now,
  optimistic,
  post,
  word,
  world,
} from './support/world.ts';

const ROW = node('cipher', 0, 3);

const claimed = (changes: Partial<Body> = {}, make = attestedAndDelivered, more: Partial<Terms> = {}) =>
  claimedIn(make, (w, t) => deliveringBody(w, t, w.alice, changes), more);

async function accepted(changes: Partial<Body> = {}) {
  const made = await claimed(changes);
  await attest(made.w, made.t, made.id);
  await accept(made.w, made.t, made.id);
  return made;
}

async function revealed(changes: Partial<Body> = {}) {
  const made = await accepted(changes);
  await reveal(made.w, made.t, made.w.alice, made.b);
  return made;
}

const settle = (w: World, t: Terms, id: string) => send(w, w.anyone, 'settle', t, id);
const unrevealed = (w: World, t: Terms, id: string) => send(w, w.anyone, 'unrevealed', t, id);

describe('claims with delivery', () => {
  it('bring a point of the curve; claims without delivery bring nothing of it', async () => {
    const w = await world();
    const t = await attestedAndDelivered(w);
    await post(w, t);
    const attempt = (changes: Partial<Body>) => claimWith(w, t, w.alice, deliveringBody(w, t, w.alice, changes));
    for (const ephemeralKey of [
      { x: 0n, y: 0n },
      { x: 1n, y: 3n },
    ])
      await refused(w, attempt({ ephemeralKey }), 'InvalidPoint');
    await attempt({});
  });

  it('are accepted first, then revealed, then settled', async () => {
    const { w, t, b, id } = await claimed();
    await refused(w, reveal(w, t, w.alice, b), 'WrongClaimStatus');
    await attest(w, t, id);
    const time = (await now()) + 1n;
    await expect(send(w, w.anyone, 'accept', t, id))
      .to.emit(w.escrow, 'Accepted')
      .withArgs(id, idOf(w, t), time + t.revealFor);
    const { status, deadline: revealBy } = await claimOf(w, id);
    expect([status, revealBy]).to.deep.equal([CLAIM.accepted, time + t.revealFor]);
    expect(await credit(w, w.alice)).to.equal(0n);
    await refused(w, settle(w, t, id), 'WrongClaimStatus');
    await refused(w, complain(w, t, w.alice, b, 0), 'WrongClaimStatus');
    await refused(w, reveal(w, t, w.alice, b, word(1)), 'WrongKey');
    await expect(reveal(w, t, w.alice, b))
      .to.emit(w.escrow, 'Revealed')
      .withArgs(id, idOf(w, t), KEY, (await now()) + 1n + t.complainFor);
    await refused(w, settle(w, t, id), 'TooEarly');
    await refused(w, reveal(w, t, w.alice, b), 'WrongClaimStatus');
    await nextBlockAt((await claimOf(w, id)).deadline);
    await settle(w, t, id);
    expect(await credit(w, w.alice)).to.equal(REWARD + BOND);
    await send(w, w.anyone, 'collect', t, id);
    expect(await credit(w, w.attesters[0] as World['alice'])).to.equal(FEE);
    await refused(w, settle(w, t, id), 'BountyNotOpen');
  });

  it('that are never revealed lose the bond to the poster, and the next one is next', async () => {
    const { w, t, id } = await claimed();
    const second = await claimWith(w, t, w.bob, deliveringBody(w, t, w.bob));
    for (const x of [id, second]) await attest(w, t, x);
    await accept(w, t, id);
    await refused(w, accept(w, t, second), 'ClaimNotFirst');
    await nextBlockAt((await claimOf(w, id)).deadline);
    await expect(unrevealed(w, t, id))
      .to.emit(w.escrow, 'Rejected')
      .withArgs(id, idOf(w, t), REASON.unrevealed);
    expect(await credit(w, w.poster)).to.equal(BOND);
    await accept(w, t, second);
    await refused(w, unrevealed(w, t, id), 'WrongClaimStatus');
  });

  it('that deliver a wrong row lose the bond to the poster', async () => {
    const { w, t, b, id } = await revealed({ cipherRoot: falseAt(3) });
    const call = complain(w, t, w.alice, b, 3);
    await expect(call).to.emit(w.escrow, 'Complained').withArgs(id, idOf(w, t), 3n, 1n);
    await expect(call).to.emit(w.escrow, 'Rejected').withArgs(id, idOf(w, t), REASON.wrongDelivery);
    expect(await credit(w, w.poster)).to.equal(BOND);
    await refused(w, complain(w, t, w.alice, b, 3), 'WrongClaimStatus');
  });

  it('can be challenged until they are paid', async () => {
    const w = await world();
    const t = await optimistic(w, DELIVERY);
    await post(w, t);
    for (const revealIt of [false, true]) {
      const b = deliveringBody(w, t, w.alice, { traceRoot: falseAt(7), nonce: word(revealIt ? 1 : 2) });
      const id = await claimWith(w, t, w.alice, b);
      await passWindow(w, id);
      await accept(w, t, id);
      if (revealIt) await reveal(w, t, w.alice, b);
      await commit(w, id, 7, w.bob);
      await challenge(w, t, w.alice, b, 7, w.bob);
      expect((await claimOf(w, id)).status).to.equal(CLAIM.rejected);
    }
  });
});

describe('demands of encrypted rows', () => {
  it('are the poster’s, in every live state, until the first complainBy', async () => {
    const { w, t, b, id } = await claimed();
    await refused(w, demand(w, t, id, ROW, w.bob), 'NotPoster');
    await demand(w, t, id, ROW, w.poster);
    await attest(w, t, id);
    // Unlike a demand of bundle or trace it does not stop acceptance: the poster could delay it as long as there are rows.
    await accept(w, t, id);
    await demand(w, t, id, node('cipher', 0, 4), w.poster);
    await answer(w, t, w.alice, b, ROW);
    await reveal(w, t, w.alice, b);
    const { deadline: complainBy, openRowDemands } = await claimOf(w, id);
    expect(openRowDemands).to.equal(1n);
    await answer(w, t, w.alice, b, node('cipher', 0, 4));
    await nextBlockAt(complainBy - 2n);
    await demand(w, t, id, node('cipher', 0, 5), w.poster);
    await answer(w, t, w.alice, b, node('cipher', 0, 5));
    // The late answer moved complainBy, but brings no new demands.
    expect((await claimOf(w, id)).deadline).to.equal(complainBy - 1n + t.react);
    await nextBlockAt(complainBy);
    await refused(w, demand(w, t, id, node('cipher', 0, 6), w.poster), 'TooLate');
    expect(await credit(w, w.alice)).to.equal(3n * DEMAND_FEE);
  });

  it('exist for the rows that the terms name', async () => {
    const { w, t, id } = await claimed();
    await expect(demand(w, t, id, node('cipher', 0, 16), w.poster)).to.be.revertedWithCustomError(w.fraudProof, 'NoSuchNode');
    await expect(demand(w, t, id, node('cipher', 5, 0), w.poster)).to.be.revertedWithCustomError(w.fraudProof, 'NoSuchNode');
    await demand(w, t, id, node('cipher', 3, 1), w.poster);
  });

  it('an answer leaves time to complain, an open one stops settlement, a default rejects', async () => {
    for (const answered of [true, false]) {
      const { w, t, b, id } = await revealed();
      const { deadline: complainBy } = await claimOf(w, id);
      await nextBlockAt(complainBy - 10n);
      await demand(w, t, id, ROW, w.poster);
      await nextBlockAt(complainBy);
      await refused(w, settle(w, t, id), 'OpenDemands');
      if (answered) {
        await answer(w, t, w.alice, b, ROW);
        const later = (await now()) + t.react;
        expect((await claimOf(w, id)).deadline).to.equal(later);
        await refused(w, settle(w, t, id), 'TooEarly');
        await expect(complain(w, t, w.alice, b, 3)).to.be.revertedWithCustomError(w.delivery, 'TrueRow');
        await nextBlockAt(later);
        await settle(w, t, id);
        expect(await credit(w, w.alice)).to.equal(REWARD + BOND + DEMAND_FEE);
      } else {
        await nextBlockAt((await w.escrow.getFunction('demandOf')(id, ROW)).answerBy);
        await defaulted(w, t, id, ROW);
        expect(await credit(w, w.poster)).to.equal(BOND + DEMAND_FEE);
      }
    }
  });
});

describe('D1 keys', () => {
  it('D1 a wrong key is no reveal, and none at all costs the bond', async () => {
    const { w, t, b, id } = await accepted();
    for (const key of [ZERO32, word(1), b.keyHash]) await refused(w, reveal(w, t, w.alice, b, key), 'WrongKey');
    // Another claimant's key hash of the same key is another one.
    await refused(w, send(w, w.alice, 'reveal', t, w.bob.address, b, KEY), 'ClaimNotOfBounty');
    await nextBlockAt((await claimOf(w, id)).deadline);
    await unrevealed(w, t, id);
    expect(await credit(w, w.poster)).to.equal(BOND);
    expect(await credit(w, w.alice)).to.equal(0n);
  });

  it('D1 a reveal at the last second leaves the poster all of complainFor', async () => {
    const { w, t, b, id } = await accepted({ cipherRoot: falseAt(1) });
    const { deadline: revealBy } = await claimOf(w, id);
    await nextBlockAt(revealBy - 1n);
    await reveal(w, t, w.alice, b);
    expect((await claimOf(w, id)).deadline).to.equal(revealBy - 1n + t.complainFor);
    await nextBlockAt(revealBy - 2n + t.complainFor);
    await complain(w, t, w.alice, b, 1);
  });

  it('D1 a claim whose key hash nobody can open is worth nothing', async () => {
    const { w, t, b } = await accepted({ keyHash: ZERO32 });
    await refused(w, reveal(w, t, w.alice, b), 'WrongKey');
  });
});

describe('D2 complaints', () => {
  it('D2 a false complaint reverts, and so does one of a row out of range', async () => {
    const { w, t, b, id } = await revealed({ cipherRoot: falseAt(3) });
    for (const index of [0, 2, 4, 16]) await expect(complain(w, t, w.alice, b, index)).to.be.revertedWithCustomError(w.delivery, 'TrueRow');
    expect((await claimOf(w, id)).status).to.equal(CLAIM.revealed);
    const { w: v, t: u, b: c } = await revealed({ cipherRoot: FAULTLESS_ROOT });
    await refused(v, complain(v, u, v.alice, c, 0), 'NoFault');
  });

  it('D2 nobody but the poster complains, and not after the window', async () => {
    const { w, t, b, id } = await revealed({ cipherRoot: falseAt(3) });
    await refused(w, complain(w, t, w.alice, b, 3, w.mallory), 'NotPoster');
    await refused(w, complain(w, t, w.alice, b, 3, w.poster, word(1)), 'WrongKey');
    await nextBlockAt((await claimOf(w, id)).deadline);
    await refused(w, complain(w, t, w.alice, b, 3), 'TooLate');
    await settle(w, t, id);
    await refused(w, complain(w, t, w.alice, b, 3), 'BountyNotOpen');
  });
});

describe('D3 rows of something else', () => {
  it('D3 what a complaint is judged by is the claim’s own: roots, nonce and keys of no other body', async () => {
    const { w, t, b } = await revealed({ cipherRoot: falseAt(3) });
    for (const change of [
      { cipherRoot: TRUE_ROOT },
      { adapterRoot: word(1) },
      { nonce: word(1) },
      { ephemeralKey: { x: 0n, y: 0n } },
      { keyHash: word(1) },
    ])
      await refused(w, complain(w, t, w.alice, { ...b, ...change }, 3), 'ClaimNotOfBounty');
  });

  it('D3 a key hash is of one bounty and claimant: copied, it cannot be opened', async () => {
    const { w, t, b, id } = await claimed();
    await attest(w, t, id, false);
    const copy = await claimWith(w, t, w.mallory, b);
    const other = await attestedAndDelivered(w);
    await post(w, other);
    const elsewhere = await claimWith(w, other, w.alice, b);
    for (const [of, claim, claimant] of [
      [t, copy, w.mallory],
      [other, elsewhere, w.alice],
    ] as const) {
      await attest(w, of, claim);
      await accept(w, of, claim);
      await refused(w, reveal(w, of, claimant, b), 'WrongKey');
    }
  });
});
