/** The attacks of docs/attacks.md on the escrow, as far as attested release goes; each test is named by its id. */
import { expect } from 'chai';
import { describe, it } from 'mocha';
import type { Terms } from '../../verifier/statement.ts';
import { bountyId, claimId } from '../../verifier/statement.ts';
import { challengeOf, complaint, node } from './support/moves.ts';
import {
  BOND,
  CLAIM,
  DAY,
  FEE,
  type Hex,
  REWARD,
  STATUS,
  VERIFIER_KEY,
  type World,
  ZERO,
  accept,
  attest,
  body,
  claim,
  ethers,
  inAnHour,
  networkHelpers,
  now,
  post,
  postValue,
  sign,
  terms,
  word,
  world,
} from './support/world.ts';

/** A token of this kind with the poster's money in it, approved, and terms that pay in it. */
async function tokenTerms(w: World, contract: string) {
  const token = await ethers.deployContract(contract);
  const t = await terms(w, { token: (await token.getAddress()) as Hex });
  await token.getFunction('approve')(w.escrowAddress, 100n * REWARD);
  return { token, t };
}

/** Runs a bounty through to its payment. */
async function runToPayment(w: World, t: Terms) {
  await post(w, t);
  const id = await claim(w, t, w.alice);
  await attest(w, t, id);
  await accept(w, t, id);
  return id;
}

const credit = (w: World, token: string, account: string): Promise<bigint> => w.escrow.getFunction('credits')(token, account);
const withdraw = (w: World, by: World['alice'], token: string, to = by.address) => w.escrow.connect(by).getFunction('withdraw')(token, to);

describe('E1 hostile tokens', () => {
  it('E1 a fee on transfer is refused when posting', async () => {
    const w = await world();
    const { token, t } = await tokenTerms(w, 'FeeToken');
    await token.getFunction('mint')(w.poster.address, REWARD);
    await expect(w.escrow.getFunction('post')(t, { value: postValue(t) }))
      .to.be.revertedWithCustomError(w.escrow, 'InexactTransfer')
      .withArgs((REWARD * 99n) / 100n, REWARD);
  });

  it("E1 a fee on the sender's side is not paid out of another bounty's reward", async () => {
    const w = await world();
    const { token, t } = await tokenTerms(w, 'SenderFeeToken');
    await token.getFunction('mint')(w.poster.address, 2n * REWARD);
    await runToPayment(w, t);
    await post(w, { ...t, salt: word(0xaa) });
    await token.getFunction('setCharging')(true);
    await expect(withdraw(w, w.alice, t.token))
      .to.be.revertedWithCustomError(w.escrow, 'InexactTransfer')
      .withArgs((REWARD * 101n) / 100n, REWARD);
    expect(await credit(w, t.token, w.alice.address)).to.equal(REWARD);
  });

  it('E1 a shrinking token leaves its own payees short and nobody else', async () => {
    const w = await world();
    const { token, t } = await tokenTerms(w, 'RebasingToken');
    await token.getFunction('mint')(w.poster.address, REWARD);
    const plain = await terms(w);
    await runToPayment(w, t);
    await runToPayment(w, plain);
    await token.getFunction('rebase')();
    await expect(withdraw(w, w.alice, t.token)).to.be.revertedWithCustomError(token, 'ERC20InsufficientBalance');
    await expect(withdraw(w, w.alice, ZERO)).to.changeEtherBalance(ethers, w.alice, REWARD + 2n * BOND);
  });

  it('E1 a token that returns nothing works', async () => {
    const w = await world();
    const { token, t } = await tokenTerms(w, 'NoReturnToken');
    await token.getFunction('mint')(w.poster.address, REWARD);
    await runToPayment(w, t);
    await withdraw(w, w.alice, t.token);
    expect(await token.getFunction('balanceOf')(w.alice.address)).to.equal(REWARD);
  });

  it('E1 a token that returns false, lies, or has no code is refused', async () => {
    const w = await world();
    const { t } = await tokenTerms(w, 'FalseToken');
    await expect(w.escrow.getFunction('post')(t, { value: postValue(t) })).to.be.revertedWithCustomError(
      w.escrow,
      'SafeERC20FailedOperation',
    );
    const lying = await tokenTermsOf(w, 'LyingToken');
    await expect(w.escrow.getFunction('post')(lying, { value: postValue(lying) }))
      .to.be.revertedWithCustomError(w.escrow, 'InexactTransfer')
      .withArgs(0n, REWARD);
    const none = await terms(w, { token: w.bob.address as Hex });
    await expect(w.escrow.getFunction('post')(none, { value: postValue(none) })).to.revert(ethers);
  });

  it('E1 a blocked payee withdraws to another account, and blocks nobody', async () => {
    const w = await world();
    const { token, t } = await tokenTerms(w, 'BlocklistToken');
    await token.getFunction('mint')(w.poster.address, REWARD);
    await post(w, t);
    const id = await claim(w, t, w.alice);
    await token.getFunction('setBlocked')(w.alice.address, true);
    await attest(w, t, id);
    await accept(w, t, id);
    await expect(withdraw(w, w.alice, t.token)).to.be.revertedWith('blocked');
    await withdraw(w, w.alice, t.token, w.bob.address);
    expect(await token.getFunction('balanceOf')(w.bob.address)).to.equal(REWARD);
  });
});

