import { expect } from 'chai';
import { describe, it } from 'mocha';
import { bountyId, claimId } from '../../verifier/statement.ts';
import {
  BOND,
  CLAIM,
  DAY,
  FEE,
  type Hex,
  JOB,
  REWARD,
  STATUS,
  ZERO,
  accept,
  addressOf,
  attest,
  body,
  claim,
  ethers,
  inAnHour,
  networkHelpers,
  nextBlockAt,
  now,
  post,
  postValue,
  sign,
  terms,
  word,
  world,
} from './support/world.ts';

const R = 21888242871839275222246405745257275088548364400416034343698204186575808495617n;

describe('post', () => {
  it('opens the bounty under the hash of chain, escrow and terms, and takes reward and fees', async () => {
    const w = await world();
    const t = await terms(w);
    const id = bountyId(w.chainId, w.escrowAddress, t);
    expect(await w.escrow.getFunction('status')(id)).to.equal(JOB.open);
    await expect(w.escrow.getFunction('post')(t, { value: postValue(t) }))
      .to.emit(w.escrow, 'Posted')
      .withArgs(id, w.poster.address, (logged: { salt: string }) => logged.salt === t.salt);
    expect(await ethers.provider.getBalance(w.escrowAddress)).to.equal(REWARD + 2n * FEE);
    expect((await w.escrow.getFunction('bountyOf')(id)).status).to.equal(STATUS.open);
    expect(await w.escrow.getFunction('status')(id)).to.equal(JOB.funded);
  });

  it('takes an ERC-20 reward from the allowance, and the fees in native coin', async () => {
    const w = await world();
    const token = await ethers.deployContract('PlainToken');
    const t = await terms(w, { token: (await token.getAddress()) as `0x${string}` });
    await token.getFunction('mint')(w.poster.address, REWARD);
    await token.getFunction('approve')(w.escrowAddress, REWARD);
    await w.escrow.getFunction('post')(t, { value: 2n * FEE });
    expect(await token.getFunction('balanceOf')(w.escrowAddress)).to.equal(REWARD);
  });

  it('uses an ERC-2612 permit, and ignores its failure', async () => {
    const w = await world();
    const token = await ethers.deployContract('PlainToken');
    const address = (await token.getAddress()) as `0x${string}`;
    await token.getFunction('mint')(w.poster.address, 2n * REWARD);
    const deadline = (await now()) + DAY;
    const signature = ethers.Signature.from(
      await w.poster.signTypedData(
        { name: 'Plain', version: '1', chainId: w.chainId, verifyingContract: address },
        {
          Permit: [
            { name: 'owner', type: 'address' },
            { name: 'spender', type: 'address' },
            { name: 'value', type: 'uint256' },
            { name: 'nonce', type: 'uint256' },
            { name: 'deadline', type: 'uint256' },
          ],
        },
        { owner: w.poster.address, spender: w.escrowAddress, value: REWARD, nonce: 0n, deadline },
      ),
    );
    const permit = { deadline, v: signature.v, r: signature.r, s: signature.s };
    const first = await terms(w, { token: address });
    // Somebody who saw the permit used it first.
    await token.connect(w.mallory).getFunction('permit')(w.poster.address, w.escrowAddress, REWARD, deadline, permit.v, permit.r, permit.s);
    await w.escrow.getFunction('postWithPermit')(first, permit, { value: 2n * FEE });
    // The same permit is worthless now, and without an allowance the token says so.
    const second = await terms(w, { token: address });
    await expect(w.escrow.getFunction('postWithPermit')(second, permit, { value: 2n * FEE })).to.be.revertedWithCustomError(
      token,
      'ERC20InsufficientAllowance',
    );
  });

  it('refuses another value than reward and fees', async () => {
    const w = await world();
    const t = await terms(w);
    for (const value of [postValue(t) - 1n, postValue(t) + 1n, 0n]) {
      await expect(w.escrow.getFunction('post')(t, { value }))
        .to.be.revertedWithCustomError(w.escrow, 'WrongValue')
        .withArgs(value, postValue(t));
    }
  });
});

