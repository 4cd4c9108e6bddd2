/** What the escrow calls: tokens in post and withdraw, payees in withdraw, signers with code in attest; else only its own checkers. */
import { expect } from 'chai';
import { describe, it } from 'mocha';
import {
  answer,
  challenge,
  claimOf,
  claimWith,
  commit,
  deliveringBody,
  demand,
  falseAt,
  node,
  passWindow,
  reveal,
  send,
} from './support/moves.ts';
import { DELIVERY, type Hex, REWARD, type World, ethers, nextBlockAt, optimistic, postValue, world } from './support/world.ts';

interface Frame {
  readonly type: string;
  readonly to: string;
  readonly calls?: readonly Frame[];
}

/** Every call that the escrow makes in a transaction, and what it makes of it. */
async function callsOf(w: World, sent: Promise<{ hash: string }>): Promise<string[]> {
  const { hash } = await sent;
  const frame = (await ethers.provider.send('debug_traceTransaction', [hash, { tracer: 'callTracer' }])) as Frame;
  const names = new Map<string, string>();
  const rules = ethers.getCreateAddress({ from: w.escrowAddress, nonce: 1 });
  for (const [address, name] of [
    [rules, 'rules'],
    [await w.fraudProof.getAddress(), 'fraudProof'],
    [await w.delivery.getAddress(), 'delivery'],
    ['0x0000000000000000000000000000000000000001', 'ecrecover'],
  ] as const)
    names.set(address.toLowerCase(), name);
  return (frame.calls ?? []).map(({ type, to }) => `${type} ${names.get(to.toLowerCase()) ?? to.toLowerCase()}`);
}

describe('calls out', () => {
  it('leave the escrow only in post and withdraw; else it looks at its checkers', async () => {
    const w = await world();
    const token = await ethers.deployContract('PlainToken');
    const address = ((await token.getAddress()) as Hex).toLowerCase();
    const t = await optimistic(w, { ...DELIVERY, token: (await token.getAddress()) as Hex });
    await token.getFunction('mint')(w.poster.address, REWARD);
    await token.getFunction('approve')(w.escrowAddress, REWARD);
    const [look, move] = [`STATICCALL ${address}`, `CALL ${address}`];
    expect(await callsOf(w, send(w, w.poster, 'post', t, { value: postValue(t) }))).to.deep.equal(['STATICCALL rules', look, move, look]);

    const b = deliveringBody(w, t, w.alice);
    const lie = { ...b, traceRoot: falseAt(7) };
    expect(await callsOf(w, send(w, w.alice, 'claim', t, b, { value: t.bond }))).to.deep.equal([]);
    const id = await w.escrow.getFunction('claimIdOf')(await w.escrow.getFunction('bountyIdOf')(t), w.alice.address, b);
    const n = node('bundle', 7, 0);
    expect(await callsOf(w, demand(w, t, id, n, w.bob))).to.deep.equal(['STATICCALL fraudProof']);
    expect(await callsOf(w, answer(w, t, w.alice, b, n))).to.deep.equal(['STATICCALL fraudProof']);
    const other = await claimWith(w, t, w.alice, lie);
    expect(await callsOf(w, commit(w, other, 7, w.bob))).to.deep.equal([]);
    expect(await callsOf(w, challenge(w, t, w.alice, lie, 7, w.bob))).to.deep.equal(['STATICCALL fraudProof']);
    await passWindow(w, id);
    expect(await callsOf(w, send(w, w.anyone, 'accept', t, id))).to.deep.equal([]);
    expect(await callsOf(w, reveal(w, t, w.alice, b))).to.deep.equal(['STATICCALL delivery']);
    await nextBlockAt((await claimOf(w, id)).deadline);
    expect(await callsOf(w, send(w, w.anyone, 'settle', t, id))).to.deep.equal([]);
    expect(await callsOf(w, send(w, w.alice, 'withdraw', t.token, w.alice.address))).to.deep.equal([look, move, look]);
    const payee = w.bob.address.toLowerCase();
    expect(await callsOf(w, send(w, w.bob, 'withdraw', ethers.ZeroAddress, w.bob.address))).to.deep.equal([`CALL ${payee}`]);
  });
});