const tokenTermsOf = async (w: World, contract: string) =>
  terms(w, { token: (await (await ethers.deployContract(contract)).getAddress()) as Hex });

describe('E2 reentrancy', () => {
  it('E2 withdraw cannot be entered from withdraw', async () => {
    const { w, actor } = await paidActor();
    const again = w.escrow.interface.encodeFunctionData('withdraw', [ZERO, await actor.getAddress()]);
    await actor.getFunction('setCallback')(w.escrowAddress, again);
    await actor.getFunction('execute')(w.escrowAddress, 0n, again);
    expect(await actor.getFunction('succeeded')()).to.equal(false);
    expect(await actor.getFunction('result')()).to.equal(w.escrow.interface.encodeErrorResult('ReentrancyGuardReentrantCall', []));
    expect(await ethers.provider.getBalance(await actor.getAddress())).to.equal(REWARD + BOND);
  });

  it('E2 no entry point can be entered from withdraw', async () => {
    const w = await world();
    const t = await terms(w);
    const id = claimId(await post(w, t), w.alice.address as Hex, body());
    const n = node('bundle');
    const calls: [string, readonly unknown[]][] = [
      ['post', [t]],
      ['postWithPermit', [t, { deadline: 0n, v: 0, r: word(0), s: word(0) }]],
      ['claim', [t, body()]],
      ['attest', [t, id, true, 1n, 3, []]],
      ['accept', [t, id]],
      ['lapse', [t, id]],
      ['refund', [t]],
      ['release', [t, id]],
      ['collect', [t, id]],
      ['postMilestone', [t, t, w.alice.address, body()]],
      ['reserve', [t]],
      ['enter', [t, word(1)]],
      ['disclose', [t, word(1), word(1), '']],
      ['undisclosed', [t]],
      ['releaseEntry', [t, w.alice.address]],
      ['reveal', [t, w.alice.address, body(), word(1)]],
      ['unrevealed', [t, id]],
      ['complain', [t, w.alice.address, body(), word(1), complaint(0)]],
      ['settle', [t, id]],
      ['challenge', challengeOf(t, w.alice, body(), 0)],
      ['demand', [t, id, n, VERIFIER_KEY]],
      ['answer', [t, w.alice.address, body(), n, VERIFIER_KEY, [], []]],
      ['defaulted', [t, id, n]],
      ['reclaim', [t, id, n]],
    ];
    // All that changes something, but for withdraw itself (above) and commit, which holds no money.
    const changing = w.escrow.interface.fragments.filter((f) => f.type === 'function' && !/view|pure/.test(f.format('full')));
    const names = changing.map((f) => (f as unknown as { name: string }).name).filter((name) => !/^(withdraw|commit)$/.test(name));
    expect(calls.map(([name]) => name).sort()).to.deep.equal(names.sort());
    for (const [name, parameters] of calls) {
      const { w: other, actor } = await paidActor();
      const data = other.escrow.interface.encodeFunctionData(name, [...parameters]);
      await actor.getFunction('setCallback')(other.escrowAddress, data);
      await actor.getFunction('execute')(
        other.escrowAddress,
        0n,
        other.escrow.interface.encodeFunctionData('withdraw', [ZERO, await actor.getAddress()]),
      );
      expect(await actor.getFunction('result')(), name).to.equal(
        other.escrow.interface.encodeErrorResult('ReentrancyGuardReentrantCall', []),
      );
    }
  });

  it('E2 a token that calls back while posting or paying gets nothing', async () => {
    const w = await world();
    const { token, t } = await tokenTerms(w, 'CallbackToken');
    await token.getFunction('mint')(w.poster.address, 2n * REWARD);
    const refund = w.escrow.interface.encodeFunctionData('refund', [t]);
    await token.getFunction('setCallback')(w.escrowAddress, refund);
    await post(w, t);
    expect(await token.getFunction('calls')()).to.equal(1n);
    expect(await token.getFunction('succeeded')()).to.equal(false);
    const id = await claim(w, t, w.alice);
    await attest(w, t, id);
    await accept(w, t, id);
    await token.getFunction('setCallback')(w.escrowAddress, w.escrow.interface.encodeFunctionData('withdraw', [t.token, w.alice.address]));
    await withdraw(w, w.alice, t.token);
    expect(await token.getFunction('succeeded')()).to.equal(false);
    expect(await token.getFunction('result')()).to.equal(w.escrow.interface.encodeErrorResult('ReentrancyGuardReentrantCall', []));
    expect(await token.getFunction('balanceOf')(w.alice.address)).to.equal(REWARD);
  });

  it('E2 views read in the middle of a payment show it as made', async () => {
    const { w, actor } = await paidActor();
    const self = await actor.getAddress();
    await actor.getFunction('setCallback')(w.escrowAddress, w.escrow.interface.encodeFunctionData('credits', [ZERO, self]));
    await actor.getFunction('execute')(w.escrowAddress, 0n, w.escrow.interface.encodeFunctionData('withdraw', [ZERO, self]));
    expect(await actor.getFunction('succeeded')()).to.equal(true);
    expect(BigInt(await actor.getFunction('result')())).to.equal(0n);
  });
});