describe('claim', () => {
  it('binds the claimant and puts the claim in the queue', async () => {
    const w = await world();
    const t = await terms(w);
    const bounty = await post(w, t);
    const b = body({ announced: [] });
    const id = claimId(bounty, w.alice.address as `0x${string}`, b);
    await expect(w.escrow.connect(w.alice).getFunction('claim')(t, b, { value: BOND }))
      .to.emit(w.escrow, 'Claimed')
      .withArgs(
        id,
        bounty,
        w.alice.address,
        (from: bigint) => from > 0n,
        (logged: { bundleRoot: string }) => logged.bundleRoot === b.bundleRoot,
      );
    const stored = await w.escrow.getFunction('claimOf')(id);
    expect(stored.claimant).to.equal(w.alice.address);
    expect(stored.status).to.equal(CLAIM.pending);
    expect(stored.deadline).to.equal((await now()) + t.window);
    expect(await w.escrow.getFunction('status')(bounty)).to.equal(JOB.submitted);
  });

  it('refuses a wrong bond, delivery, wrong or too large announced values, and a repetition', async () => {
    const w = await world();
    const t = await terms(w, { announces: [word(1), word(2)] });
    await post(w, t);
    const attempt = (b: ReturnType<typeof body>, value = BOND) => w.escrow.connect(w.alice).getFunction('claim')(t, b, { value });
    const good = body({ announced: [0n, R - 1n] });
    await expect(attempt(good, BOND - 1n))
      .to.be.revertedWithCustomError(w.escrow, 'WrongValue')
      .withArgs(BOND - 1n, BOND);
    await expect(attempt(body({ announced: [0n] })))
      .to.be.revertedWithCustomError(w.escrow, 'WrongAnnouncedCount')
      .withArgs(1n, 2n);
    await expect(attempt(body({ announced: [0n, R] })))
      .to.be.revertedWithCustomError(w.escrow, 'AnnouncedOutOfField')
      .withArgs(1n, R);
    for (const change of [{ cipherRoot: word(1) }, { keyHash: word(1) }, { ephemeralKey: { x: 1n, y: 2n } }]) {
      await expect(attempt({ ...good, ...change })).to.be.revertedWithCustomError(w.escrow, 'UnexpectedDelivery');
    }
    await attempt(good);
    await expect(attempt(good)).to.be.revertedWithCustomError(w.escrow, 'AlreadyClaimed');
  });

  it('E10 refuses a body that would make challenges and answers too large: more than 4 URIs, or 512 bytes of them', async () => {
    const w = await world();
    const t = await terms(w);
    await post(w, t);
    const attempt = (uris: string[]) => w.escrow.connect(w.alice).getFunction('claim')(t, body({ uris }), { value: BOND });
    for (const uris of [['', '', '', '', ''], new Array<string>(1000).fill(''), ['x'.repeat(513)], ['x'.repeat(256), 'y'.repeat(257)]])
      await expect(attempt(uris)).to.be.revertedWithCustomError(w.escrow, 'UrisTooLong');
    for (const uris of [[], ['x'.repeat(512)], new Array<string>(4).fill('z'.repeat(128))]) await attempt(uris);
  });

  it('E10 refuses a URI that text decoders would change, and with it the claim’s id; what lies behind its end is nobody’s', async () => {
    const w = await world();
    const t = await terms(w);
    const bounty = await post(w, t);
    /** Claims with bytes put into the call, behind the first `at` bytes of the last URI. */
    const attempt = (uris: string[], at: number, bytes: string) => {
      const last = uris.at(-1) as string;
      const data = w.escrow.interface.encodeFunctionData('claim', [t, body({ uris })]);
      const begin = data.lastIndexOf(`${last.length.toString(16).padStart(64, '0')}${Buffer.from(last).toString('hex')}`) + 64 + 2 * at;
      return w.alice.sendTransaction({
        to: w.escrowAddress,
        data: data.slice(0, begin) + bytes + data.slice(begin + bytes.length),
        value: BOND,
      });
    };
    for (const [length, at, bytes] of [
      [1, 0, 'ff'],
      [8, 0, 'efbbbf'],
      [8, 3, 'c3bc'],
      [40, 0, '80'],
      [40, 31, '80'],
      [40, 32, '80'],
      [40, 39, '80'],
      [64, 63, 'fe'],
      [512, 511, '80'],
    ] as const)
      await expect(attempt(['q'.repeat(length)], at, bytes), `${bytes} at ${at} of ${length}`)
        .to.be.revertedWithCustomError(w.escrow, 'UriNotAscii')
        .withArgs(0n);
    const uri = '\u0000~q\u007f';
    await expect(attempt(['x'.repeat(9), '', uri], 3, '80'))
      .to.be.revertedWithCustomError(w.escrow, 'UriNotAscii')
      .withArgs(2n);
    const b = body({ uris: [uri] });
    await expect(attempt([uri], 4, 'ff'.repeat(28)))
      .to.emit(w.escrow, 'Claimed')
      .withArgs(
        claimId(bounty, w.alice.address as Hex, b),
        bounty,
        w.alice.address,
        () => true,
        (logged: { uris: string[] }) => logged.uris[0] === uri,
      );
  });

  it('refuses terms that nobody posted', async () => {
    const w = await world();
    const t = await terms(w);
    await expect(w.escrow.connect(w.alice).getFunction('claim')(t, body(), { value: BOND })).to.be.revertedWithCustomError(
      w.escrow,
      'BountyNotOpen',
    );
  });
});

