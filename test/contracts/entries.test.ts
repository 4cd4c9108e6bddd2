/** Reservations; entries, disclosure and claims of bounties that judge by hidden inputs; milestones. */
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { zeroAddress } from 'viem';
import { KIND, type Terms } from '../../verifier/statement.ts';
import { claimOf, claimWith, credit, escrowBalance, idOf, posted, refused, send } from './support/moves.ts';
import {
  type Account,
  BOND,
  CLAIM,
  DAY,
  DISCLOSURE_BOND,
  FEE,
  INPUTS,
  REWARD,
  STATUS,
  type World,
  accept,
  attest,
  body,
  claim,
  entered,
  nextBlockAt,
  now,
  post,
  terms,
  word,
  world,
} from './support/world.ts';

const bountyOf = (w: World, t: Terms) => w.escrow.getFunction('bountyOf')(idOf(w, t));

describe('reserve', () => {
  const reserve = (w: World, t: Terms, by: Account, value = t.bond) => send(w, by, 'reserve', t, { value });
  async function reservable(changes: Partial<Terms> = {}) {
    return posted(terms, { reserveFor: 2n * DAY, ...changes });
  }

  it('keeps others out for its time, and its bond becomes the claim’s', async () => {
    const { w, t } = await reservable();
    await expect(reserve(w, t, w.alice))
      .to.emit(w.escrow, 'Reserved')
      .withArgs(idOf(w, t), w.alice.address, (await now()) + 1n + 2n * DAY);
    await refused(w, claim(w, t, w.bob), 'IsReserved');
    await refused(w, reserve(w, t, w.bob), 'IsReserved');
    await refused(w, claimWith(w, t, w.alice, body()), 'WrongValue');
    const id = await claimWith(w, t, w.alice, body(), 0n);
    expect((await claimOf(w, id)).status).to.equal(CLAIM.pending);
    // Used up: the queue is open to all again, for a bond each.
    await claim(w, t, w.bob);
    await refused(w, claimWith(w, t, w.alice, body({ nonce: word(9) }), 0n), 'WrongValue');
    expect(await escrowBalance(w)).to.equal(REWARD + 2n * FEE + 2n * BOND);
  });

  it('gives an unused bond to the poster when the next one reserves or claims, or at the refund', async () => {
    for (const next of [
      (w: World, t: Terms) => reserve(w, t, w.bob),
      (w: World, t: Terms) => claim(w, t, w.bob),
      (w: World, t: Terms) => claim(w, t, w.alice),
      async (w: World, t: Terms) => {
        await nextBlockAt(t.claimBy);
        await send(w, w.anyone, 'refund', t);
      },
    ]) {
      const { w, t } = await reservable();
      await reserve(w, t, w.alice);
      await nextBlockAt((await bountyOf(w, t)).reservedUntil);
      const before = await credit(w, w.poster);
      await next(w, t);
      const refund = (await bountyOf(w, t)).status === STATUS.refunded ? REWARD + 2n * FEE : 0n;
      expect((await credit(w, w.poster)) - before).to.equal(BOND + refund);
    }
  });

  it('gives it once, however many claim afterwards', async () => {
    const { w, t } = await reservable();
    await reserve(w, t, w.alice);
    await nextBlockAt((await bountyOf(w, t)).reservedUntil);
    const before = await credit(w, w.poster);
    for (const nonce of [1, 2]) await claimWith(w, t, w.bob, body({ nonce: word(nonce) }));
    expect((await bountyOf(w, t)).reservedBy).to.equal(zeroAddress);
    expect((await credit(w, w.poster)) - before).to.equal(BOND);
    expect(await escrowBalance(w)).to.equal(REWARD + 2n * FEE + 3n * BOND);
  });

  it('does not outlast claimBy, so that refunds meet no running reservation', async () => {
    const { w, t } = await reservable({ reserveFor: 20n * DAY });
    await reserve(w, t, w.alice);
    expect((await bountyOf(w, t)).reservedUntil).to.equal(t.claimBy);
  });

  it('is refused where the terms have none, with a live claim, without the bond, and from claimBy on', async () => {
    const { w, t } = await reservable();
    await refused(w, reserve(w, t, w.alice, t.bond - 1n), 'WrongValue');
    const plain = await terms(w);
    await post(w, plain);
    await refused(w, reserve(w, plain, w.alice), 'NoReservations');
    const id = await claim(w, t, w.alice);
    await refused(w, reserve(w, t, w.bob), 'LiveClaims');
    await attest(w, t, id, false);
    await reserve(w, t, w.bob);
    await nextBlockAt(t.claimBy);
    await refused(w, reserve(w, t, w.bob), 'TooLate');
  });
});