/** A contract that claimed and was paid. */
async function paidActor() {
  const w = await world();
  const t = await terms(w);
  const bounty = await post(w, t);
  const actor = await ethers.deployContract('Actor');
  const address = (await actor.getAddress()) as Hex;
  await actor.getFunction('execute')(w.escrowAddress, BOND, w.escrow.interface.encodeFunctionData('claim', [t, body()]), { value: BOND });
  const id = claimId(bounty, address, body());
  await attest(w, t, id);
  await accept(w, t, id);
  return { w, t, actor, id };
}

describe('E3 payees and forced coins', () => {
  it('E3 a claimant that cannot receive hurts only himself, and can have it sent elsewhere', async () => {
    const { w, t, id, actor } = await paidActor();
    await actor.getFunction('setRefuses')(true);
    const to = (address: string) => w.escrow.interface.encodeFunctionData('withdraw', [ZERO, address]);
    await expect(actor.getFunction('execute')(w.escrowAddress, 0n, to(await actor.getAddress()))).to.be.revertedWith('no money, please');
    await w.escrow.getFunction('collect')(t, id);
    for (const attester of w.attesters.slice(0, 2)) await expect(withdraw(w, attester, ZERO)).to.changeEtherBalance(ethers, attester, FEE);
    await actor.getFunction('execute')(w.escrowAddress, 0n, to(w.bob.address));
    await expect(actor.getFunction('execute')(w.escrowAddress, 0n, to(ethers.ZeroAddress))).to.be.revertedWithCustomError(
      w.escrow,
      'ZeroAddress',
    );
  });

  it('E3 forced native coin changes no amount', async () => {
    const w = await world();
    await ethers.deployContract('Forcer', [w.escrowAddress], { value: 12_345n });
    const t = await terms(w);
    const id = await runToPayment(w, t);
    expect(await credit(w, ZERO, w.alice.address)).to.equal(REWARD + BOND);
    await withdraw(w, w.alice, ZERO);
    await w.escrow.getFunction('collect')(t, id);
    for (const attester of w.attesters.slice(0, 2)) await withdraw(w, attester, ZERO);
    expect(await ethers.provider.getBalance(w.escrowAddress)).to.equal(12_345n);
  });

  it('E3 the escrow takes no coin outside its calls', async () => {
    const w = await world();
    await expect(w.alice.sendTransaction({ to: w.escrowAddress, value: 1n })).to.revert(ethers);
  });
});