describe('attest and accept', () => {
  it('pays reward and bond to the claimant, and keeps a fee for each signer of the verdict', async () => {
    const w = await world();
    const t = await terms(w);
    const bounty = await post(w, t);
    const id = await claim(w, t, w.alice);
    await attest(w, t, id, true, 0b101);
    await expect(w.escrow.getFunction('accept')(t, id)).to.emit(w.escrow, 'Paid').withArgs(id, bounty, w.alice.address);
    const credit = w.escrow.getFunction('credits');
    expect(await credit(ZERO, w.alice.address)).to.equal(REWARD + BOND);
    expect(await w.escrow.getFunction('status')(bounty)).to.equal(JOB.completed);
    expect((await w.escrow.getFunction('claimOf')(id)).status).to.equal(CLAIM.paid);
    await expect(w.escrow.connect(w.alice).getFunction('withdraw')(ZERO, w.bob.address)).to.changeEtherBalance(
      ethers,
      w.bob,
      REWARD + BOND,
    );
    expect(await ethers.provider.getBalance(w.escrowAddress)).to.equal(2n * FEE);
  });

  it('pays an ERC-20 reward in that token', async () => {
    const w = await world();
    const token = await ethers.deployContract('PlainToken');
    const t = await terms(w, { token: (await token.getAddress()) as `0x${string}` });
    await token.getFunction('mint')(w.poster.address, REWARD);
    await token.getFunction('approve')(w.escrowAddress, REWARD);
    await post(w, t);
    const id = await claim(w, t, w.alice);
    await attest(w, t, id);
    await accept(w, t, id);
    await w.escrow.connect(w.alice).getFunction('withdraw')(t.token, w.alice.address);
    expect(await token.getFunction('balanceOf')(w.alice.address)).to.equal(REWARD);
    expect(await w.escrow.getFunction('credits')(ZERO, w.alice.address)).to.equal(BOND);
  });

  it('rejects a claim with an invalid verdict and gives the bond back', async () => {
    const w = await world();
    const t = await terms(w);
    const bounty = await post(w, t);
    const id = await claim(w, t, w.alice);
    await attest(w, t, id, false);
    expect((await w.escrow.getFunction('claimOf')(id)).status).to.equal(CLAIM.rejected);
    expect(await w.escrow.getFunction('credits')(ZERO, w.alice.address)).to.equal(BOND);
    expect(await w.escrow.getFunction('status')(bounty)).to.equal(JOB.funded);
    await expect(w.escrow.getFunction('accept')(t, id)).to.be.revertedWithCustomError(w.escrow, 'WrongClaimStatus');
  });

  it('keeps the first verdict', async () => {
    const w = await world();
    const t = await terms(w);
    await post(w, t);
    const id = await claim(w, t, w.alice);
    await attest(w, t, id, true);
    const expiry = await inAnHour();
    const signatures = await sign(w, id, false, expiry, 0b110);
    await expect(w.escrow.getFunction('attest')(t, id, false, expiry, 0b110, signatures)).to.be.revertedWithCustomError(
      w.escrow,
      'AlreadyAttested',
    );
  });

  it('wants exactly the threshold of signatures, of the signers named, in order', async () => {
    const w = await world();
    const t = await terms(w);
    await post(w, t);
    const id = await claim(w, t, w.alice);
    const expiry = await inAnHour();
    const [s0, s1, s2] = (await sign(w, id, true, expiry, 0b111)) as [string, string, string];
    const attempt = (mask: number, signatures: string[]) => w.escrow.getFunction('attest')(t, id, true, expiry, mask, signatures);
    await expect(attempt(0b001, [s0]))
      .to.be.revertedWithCustomError(w.escrow, 'WrongSignatureCount')
      .withArgs(1n, 2n);
    await expect(attempt(0b111, [s0, s1, s2]))
      .to.be.revertedWithCustomError(w.escrow, 'WrongSignatureCount')
      .withArgs(3n, 2n);
    await expect(attempt(0b111, [s0, s1]))
      .to.be.revertedWithCustomError(w.escrow, 'WrongSignatureCount')
      .withArgs(3n, 2n);
    await expect(attempt(0b001, [s0, s0]))
      .to.be.revertedWithCustomError(w.escrow, 'WrongSignatureCount')
      .withArgs(1n, 2n);
    await expect(attempt(0b000, [s0, s1]))
      .to.be.revertedWithCustomError(w.escrow, 'WrongSignatureCount')
      .withArgs(0n, 2n);
    await expect(attempt(0b1001, [s0, s1]))
      .to.be.revertedWithCustomError(w.escrow, 'UnknownAttester')
      .withArgs(3n);
    await expect(attempt(0b011, [s1, s0]))
      .to.be.revertedWithCustomError(w.escrow, 'BadSignature')
      .withArgs(w.attesters[0]?.address);
    await expect(attempt(0b011, [s0, s0]))
      .to.be.revertedWithCustomError(w.escrow, 'BadSignature')
      .withArgs(w.attesters[1]?.address);
    await attempt(0b110, [s1, s2]);
  });

  it('computes the verdict digest of EIP-712', async () => {
    const w = await world();
    const { verdictTypedData } = await import('../../scripts/lib/verdict.ts');
    const { hashTypedData } = await import('viem');
    const message = { claimId: word(9), valid: true, expiry: 1234n };
    expect(await w.escrow.getFunction('verdictDigest')(message.claimId, message.valid, message.expiry)).to.equal(
      hashTypedData(verdictTypedData(w.chainId, w.escrowAddress, message)),
    );
  });
});

