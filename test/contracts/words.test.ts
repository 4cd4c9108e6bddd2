/** What errors and events say: an auditor rebuilds everything from events, and whoever is refused learns from the error what was wrong. Each word at its place. */
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { type Body, claimId, type Terms } from '../../verifier/statement.ts';
import {
  KEY,
  answer,
  anyone,
  challenge,
  challengeOf,
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
  TRUE_ROOT,
} from './support/moves.ts';
import {
  BOND,
  CLAIM,
  DAY,
  DEMAND_FEE,
  FEE,
  INPUTS,
  MINIMUM_REACTION,
  MINIMUM_WINDOW,
  REASON,
  REWARD,
  STATUS,
  VERIFIER_KEY,
  type Hex,
  type World,
  ZERO,
  accept,
  attest,
  attestedAndDelivered,
  body,
  both,
  claim,
  entered,
  ethers,
  hash,
  nextBlockAt,
  now,
  optimistic,
  post,
  postValue,
  sign,
  terms,
  word,
  world,
} from './support/world.ts';

const MAX_DURATION = 5n * 365n * DAY;
const CHUNK = node('bundle', 7, 3);
const ROW = node('cipher', 0, 3);
const asks = (n: typeof CHUNK) => (own: readonly bigint[]) => [...own].join() === [n.tree, n.level, n.index].join();

const tells = (w: World, call: Promise<unknown>, event: string, ...words: unknown[]) =>
  expect(call, event)
    .to.emit(w.escrow, event)
    .withArgs(...words);

const claimed = (make: typeof terms = terms, b: Body = body()) => claimedIn(make, b);
const delivering = () => claimedIn(attestedAndDelivered, (w, t) => deliveringBody(w, t, w.alice));