describe('E4 other terms behind an id', () => {
  it('E4 each field of the terms, the chain and the escrow change the id', async () => {
    const w = await world();
    const t = await terms(w);
    const other: { [K in keyof Terms]: Terms[K] } = {
      poster: w.mallory.address as Hex,
      kind: 1,
      token: w.mallory.address as Hex,
      reward: 1n,
      bond: 1n,
      attesterFee: 1n,
      demandFee: 1n,
      disclosureBond: 1n,
      rule: 1,
      signers: t.signers.slice(1),
      threshold: 1,
      verifierKey: word(1),
      modelDigest: word(1),
      dataDigest: word(1),
      recipeHash: word(1),
      steps: 16,
      stepsPerProof: 1,
      startDigest: word(1),
      inputsCommitment: word(1),
      announces: [word(1)],
      fullState: true,
      deliveryKey: { x: 1n, y: 2n },
      deliveryDepth: 1,
      enterBy: 1n,
      discloseBy: 1n,
      claimBy: 1n,
      window: 1n,
      answer: 1n,
      react: 1n,
      reserveFor: 1n,
      revealFor: 1n,
      complainFor: 1n,
      maxBundle: 1n,
      salt: word(1),
    };
    const id = bountyId(w.chainId, w.escrowAddress, t);
    expect(await w.escrow.getFunction('bountyIdOf')(t)).to.equal(id);
    for (const [field, value] of Object.entries(other)) {
      const changed = { ...t, [field]: value };
      const got = await w.escrow.getFunction('bountyIdOf')(changed);
      expect(got, field).to.not.equal(id);
      expect(got, field).to.equal(bountyId(w.chainId, w.escrowAddress, changed));
    }
    expect(bountyId(w.chainId + 1n, w.escrowAddress, t)).to.not.equal(id);
    expect(bountyId(w.chainId, w.mallory.address as Hex, t)).to.not.equal(id);
  });

  it('E4 nobody posts in the name of another, nor twice', async () => {
    const w = await world();
    const t = await terms(w);
    await expect(w.escrow.connect(w.mallory).getFunction('post')(t, { value: postValue(t) }))
      .to.be.revertedWithCustomError(w.escrow, 'NotPoster')
      .withArgs(w.mallory.address, w.poster.address);
    await post(w, t);
    await expect(post(w, t)).to.be.revertedWithCustomError(w.escrow, 'AlreadyPosted');
  });

  it('E4 after a reorg that brings other terms, a claim does not count for them', async () => {
    const w = await world();
    const snapshot = await networkHelpers.takeSnapshot();
    const seen = await terms(w);
    await post(w, seen);
    await snapshot.restore();
    await post(w, { ...seen, reward: 1n });
    await expect(claim(w, seen, w.alice)).to.be.revertedWithCustomError(w.escrow, 'BountyNotOpen');
  });
});

