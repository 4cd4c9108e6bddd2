/** Gas of each call against the budget of docs/chain.md; prints the table of docs/benchmarks.md. */
import { expect } from 'chai';
import type { ContractTransactionResponse } from 'ethers';
import { after, describe, it } from 'mocha';
import { claimId } from '../../verifier/statement.ts';
import {
  BOND,
  FEE,
  type Hex,
  REWARD,
  type World,
  ZERO,
  body,
  ethers,
  inAnHour,
  networkHelpers,
  post,
  postValue,
  sign,
  terms,
  word,
  world,
} from './support/world.ts';

const BUDGET = { post: 200_000, claim: 180_000, attest: 120_000, accept: 200_000 };
const table: [string, number, number | null][] = [];

async function measure(label: string, budget: number | null, call: Promise<ContractTransactionResponse>): Promise<void> {
  const receipt = await (await call).wait();
  const gas = Number(receipt?.gasUsed);
  table.push([label, gas, budget]);
  if (budget !== null) expect(gas, label).to.be.at.most(budget);
}

describe('gas', () => {
  after(() => {
    console.log('\n| call | gas | budget |\n| --- | ---: | ---: |');
    for (const [label, gas, budget] of table) console.log(`| ${label} | ${gas} | ${budget ?? '–'} |`);
  });

  const call = (w: World, by: World['alice'], name: string, ...parameters: unknown[]) =>
    w.escrow.connect(by).getFunction(name)(...parameters) as Promise<ContractTransactionResponse>;

  it('stays within the budget', async () => {
    const w = await world();
    const t = await terms(w);
    await measure('post, native, 2 of 3', BUDGET.post, call(w, w.poster, 'post', t, { value: postValue(t) }));
    const content = body({
      traceRoot: word(0x88),
      nonce: word(0x99),
      uris: ['ipfs://bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi'],
    });
    await measure('claim, first in the queue', BUDGET.claim, call(w, w.alice, 'claim', t, content, { value: BOND }));
    await measure('claim, second in the queue', BUDGET.claim, call(w, w.bob, 'claim', t, content, { value: BOND }));
    const bounty = await w.escrow.getFunction('bountyIdOf')(t);
    const id = claimId(bounty, w.alice.address as Hex, content);
    const expiry = await inAnHour();
    await measure(
      'attest, 2 signatures',
      BUDGET.attest,
      call(w, w.anyone, 'attest', t, id, true, expiry, 0b011, await sign(w, id, true, expiry, 0b011)),
    );
    await measure('accept, native', BUDGET.accept, call(w, w.anyone, 'accept', t, id));
    await measure('release', null, call(w, w.anyone, 'release', t, claimId(bounty, w.bob.address as Hex, content)));
    await measure('withdraw, native', null, call(w, w.alice, 'withdraw', ZERO, w.alice.address));

    const token = await ethers.deployContract('PlainToken');
    const u = await terms(w, { token: (await token.getAddress()) as Hex, attesterFee: FEE });
    await token.getFunction('mint')(w.poster.address, REWARD);
    await token.getFunction('approve')(w.escrowAddress, REWARD);
    await measure('post, ERC-20, 2 of 3', BUDGET.post, call(w, w.poster, 'post', u, { value: postValue(u) }));

    const many = await terms(w, {
      signers: Array.from({ length: 16 }, (_, i) => `0x${'f'.repeat(36)}${(0x1000 + i).toString(16)}` as const),
      threshold: 1,
    });
    await measure('post, native, 1 of 16', BUDGET.post, call(w, w.poster, 'post', many, { value: postValue(many) }));
    const lone = await terms(w);
    await post(w, lone);
    await networkHelpers.time.increaseTo(lone.claimBy);
    await measure('refund', null, call(w, w.anyone, 'refund', lone));
  });
});