describe('the queue of claims', () => {
  it('pays only the first live claim; a later one waits until the first has lapsed', async () => {
    const w = await world();
    const t = await terms(w);
    await post(w, t);
    const first = await claim(w, t, w.alice);
    const second = await claim(w, t, w.bob);
    await attest(w, t, second);
    await expect(w.escrow.getFunction('accept')(t, second))
      .to.be.revertedWithCustomError(w.escrow, 'ClaimNotFirst')
      .withArgs(second, first);
    await nextBlockAt((await w.escrow.getFunction('claimOf')(first)).deadline);
    await w.escrow.getFunction('lapse')(t, first);
    await accept(w, t, second);
    expect(await w.escrow.getFunction('credits')(ZERO, w.bob.address)).to.equal(REWARD + BOND);
    expect(await w.escrow.getFunction('credits')(ZERO, w.alice.address)).to.equal(BOND);
  });

  it('keeps the order when claims end at its front, middle and end', async () => {
    const w = await world();
    const t = await terms(w);
    const bounty = await post(w, t);
    const ids = [];
    for (let i = 0; i < 5; i++) ids.push(await claim(w, t, w.alice, body({ nonce: word(i + 1) })));
    const queue = async () => {
      const list: string[] = [];
      const { first, last } = await w.escrow.getFunction('bountyOf')(bounty);
      for (let id = first; BigInt(id) !== 0n; id = (await w.escrow.getFunction('claimOf')(id)).next) list.push(id);
      expect(list.at(-1) ?? ethers.ZeroHash).to.equal(last);
      return list;
    };
    const [a, b, c, d, e] = ids as [`0x${string}`, `0x${string}`, `0x${string}`, `0x${string}`, `0x${string}`];
    expect(await queue()).to.deep.equal([a, b, c, d, e]);
    await attest(w, t, c, false);
    expect(await queue()).to.deep.equal([a, b, d, e]);
    await attest(w, t, a, false);
    expect(await queue()).to.deep.equal([b, d, e]);
    await attest(w, t, e, false);
    expect(await queue()).to.deep.equal([b, d]);
    const f = await claim(w, t, w.bob);
    expect(await queue()).to.deep.equal([b, d, f]);
    for (const id of [b, d, f]) await attest(w, t, id, false);
    expect(await queue()).to.deep.equal([]);
    const g = await claim(w, t, w.bob, body({ nonce: word(0x99) }));
    expect(await queue()).to.deep.equal([g]);
  });

  it('releases the bonds of the claims that were not paid', async () => {
    const w = await world();
    const t = await terms(w);
    const bounty = await post(w, t);
    const first = await claim(w, t, w.alice);
    const second = await claim(w, t, w.bob);
    await attest(w, t, first);
    await expect(w.escrow.getFunction('release')(t, second)).to.be.revertedWithCustomError(w.escrow, 'BountyNotPaid');
    await accept(w, t, first);
    expect((await w.escrow.getFunction('claimOf')(second)).status).to.equal(CLAIM.superseded);
    await expect(w.escrow.getFunction('release')(t, first)).to.be.revertedWithCustomError(w.escrow, 'WrongClaimStatus');
    await expect(w.escrow.getFunction('release')(t, second)).to.emit(w.escrow, 'Released').withArgs(second, bounty);
    expect(await w.escrow.getFunction('credits')(ZERO, w.bob.address)).to.equal(BOND);
    expect((await w.escrow.getFunction('claimOf')(second)).status).to.equal(CLAIM.released);
  });
});