describe('E6 doing it twice', () => {
  it('E6 accept, refund, release, collect, lapse and withdraw work once', async () => {
    const w = await world();
    const t = await terms(w);
    await post(w, t);
    const first = await claim(w, t, w.alice);
    const second = await claim(w, t, w.bob);
    await attest(w, t, first);
    await accept(w, t, first);
    await expect(accept(w, t, first)).to.be.revertedWithCustomError(w.escrow, 'BountyNotOpen');
    await expect(accept(w, t, second)).to.be.revertedWithCustomError(w.escrow, 'BountyNotOpen');
    await expect(claim(w, t, w.mallory)).to.be.revertedWithCustomError(w.escrow, 'BountyNotOpen');
    await w.escrow.getFunction('release')(t, second);
    await expect(w.escrow.getFunction('release')(t, second)).to.be.revertedWithCustomError(w.escrow, 'WrongClaimStatus');
    await w.escrow.getFunction('collect')(t, first);
    await expect(w.escrow.getFunction('collect')(t, first)).to.be.revertedWithCustomError(w.escrow, 'NothingToCollect').withArgs(first);
    await withdraw(w, w.alice, ZERO);
    await expect(withdraw(w, w.alice, ZERO)).to.be.revertedWithCustomError(w.escrow, 'NothingToWithdraw');
    await networkHelpers.time.increaseTo(t.claimBy);
    await expect(w.escrow.getFunction('refund')(t)).to.be.revertedWithCustomError(w.escrow, 'BountyNotOpen');

    const u = await terms(w);
    await post(w, u);
    const third = await claim(w, u, w.alice);
    await networkHelpers.time.increaseTo(u.claimBy);
    await w.escrow.getFunction('lapse')(u, third);
    await expect(w.escrow.getFunction('lapse')(u, third)).to.be.revertedWithCustomError(w.escrow, 'WrongClaimStatus');
    await w.escrow.getFunction('refund')(u);
    await expect(w.escrow.getFunction('refund')(u)).to.be.revertedWithCustomError(w.escrow, 'BountyNotOpen');
    await expect(post(w, u)).to.be.revertedWithCustomError(w.escrow, 'ClaimByOutOfRange');
    expect((await w.escrow.getFunction('bountyOf')(bountyId(w.chainId, w.escrowAddress, u))).status).to.equal(STATUS.refunded);
  });

  it("E6 one bounty's claim is not accepted, lapsed, attested, released or collected under another's terms", async () => {
    const w = await world();
    const t = await terms(w);
    const u = await terms(w, { bond: 100n * BOND });
    await post(w, t);
    await post(w, u);
    const id = await claim(w, t, w.alice);
    await attest(w, t, id);
    const expiry = await inAnHour();
    const calls: [string, unknown[]][] = [
      ['accept', [u, id]],
      ['lapse', [u, id]],
      ['attest', [u, id, false, expiry, 0b011, await sign(w, id, false, expiry, 0b011)]],
    ];
    for (const [name, parameters] of calls) {
      await expect(w.escrow.getFunction(name)(...parameters), name).to.be.revertedWithCustomError(w.escrow, 'ClaimNotOfBounty');
    }
    const other = await claim(w, u, w.bob);
    await attest(w, u, other);
    await accept(w, u, other);
    await expect(w.escrow.getFunction('release')(u, id)).to.be.revertedWithCustomError(w.escrow, 'ClaimNotOfBounty');
    await accept(w, t, id);
    await expect(w.escrow.getFunction('collect')(u, id)).to.be.revertedWithCustomError(w.escrow, 'ClaimNotOfBounty');
    await expect(w.escrow.getFunction('collect')(t, other)).to.be.revertedWithCustomError(w.escrow, 'ClaimNotOfBounty');
  });
});