describe('errors name', () => {
  it('what is wrong with terms', async () => {
    const w = await world();
    const time = await now();
    const attempt = async (make: Promise<Terms>, error: string, ...words: unknown[]) => {
      const t = await make;
      await refused(w, w.escrow.getFunction('post')(t, { value: postValue(t) }), error, ...words);
    };
    const signers = (count: number) => Array.from({ length: count }, (_, i) => `0x${(i + 1).toString(16).padStart(40, '0')}` as const);
    await attempt(terms(w, { steps: 8, stepsPerProof: 3 }), 'StepsNotDivisible', 8n, 3n);
    await attempt(terms(w, { signers: signers(17) }), 'TooManySigners', 17n);
    await attempt(terms(w, { threshold: 4 }), 'ThresholdOutOfRange', 4n, 3n);
    await attempt(terms(w, { signers: [signers(2)[1] as Hex, ...signers(2)] }), 'SignersNotAscending', 1n);
    await attempt(terms(w, { announces: Array.from({ length: 17 }, () => word(1)) }), 'TooManyAnnounced', 17n);
    await attempt(terms(w, { claimBy: time }), 'ClaimByOutOfRange', time);
    await attempt(terms(w, { window: 5n }), 'DurationOutOfRange', 5n, MINIMUM_WINDOW, MAX_DURATION);
    await attempt(terms(w, { reserveFor: MAX_DURATION + 1n }), 'DurationOutOfRange', MAX_DURATION + 1n, 0n, MAX_DURATION);
    await attempt(optimistic(w, { signers: signers(2) }), 'TooManySigners', 2n);
    await attempt(optimistic(w, { threshold: 1 }), 'ThresholdOutOfRange', 1n, 0n);
    await attempt(optimistic(w, { verifierKey: word(0) }), 'WrongKey', word(0), word(0));
    await attempt(terms(w, { verifierKey: word(7) }), 'WrongKey', word(7), word(0));
    for (const name of ['answer', 'react'] as const)
      await attempt(optimistic(w, { [name]: 5n }), 'DurationOutOfRange', 5n, MINIMUM_REACTION, MAX_DURATION);
    for (const name of ['revealFor', 'complainFor'] as const)
      await attempt(attestedAndDelivered(w, { [name]: 5n }), 'DurationOutOfRange', 5n, MINIMUM_REACTION, MAX_DURATION);
    await attempt(attestedAndDelivered(w, { deliveryDepth: 33 }), 'DeliveryDepthOutOfRange', 33n, 32n);
    await attempt(attestedAndDelivered(w, { deliveryKey: { x: 3n, y: 4n } }), 'InvalidPoint', 3n, 4n);
    await attempt(
      entered(w, { enterBy: time + 2n * DAY, discloseBy: time + DAY }),
      'EntryTimesOutOfOrder',
      time + 2n * DAY,
      time + DAY,
      (v: bigint) => v > time + DAY,
    );
    const t = await terms(w);
    await refused(w, w.escrow.connect(w.bob).getFunction('post')(t, { value: postValue(t) }), 'NotPoster', w.bob.address, w.poster.address);
  });

  it('terms at their limits are taken', async () => {
    const w = await world();
    const time = await now();
    const signers = Array.from({ length: 16 }, (_, i) => `0x${(i + 1).toString(16).padStart(40, '0')}` as const);
    for (const make of [
      terms(w, { signers, threshold: 16, attesterFee: 0n }),
      terms(w, { threshold: 3 }),
      terms(w, { threshold: 1 }),
      terms(w, { steps: 3, stepsPerProof: 3 }),
      terms(w, { announces: Array.from({ length: 16 }, (_, i) => word(i + 1)) }),
      terms(w, { window: MINIMUM_WINDOW }),
      terms(w, { window: MAX_DURATION }),
      terms(w, { reserveFor: MAX_DURATION }),
      terms(w, { reserveFor: 1n }),
      optimistic(w, { answer: MINIMUM_REACTION, react: MINIMUM_REACTION }),
      optimistic(w, { answer: MAX_DURATION, react: MAX_DURATION }),
      attestedAndDelivered(w, { deliveryDepth: 32, revealFor: MINIMUM_REACTION, complainFor: MINIMUM_REACTION }),
      attestedAndDelivered(w, { deliveryDepth: 0, revealFor: MAX_DURATION, complainFor: MAX_DURATION }),
      entered(w, { discloseBy: time + DAY + MINIMUM_WINDOW, claimBy: time + DAY + 2n * MINIMUM_WINDOW }),
      entered(w, { disclosureBond: 0n }),
    ])
      await post(w, await make);
    // claimBy: from the next second on, five years at most.
    for (const [offset, taken] of [
      [0n, false],
      [1n, true],
      [MAX_DURATION, true],
      [MAX_DURATION + 1n, false],
    ] as const) {
      const at = (await now()) + 10n;
      const t = await terms(w, { claimBy: at + offset });
      await nextBlockAt(at);
      if (taken) await post(w, t);
      else await refused(w, post(w, t), 'ClaimByOutOfRange', at + offset);
    }
    // enterBy: from the next second on.
    for (const offset of [0n, 1n]) {
      const at = (await now()) + 10n;
      const t = await entered(w, { enterBy: at + offset });
      await nextBlockAt(at);
      if (offset === 1n) await post(w, t);
      else await refused(w, post(w, t), 'EntryTimesOutOfOrder', at, t.discloseBy, t.claimBy);
    }
  });

  it('what is wrong with a claim', async () => {
    const w = await world();
    const t = await terms(w);
    await post(w, t);
    const attempt = (b: Body) => claimWith(w, t, w.alice, b);
    await refused(w, attempt(body({ announced: [1n] })), 'WrongAnnouncedCount', 1n, 0n);
    await refused(w, attempt(body({ uris: ['a', 'b', 'c', 'd', 'e'] })), 'UrisTooLong', 5n, 5n);
    await refused(w, attempt(body({ uris: ['x'.repeat(300), 'y'.repeat(213)] })), 'UrisTooLong', 2n, 513n);
    await refused(w, attempt(body({ uris: ['a', 'ü', 'é'] })), 'UriNotAscii', 1n);
    await attempt(body({ uris: ['x'.repeat(300), 'y'.repeat(210), 'z', ''] }));
    for (const change of [
      { cipherRoot: word(1) },
      { keyHash: word(1) },
      { ephemeralKey: { x: 0n, y: 2n } },
      { ephemeralKey: { x: 1n, y: 0n } },
    ])
      await expect(attempt(body(change))).to.be.revertedWithCustomError(w.escrow, 'UnexpectedDelivery');
    const d = await attestedAndDelivered(w);
    await post(w, d);
    await refused(w, claimWith(w, d, w.alice, deliveringBody(w, d, w.alice, { ephemeralKey: { x: 5n, y: 6n } })), 'InvalidPoint', 5n, 6n);
  });

  it('the claim and bounty that a call was not about', async () => {
    const { w, t, b, bounty, id } = await claimed(optimistic);
    const other = await optimistic(w);
    const otherId = await post(w, other);
    await refused(w, accept(w, other, id), 'ClaimNotOfBounty', id, otherId);
    await refused(w, demand(w, other, id, CHUNK, w.bob), 'ClaimNotOfBounty', id, otherId);
    await refused(w, anyone(w, 'reclaim', other, id, CHUNK), 'ClaimNotOfBounty', id, otherId);
    await refused(w, anyone(w, 'settle', t, id), 'WrongClaimStatus', id, CLAIM.pending, CLAIM.revealed);
    await refused(w, anyone(w, 'reveal', t, w.alice.address, b, KEY), 'WrongClaimStatus', id, CLAIM.pending, CLAIM.accepted);
    await refused(w, anyone(w, 'release', t, id), 'BountyNotPaid', bounty, STATUS.open);
    await refused(w, anyone(w, 'reclaim', t, id, CHUNK), 'ClaimIsLive', id, CLAIM.pending);
    await passWindow(w, id);
    await accept(w, t, id);
    await refused(w, accept(w, t, id), 'BountyNotOpen', bounty, STATUS.paid);
    const next = await terms(w, { startDigest: b.adapterRoot });
    const milestone = (previous: Terms, claimant: string) =>
      w.escrow.getFunction('postMilestone')(next, previous, claimant, b, { value: postValue(next) });
    await refused(w, milestone(t, w.alice.address), 'NotAContinuation', id);
    await refused(w, milestone(t, w.bob.address), 'WrongClaimStatus', ethers.isHexString, CLAIM.none, CLAIM.paid);
  });

  it('who may call, how much to send, and what time it is', async () => {
    const { w, t, id } = await claimed();
    await refused(w, w.escrow.connect(w.bob).getFunction('withdraw')(ZERO, w.bob.address), 'NothingToWithdraw', w.bob.address, ZERO);
    await refused(
      w,
      w.escrow.connect(w.bob).getFunction('withdraw')(word(9).slice(0, 42), w.bob.address),
      'NothingToWithdraw',
      w.bob.address,
      word(9).slice(0, 42),
    );
    const { deadline } = await claimOf(w, id);
    await nextBlockAt(deadline - 2n);
    await refused(w, send(w, w.anyone, 'lapse', t, id), 'TooEarly', deadline, deadline - 2n);
    await nextBlockAt(deadline + 3n);
    const expiry = deadline + DAY;
    const signatures = await sign(w, id, true, expiry, 0b011);
    await refused(w, send(w, w.anyone, 'attest', t, id, true, expiry, 0b011, signatures), 'TooLate', deadline, deadline + 3n);
  });

  it('who may disclose, what, and who reserves too late', async () => {
    const w = await world();
    const e = await entered(w);
    await post(w, e);
    await refused(w, send(w, w.bob, 'disclose', e, INPUTS.digest, INPUTS.salt, ''), 'NotPoster', w.bob.address, w.poster.address);
    await nextBlockAt(e.enterBy);
    const wrong = hash(['bytes32', 'bytes32'], [INPUTS.salt, INPUTS.digest]);
    await refused(w, send(w, w.poster, 'disclose', e, INPUTS.salt, INPUTS.digest, ''), 'WrongInputs', wrong, e.inputsCommitment);
    await send(w, w.poster, 'disclose', e, INPUTS.digest, INPUTS.salt, '');
    const r = await terms(w, { reserveFor: DAY });
    await post(w, r);
    const first = await claim(w, r, w.bob);
    await refused(w, send(w, w.alice, 'reserve', r, { value: BOND }), 'LiveClaims', idOf(w, r), first);
  });

  it('the verdict’s faults', async () => {
    const { w, t, id } = await claimed();
    const expiry = (await now()) + DAY / 2n;
    const signatures = await sign(w, id, true, expiry, 0b111);
    const attempt = (mask: number, list: readonly string[]) => send(w, w.anyone, 'attest', t, id, true, expiry, mask, list);
    await refused(w, attempt(0b111, signatures), 'WrongSignatureCount', 3n, 2n);
    await refused(w, attempt(0b111, signatures.slice(0, 2)), 'WrongSignatureCount', 3n, 2n);
    await refused(w, attempt(0b001, signatures.slice(0, 2)), 'WrongSignatureCount', 1n, 2n);
    await refused(w, attempt(0b1001, signatures.slice(0, 2)), 'UnknownAttester', 3n);
    await refused(w, attempt(0b101, signatures.slice(0, 2)), 'BadSignature', w.attesters[2]?.address);
    await attempt(0b101, [signatures[0] as string, signatures[2] as string]);
    await refused(w, attempt(0b011, signatures.slice(0, 2)), 'AlreadyAttested', id);
  });

  it('what a doubt lacks', async () => {
    const b = body({ traceRoot: falseAt(7) });
    const { w, t, bounty, id } = await claimed(optimistic, b);
    await refused(w, challenge(w, t, w.alice, b, 7, w.bob), 'NotCommittedBefore', id, 7n, 0n);
    const other = { ...VERIFIER_KEY, k: 13 };
    const [, ...rest] = challengeOf(t, w.alice, b, 7);
    const keyed = [t, ...rest.map((own, i) => (i === 3 ? other : own))];
    const keyHash = ethers.keccak256(
      await w.fraudProof
        .getFunction('keyHashOf')
        .populateTransaction(other)
        .then(({ data }) => `0x${data.slice(10)}`),
    );
    await refused(w, send(w, w.bob, 'challenge', ...keyed), 'WrongKey', keyHash, t.verifierKey);
    await demand(w, t, id, CHUNK, w.bob);
    const demandId = hash(['bytes32', 'uint8', 'uint8', 'uint64'], [id, CHUNK.tree, CHUNK.level, CHUNK.index]);
    await refused(w, demand(w, t, id, CHUNK, w.bob), 'AlreadyDemanded', demandId);
    await refused(w, accept(w, t, id), 'OpenDemands', id, 1n);
    await answer(w, t, w.alice, b, CHUNK);
    await refused(w, defaulted(w, t, id, CHUNK), 'DemandNotOpen', demandId, 2n);
    await refused(w, demand(w, t, id, ROW, w.poster), 'NoDelivery', id);
    await commit(w, id, 7, w.bob);
    await challenge(w, t, w.alice, b, 7, w.bob);
    await refused(w, demand(w, t, id, CHUNK, w.bob), 'ClaimNotLive', id, CLAIM.rejected);
    expect(bounty).to.equal(idOf(w, t));
  });

  it('what a handover lacks', async () => {
    const { w, t, b, bounty, id } = await delivering();
    await refused(w, demand(w, t, id, ROW, w.bob), 'NotPoster', w.bob.address, w.poster.address);
    await attest(w, t, id);
    await accept(w, t, id);
    const keyHash = await w.delivery.getFunction('keyHashOf')(bounty, w.alice.address, word(0x12));
    await refused(w, reveal(w, t, w.alice, b, word(0x12)), 'WrongKey', keyHash, b.keyHash);
    await reveal(w, t, w.alice, b);
    await refused(w, complain(w, t, w.alice, b, 3, w.bob), 'NotPoster', w.bob.address, w.poster.address);
    await refused(w, complain(w, t, w.alice, b, 3, w.poster, word(0x12)), 'WrongKey', keyHash, b.keyHash);
    await demand(w, t, id, ROW, w.poster);
    await nextBlockAt((await claimOf(w, id)).deadline);
    await refused(w, send(w, w.anyone, 'settle', t, id), 'OpenDemands', id, 1n);
    const o = await optimistic(w, { deliveryKey: t.deliveryKey, deliveryDepth: 4, revealFor: DAY, complainFor: DAY });
    await post(w, o);
    const own = deliveringBody(w, o, w.alice, { traceRoot: TRUE_ROOT });
    const accepted = await claimWith(w, o, w.alice, own);
    await passWindow(w, accepted);
    await accept(w, o, accepted);
    await refused(w, demand(w, o, accepted, CHUNK, w.bob), 'WrongClaimStatus', accepted, CLAIM.accepted, CLAIM.pending);
  });
});