describe('enter, disclose, undisclosed', () => {
  const ROOT = body().adapterRoot;
  const enter = (w: World, t: Terms, by: Account, root: string = ROOT, value = t.bond) => send(w, by, 'enter', t, root, { value });
  const disclose = (w: World, t: Terms, by = w.poster) => send(w, by, 'disclose', t, INPUTS.digest, INPUTS.salt, INPUTS.uri);
  async function enterable(changes: Partial<Terms> = {}) {
    const w = await world();
    const t = await entered(w, changes);
    await post(w, t);
    return { w, t };
  }

  it('fixes adapters, then shows the inputs, then takes claims for those adapters alone', async () => {
    for (const kind of [KIND.outcome, KIND.compatibility]) {
      const { w, t } = await enterable({ kind });
      expect(await escrowBalance(w)).to.equal(REWARD + 2n * FEE + DISCLOSURE_BOND);
      await expect(enter(w, t, w.alice))
        .to.emit(w.escrow, 'Entered')
        .withArgs(idOf(w, t), w.alice.address, ROOT);
      await refused(w, claimWith(w, t, w.alice, body(), 0n), 'NotDisclosed');
      await nextBlockAt(t.enterBy);
      await expect(disclose(w, t)).to.emit(w.escrow, 'Disclosed').withArgs(idOf(w, t), INPUTS.digest, INPUTS.salt, INPUTS.uri);
      expect(await credit(w, w.poster)).to.equal(DISCLOSURE_BOND);
      await refused(w, claimWith(w, t, w.bob, body()), 'NotEntered');
      await refused(w, claimWith(w, t, w.alice, body({ adapterRoot: word(1) }), 0n), 'NotEntered');
      await refused(w, claimWith(w, t, w.bob, body({ adapterRoot: word(0) })), 'NotEntered');
      const id = await claimWith(w, t, w.alice, body(), 0n);
      await attest(w, t, id);
      await accept(w, t, id);
      expect(await credit(w, w.alice)).to.equal(REWARD + BOND);
      await refused(w, send(w, w.anyone, 'releaseEntry', t, w.alice.address), 'NoEntryBond');
    }
  });

  it('takes a second claim of an entrant for another bond', async () => {
    const { w, t } = await enterable();
    await enter(w, t, w.alice);
    await nextBlockAt(t.enterBy);
    await disclose(w, t);
    const first = await claimWith(w, t, w.alice, body(), 0n);
    await attest(w, t, first, false);
    await refused(w, claimWith(w, t, w.alice, body({ nonce: word(2) }), 0n), 'WrongValue');
    await claimWith(w, t, w.alice, body({ nonce: word(2) }));
  });

  it('takes one entry of an account, with the bond, before enterBy, of bounties that have entries', async () => {
    const { w, t } = await enterable();
    await refused(w, enter(w, t, w.alice, ROOT, BOND - 1n), 'WrongValue');
    await refused(w, enter(w, t, w.alice, word(0)), 'EmptyRoot');
    await enter(w, t, w.alice);
    await refused(w, enter(w, t, w.alice, word(2)), 'AlreadyEntered');
    const plain = await terms(w);
    await post(w, plain);
    await refused(w, enter(w, plain, w.alice), 'TooLate');
    await refused(w, disclose(w, plain), 'TooLate');
    await refused(w, send(w, w.anyone, 'undisclosed', plain), 'NoEntries');
  });

  it('takes the committed inputs from the poster, once', async () => {
    const { w, t } = await enterable();
    await refused(w, disclose(w, t), 'TooEarly');
    await nextBlockAt(t.enterBy);
    await refused(w, disclose(w, t, w.mallory), 'NotPoster');
    await refused(w, send(w, w.poster, 'disclose', t, word(1), INPUTS.salt, ''), 'WrongInputs');
    await refused(w, send(w, w.poster, 'disclose', t, INPUTS.digest, word(1), ''), 'WrongInputs');
    await disclose(w, t);
    await refused(w, disclose(w, t), 'AlreadyDisclosed');
    await nextBlockAt(t.discloseBy);
    await refused(w, send(w, w.anyone, 'undisclosed', t), 'AlreadyDisclosed');
  });

  it('without disclosure gives bonds back, and the disclosure bond to the entrants', async () => {
    const { w, t } = await enterable({ disclosureBond: 10n });
    for (const by of [w.alice, w.bob, w.mallory]) await enter(w, t, by);
    await nextBlockAt(t.discloseBy);
    await refused(w, disclose(w, t), 'TooLate');
    await refused(w, send(w, w.anyone, 'releaseEntry', t, w.alice.address), 'TooEarly');
    await expect(send(w, w.anyone, 'undisclosed', t))
      .to.emit(w.escrow, 'Refunded')
      .withArgs(idOf(w, t));
    // 10 among 3: 3 each, 1 left over.
    expect(await credit(w, w.poster)).to.equal(REWARD + 2n * FEE + 1n);
    for (const by of [w.alice, w.bob, w.mallory]) {
      await expect(send(w, w.anyone, 'releaseEntry', t, by.address))
        .to.emit(w.escrow, 'EntryReleased')
        .withArgs(idOf(w, t), by.address);
      expect(await credit(w, by)).to.equal(BOND + 3n);
      await refused(w, send(w, w.anyone, 'releaseEntry', t, by.address), 'NoEntryBond');
    }
    await refused(w, send(w, w.anyone, 'undisclosed', t), 'BountyNotOpen');
  });

  it('without entrants gives the disclosure bond back', async () => {
    const { w, t } = await enterable();
    await nextBlockAt(t.discloseBy);
    await send(w, w.anyone, 'undisclosed', t);
    expect(await credit(w, w.poster)).to.equal(REWARD + 2n * FEE + DISCLOSURE_BOND);
  });

  it('a poster who did not disclose cannot wait for the plain refund', async () => {
    const { w, t } = await enterable();
    await enter(w, t, w.alice);
    await nextBlockAt(t.claimBy);
    await refused(w, send(w, w.poster, 'refund', t), 'NotDisclosed');
    await refused(w, send(w, w.alice, 'releaseEntry', t, w.alice.address), 'NotDisclosed');
    await send(w, w.anyone, 'undisclosed', t);
    await send(w, w.anyone, 'releaseEntry', t, w.alice.address);
    expect(await credit(w, w.alice)).to.equal(BOND + DISCLOSURE_BOND);
  });

  it('gives the bond of an unused entry back from claimBy on, or when another one was paid', async () => {
    for (const paid of [false, true]) {
      const { w, t } = await enterable();
      for (const by of [w.alice, w.bob]) await enter(w, t, by);
      await nextBlockAt(t.enterBy);
      await disclose(w, t);
      if (paid) {
        const id = await claimWith(w, t, w.alice, body(), 0n);
        await attest(w, t, id);
        await accept(w, t, id);
      } else {
        await refused(w, send(w, w.anyone, 'releaseEntry', t, w.bob.address), 'TooEarly');
        await nextBlockAt(t.claimBy);
      }
      await send(w, w.anyone, 'releaseEntry', t, w.bob.address);
      expect(await credit(w, w.bob)).to.equal(BOND);
      await refused(w, send(w, w.anyone, 'releaseEntry', t, w.anyone.address), 'NoEntryBond');
    }
  });
});