describe('E7 copies', () => {
  it("E7 a copied claim is another claim with another statement, and the verdict on the original doesn't fit it", async () => {
    const w = await world();
    const t = await terms(w);
    await post(w, t);
    const copied = body();
    const copy = await claim(w, t, w.mallory, copied);
    const original = await claim(w, t, w.alice, copied);
    expect(copy).to.not.equal(original);
    const statements = await Promise.all([w.mallory, w.alice].map((x) => w.escrow.getFunction('statementOf')(t, x.address, copied)));
    expect([...statements[0]]).to.not.deep.equal([...statements[1]]);
    const expiry = await inAnHour();
    const signatures = await sign(w, original, true, expiry, 0b011);
    await expect(w.escrow.getFunction('attest')(t, copy, true, expiry, 0b011, signatures)).to.be.revertedWithCustomError(
      w.escrow,
      'BadSignature',
    );
    await attest(w, t, copy, false);
    await w.escrow.getFunction('attest')(t, original, true, expiry, 0b011, signatures);
    await accept(w, t, original);
    expect(await credit(w, ZERO, w.alice.address)).to.equal(REWARD + BOND);
    expect(await credit(w, ZERO, w.mallory.address)).to.equal(BOND);
  });
});

describe('E8 verdicts', () => {
  it('E8 a verdict does not fit another claim, validity, expiry, escrow or chain', async () => {
    const w = await world();
    const t = await terms(w);
    await post(w, t);
    const id = await claim(w, t, w.alice);
    const other = await claim(w, t, w.bob);
    const expiry = await inAnHour();
    const attempt = (claimed: Hex, valid: boolean, until: bigint, signatures: string[]) =>
      w.escrow.getFunction('attest')(t, claimed, valid, until, 0b011, signatures);
    const good = await sign(w, id, true, expiry, 0b011);
    await expect(attempt(other, true, expiry, good)).to.be.revertedWithCustomError(w.escrow, 'BadSignature');
    await expect(attempt(id, false, expiry, good)).to.be.revertedWithCustomError(w.escrow, 'BadSignature');
    await expect(attempt(id, true, expiry + 1n, good)).to.be.revertedWithCustomError(w.escrow, 'BadSignature');
    const elsewhere = await sign({ ...w, escrowAddress: w.mallory.address as Hex }, id, true, expiry, 0b011);
    await expect(attempt(id, true, expiry, elsewhere)).to.be.revertedWithCustomError(w.escrow, 'BadSignature');
    const otherChain = await sign({ ...w, chainId: 1n }, id, true, expiry, 0b011);
    await expect(attempt(id, true, expiry, otherChain)).to.be.revertedWithCustomError(w.escrow, 'BadSignature');
    await attempt(id, true, expiry, good);
    await expect(attempt(id, true, expiry, good)).to.be.revertedWithCustomError(w.escrow, 'AlreadyAttested');
  });

  it('E8 a high s, a wrong v and a shortened signature are refused', async () => {
    const w = await world();
    const t = await terms(w, { threshold: 1 });
    await post(w, t);
    const id = await claim(w, t, w.alice);
    const expiry = await inAnHour();
    const [good] = (await sign(w, id, true, expiry, 0b001)) as [string];
    const { r, s, v } = ethers.Signature.from(good);
    const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
    const high = ethers.concat([r, ethers.toBeHex(order - BigInt(s), 32), v === 27 ? '0x1c' : '0x1b']);
    const wrongV = ethers.concat([r, s, '0x1d']);
    for (const signature of [high, wrongV, good.slice(0, -2), `${good}00`, '0x']) {
      await expect(w.escrow.getFunction('attest')(t, id, true, expiry, 0b001, [signature])).to.be.revertedWithCustomError(
        w.escrow,
        'BadSignature',
      );
    }
    await w.escrow.getFunction('attest')(t, id, true, expiry, 0b001, [good]);
  });

  it('E8 an ERC-1271 signer counts while it approves, and a verdict that counted stays after it is revoked', async () => {
    const w = await world();
    const wallet = await ethers.deployContract('Actor');
    await wallet.getFunction('setOwner')(w.attesters[0]?.address);
    const t = await terms(w, { signers: [(await wallet.getAddress()) as Hex], threshold: 1 });
    await post(w, t);
    const first = await claim(w, t, w.alice);
    const second = await claim(w, t, w.bob);
    const expiry = await inAnHour();
    const submit = async (id: Hex) => w.escrow.getFunction('attest')(t, id, true, expiry, 0b001, await sign(w, id, true, expiry, 0b001));
    await submit(first);
    await wallet.getFunction('setOwner')(w.mallory.address);
    await expect(submit(second)).to.be.revertedWithCustomError(w.escrow, 'BadSignature').withArgs(t.signers[0]);
    await accept(w, t, first);
    await w.escrow.getFunction('collect')(t, first);
    expect(await credit(w, ZERO, t.signers[0] as string)).to.equal(FEE);
  });

  it('E8 a verdict after its expiry, after the window or after the end is refused', async () => {
    const w = await world();
    const t = await terms(w);
    await post(w, t);
    const id = await claim(w, t, w.alice);
    const expiry = await inAnHour();
    const signatures = await sign(w, id, true, expiry, 0b011);
    const attempt = () => w.escrow.getFunction('attest')(t, id, true, expiry, 0b011, signatures);
    await networkHelpers.time.increaseTo(expiry);
    await expect(attempt())
      .to.be.revertedWithCustomError(w.escrow, 'TooLate')
      .withArgs(expiry, (time: bigint) => time >= expiry);
    const late = await sign(w, id, true, expiry + 100n * DAY, 0b011);
    await networkHelpers.time.increaseTo((await w.escrow.getFunction('claimOf')(id)).deadline);
    await expect(w.escrow.getFunction('attest')(t, id, true, expiry + 100n * DAY, 0b011, late)).to.be.revertedWithCustomError(
      w.escrow,
      'TooLate',
    );
    await w.escrow.getFunction('lapse')(t, id);
    await expect(w.escrow.getFunction('attest')(t, id, true, expiry + 100n * DAY, 0b011, late)).to.be.revertedWithCustomError(
      w.escrow,
      'WrongClaimStatus',
    );
    expect((await w.escrow.getFunction('claimOf')(id)).status).to.equal(CLAIM.rejected);
  });
});