describe('events tell', () => {
  it('of a verdict, a payment, and of each credit and withdrawal', async () => {
    const { w, t, bounty, id } = await claimed();
    const expiry = (await now()) + DAY / 2n;
    const call = send(w, w.anyone, 'attest', t, id, true, expiry, 0b011, await sign(w, id, true, expiry, 0b011));
    await tells(w, call, 'Attested', id, bounty, true, expiry, 0b011);
    const paid = send(w, w.anyone, 'accept', t, id);
    await tells(w, paid, 'Paid', id, bounty, w.alice.address);
    await tells(w, paid, 'Credited', w.alice.address, ZERO, REWARD + BOND);
    const collected = send(w, w.anyone, 'collect', t, id);
    for (const attester of w.attesters.slice(0, 2)) await tells(w, collected, 'Credited', attester.address, ZERO, FEE);
    const withdrawn = w.escrow.connect(w.alice).getFunction('withdraw')(ZERO, w.bob.address);
    await tells(w, withdrawn, 'Withdrawn', w.alice.address, ZERO, w.bob.address, REWARD + BOND);
    expect(await credit(w, w.alice)).to.equal(0n);
  });

  it('of a reward in tokens apart from the bond', async () => {
    const w = await world();
    const token = await ethers.deployContract('PlainToken');
    const address = (await token.getAddress()) as Hex;
    const t = await both(w, { token: address });
    await token.getFunction('mint')(w.poster.address, REWARD);
    await token.getFunction('approve')(w.escrowAddress, REWARD);
    await post(w, t);
    const id = await claim(w, t, w.alice);
    await passWindow(w, id);
    const paid = send(w, w.anyone, 'accept', t, id);
    await tells(w, paid, 'Credited', w.alice.address, address, REWARD);
    await tells(w, paid, 'Credited', w.alice.address, ZERO, BOND);
    await tells(w, paid, 'Credited', w.poster.address, ZERO, 2n * FEE);
    const withdrawn = w.escrow.connect(w.alice).getFunction('withdraw')(address, w.bob.address);
    await tells(w, withdrawn, 'Withdrawn', w.alice.address, address, w.bob.address, REWARD);
    expect(await token.getFunction('balanceOf')(w.bob.address)).to.equal(REWARD);
  });

  it('of an invalid verdict and of a lapse, which give the bond back', async () => {
    for (const lapses of [false, true]) {
      const { w, t, bounty, id } = await claimed();
      let call: Promise<unknown>;
      if (lapses) {
        await passWindow(w, id);
        call = send(w, w.anyone, 'lapse', t, id);
      } else {
        const expiry = (await now()) + DAY / 2n;
        call = send(w, w.anyone, 'attest', t, id, false, expiry, 0b011, await sign(w, id, false, expiry, 0b011));
        await tells(w, call, 'Attested', id, bounty, false, expiry, 0b011);
      }
      await tells(w, call, 'Rejected', id, bounty, lapses ? REASON.lapsed : REASON.invalidVerdict);
      await tells(w, call, 'Credited', w.alice.address, ZERO, BOND);
    }
  });

  it('of a claim, what it waits for, and of an acceptance', async () => {
    const { w, t, b, bounty } = await delivering();
    const at = (await now()) + 10n;
    await nextBlockAt(at);
    const second = claimId(bounty, w.bob.address as Hex, deliveringBody(w, t, w.bob));
    const call = send(w, w.bob, 'claim', t, deliveringBody(w, t, w.bob), { value: BOND });
    await tells(w, call, 'Claimed', second, bounty, w.bob.address, at + t.window, (own: Body) => own.adapterRoot === b.adapterRoot);
    expect((await claimOf(w, second)).demandsBy).to.equal(at + t.window + 3n * (t.answer + t.react));
  });

  it('of demands: which node, by whom, and until when', async () => {
    const b = body({ traceRoot: falseAt(7) });
    const { w, t, bounty, id } = await claimed(optimistic, b);
    await demand(w, t, id, CHUNK, w.bob);
    const at = (await now()) + 10n;
    await nextBlockAt(at);
    await tells(w, answer(w, t, w.alice, b, CHUNK), 'Answered', id, bounty, asks(CHUNK), at + t.react);
    const other = node('trace', 12, 255);
    await demand(w, t, id, other, w.bob);
    await demand(w, t, id, node('trace', 12, 254), w.mallory);
    await nextBlockAt((await w.escrow.getFunction('demandOf')(id, node('trace', 12, 254))).answerBy);
    const call = defaulted(w, t, id, other);
    await tells(w, call, 'Defaulted', id, bounty, w.bob.address, asks(other));
    await tells(w, call, 'Credited', w.bob.address, ZERO, DEMAND_FEE);
    const back = send(w, w.anyone, 'reclaim', t, id, node('trace', 12, 254));
    await tells(w, back, 'Reclaimed', id, bounty, w.mallory.address, asks(node('trace', 12, 254)));
    await tells(w, back, 'Credited', w.mallory.address, ZERO, DEMAND_FEE);
  });

  it('of entries and reservations that nobody used', async () => {
    const w = await world();
    const e = await entered(w);
    const bounty = await post(w, e);
    await tells(w, send(w, w.alice, 'enter', e, word(0x77), { value: BOND }), 'Entered', bounty, w.alice.address, word(0x77));
    await nextBlockAt(e.discloseBy);
    await tells(w, send(w, w.anyone, 'undisclosed', e), 'Refunded', bounty);
    await tells(w, send(w, w.anyone, 'releaseEntry', e, w.alice.address), 'EntryReleased', bounty, w.alice.address);
    const r = await terms(w, { reserveFor: DAY });
    const reserved = await post(w, r);
    await send(w, w.alice, 'reserve', r, { value: BOND });
    const { reservedUntil } = await w.escrow.getFunction('bountyOf')(reserved);
    await nextBlockAt(reservedUntil);
    const next = send(w, w.bob, 'reserve', r, { value: BOND });
    await tells(w, next, 'ReservationForfeited', reserved, w.alice.address);
    await tells(w, next, 'Credited', w.poster.address, ZERO, BOND);
  });
});