describe('postMilestone', () => {
  const milestone = (w: World, t: Terms, previous: Terms, claimant: Account, b = body()) =>
    send(w, w.poster, 'postMilestone', t, previous, claimant.address, b, { value: REWARD + 2n * FEE });

  it('posts a bounty that starts where a paid claim of the full state ended', async () => {
    const w = await world();
    const first = await terms(w, { fullState: true });
    await post(w, first);
    const second = await terms(w, { startDigest: body().adapterRoot });
    const id = await claim(w, first, w.alice);
    await attest(w, first, id);
    await refused(w, milestone(w, second, first, w.alice), 'WrongClaimStatus');
    await accept(w, first, id);
    await refused(w, milestone(w, second, first, w.bob), 'WrongClaimStatus');
    await refused(w, milestone(w, second, first, w.alice, body({ adapterRoot: second.startDigest, nonce: word(1) })), 'WrongClaimStatus');
    for (const change of [{ startDigest: word(1) }, { modelDigest: word(1) }])
      await refused(w, milestone(w, { ...second, ...change }, first, w.alice), 'NotAContinuation');
    await expect(milestone(w, second, first, w.alice))
      .to.emit(w.escrow, 'Continued')
      .withArgs(idOf(w, second), idOf(w, first), id);
    expect((await bountyOf(w, second)).status).to.equal(STATUS.open);
    await refused(w, milestone(w, second, first, w.alice), 'AlreadyPosted');
  });

  it('does not continue a hidden state', async () => {
    const w = await world();
    const first = await terms(w);
    await post(w, first);
    const id = await claim(w, first, w.alice);
    await attest(w, first, id);
    await accept(w, first, id);
    const second = await terms(w, { startDigest: body().adapterRoot });
    await refused(w, milestone(w, second, first, w.alice), 'NotAContinuation');
  });
});