describe('E9 payment without a verdict', () => {
  it('E9 under Attested no time and no caller pays an unattested claim', async () => {
    const w = await world();
    const t = await terms(w);
    await post(w, t);
    const id = await claim(w, t, w.alice);
    for (const time of [await now(), (await now()) + t.window - 10n, (await now()) + t.window, t.claimBy, t.claimBy + 1000n * DAY]) {
      if (time > (await now())) await networkHelpers.time.increaseTo(time);
      for (const caller of [w.poster, w.alice, w.attesters[0] as World['alice'], w.anyone]) {
        await expect(w.escrow.connect(caller).getFunction('accept')(t, id)).to.be.revertedWithCustomError(w.escrow, 'NotAttested');
      }
    }
    await expect(w.escrow.getFunction('accept')(t, word(0x12))).to.be.revertedWithCustomError(w.escrow, 'ClaimNotOfBounty');
  });

  it('E9 an invalid verdict does not become a payment', async () => {
    const w = await world();
    const t = await terms(w);
    await post(w, t);
    const id = await claim(w, t, w.alice);
    await attest(w, t, id, false);
    await expect(attest(w, t, id, true)).to.be.revertedWithCustomError(w.escrow, 'WrongClaimStatus');
    await expect(accept(w, t, id)).to.be.revertedWithCustomError(w.escrow, 'WrongClaimStatus');
  });
});