describe('collect', () => {
  it('credits those who signed, once a claim is paid, and nobody else', async () => {
    const w = await world();
    const t = await terms(w);
    const bounty = await post(w, t);
    const [first, second] = [await claim(w, t, w.alice), await claim(w, t, w.bob)];
    const collect = (id: Hex) => w.escrow.connect(w.anyone).getFunction('collect')(t, id);
    await expect(collect(first)).to.be.revertedWithCustomError(w.escrow, 'WrongClaimStatus');
    const expiry = await inAnHour();
    const submit = async (id: Hex, mask: number) =>
      w.escrow.getFunction('attest')(t, id, true, expiry, mask, await sign(w, id, true, expiry, mask));
    await submit(first, 0b101);
    await submit(second, 0b011);
    await expect(collect(first)).to.be.revertedWithCustomError(w.escrow, 'WrongClaimStatus');
    await accept(w, t, first);
    const credits = () => Promise.all(w.attesters.map((a) => w.escrow.getFunction('credits')(ZERO, a.address)));
    expect(await credits()).to.deep.equal([0n, 0n, 0n]);
    expect((await w.escrow.getFunction('claimOf')(first)).collected).to.equal(false);
    await expect(collect(first)).to.emit(w.escrow, 'Collected').withArgs(first, bounty);
    expect(await credits()).to.deep.equal([FEE, 0n, FEE]);
    const { collected, attesters } = await w.escrow.getFunction('claimOf')(first);
    expect([collected, attesters]).to.deep.equal([true, 0b101n]);
    await expect(collect(first)).to.be.revertedWithCustomError(w.escrow, 'NothingToCollect').withArgs(first);
    // A verdict on a claim that was not paid earns nothing.
    await expect(collect(second)).to.be.revertedWithCustomError(w.escrow, 'WrongClaimStatus');
    await w.escrow.getFunction('release')(t, second);
    await expect(collect(second)).to.be.revertedWithCustomError(w.escrow, 'WrongClaimStatus');
    for (const by of [w.alice, w.bob, w.attesters[0], w.attesters[2]])
      await w.escrow.connect(by as typeof w.alice).getFunction('withdraw')(ZERO, w.mallory.address);
    expect(await ethers.provider.getBalance(w.escrowAddress)).to.equal(0n);
  });

  it('costs who is paid nothing, however many signed', async () => {
    const gas: bigint[] = [];
    for (const signatures of [1, 3]) {
      const w = await world();
      const t = await terms(w, { threshold: signatures });
      await post(w, t);
      const id = await claim(w, t, w.alice);
      const expiry = await inAnHour();
      const mask = 2 ** signatures - 1;
      await w.escrow.getFunction('attest')(t, id, true, expiry, mask, await sign(w, id, true, expiry, mask));
      gas.push((await (await w.escrow.getFunction('accept')(t, id)).wait())?.gasUsed ?? 0n);
    }
    expect(Number((gas[1] as bigint) - (gas[0] as bigint))).to.be.within(-100, 100);
  });
});

describe('refund', () => {
  it('gives reward and fees back to the poster once nobody can claim any more', async () => {
    const w = await world();
    const t = await terms(w);
    const bounty = await post(w, t);
    await nextBlockAt(t.claimBy);
    await expect(w.escrow.connect(w.anyone).getFunction('refund')(t)).to.emit(w.escrow, 'Refunded').withArgs(bounty);
    expect(await w.escrow.getFunction('credits')(ZERO, await addressOf(w.poster))).to.equal(postValue(t));
    expect(await w.escrow.getFunction('status')(bounty)).to.equal(JOB.expired);
  });

  it('waits for a live claim', async () => {
    const w = await world();
    const t = await terms(w, { window: 30n * DAY });
    const bounty = await post(w, t);
    const id = await claim(w, t, w.alice);
    await networkHelpers.time.increaseTo(t.claimBy);
    await expect(w.escrow.getFunction('refund')(t)).to.be.revertedWithCustomError(w.escrow, 'LiveClaims').withArgs(bounty, id);
    await attest(w, t, id, false);
    await w.escrow.getFunction('refund')(t);
  });
});
