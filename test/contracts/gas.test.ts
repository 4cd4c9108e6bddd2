/**
 * Gas of each call, against the budget of docs/chain.md and against the snapshot in gas.json, from which it may differ by a hundredth
 * (zero bytes in times and ids). With FINEPROOF_GAS=write the snapshot is written anew. Prints the table of docs/chain.md.
 */
import { expect } from 'chai';
import type { ContractTransactionResponse } from 'ethers';
import { after, describe, it } from 'mocha';
import { readFileSync, writeFileSync } from 'node:fs';
import { claimId } from '../../verifier/statement.ts';
import {
  TRUE_ROOT,
  answerTo,
  challenge,
  claimOf,
  claimWith,
  commit,
  complain,
  deliveringBody,
  demand,
  falseAt,
  node,
  passWindow,
  reveal,
  send,
} from './support/moves.ts';
import {
  BOND,
  DELIVERY,
  FEE,
  type Hex,
  INPUTS,
  REWARD,
  VERIFIER_KEY,
  ZERO,
  body,
  both,
  entered,
  ethers,
  inAnHour,
  networkHelpers,
  nextBlockAt,
  optimistic,
  post,
  postValue,
  sign,
  terms,
  word,
  world,
} from './support/world.ts';

const SNAPSHOT = new URL('./gas.json', import.meta.url);
const recorded = JSON.parse(readFileSync(SNAPSHOT, 'utf8')) as Readonly<Record<string, number>>;
const writing = process.env['FINEPROOF_GAS'] === 'write';

const BUDGET = { post: 200_000, claim: 180_000, attest: 120_000, accept: 200_000 };
const measured: Record<string, number> = {};
const table: [string, number, number | null][] = [];

async function measure(label: string, budget: number | null, call: Promise<ContractTransactionResponse>): Promise<number> {
  const receipt = await (await call).wait();
  const gas = Number(receipt?.gasUsed);
  note(label, gas, budget);
  return gas;
}

function note(label: string, gas: number, budget: number | null): void {
  measured[label] = gas;
  table.push([label, gas, budget]);
  if (budget !== null) expect(gas, label).to.be.at.most(budget);
  if (writing) return;
  const before = recorded[label];
  const stale = `${label}: ${gas}, the snapshot says ${before}; if that is right, run the test with FINEPROOF_GAS=write`;
  expect(before !== undefined && Math.abs(gas - before) <= before / 100, stale).to.equal(true);
}

const CONTENT = body({
  traceRoot: TRUE_ROOT,
  nonce: word(0x99),
  uris: ['ipfs://bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi'],
});

describe('gas', () => {
  after(() => {
    console.log('\n| call | gas | budget |\n| --- | ---: | ---: |');
    for (const [label, gas, budget] of table) console.log(`| ${label} | ${gas} | ${budget ?? '–'} |`);
    if (writing) writeFileSync(SNAPSHOT, `${JSON.stringify(measured, null, 2)}\n`);
  });

  it('of posting, claiming, attesting and paying', async () => {
    const w = await world();
    const t = await terms(w);
    await measure('post, native, 2 of 3', BUDGET.post, send(w, w.poster, 'post', t, { value: postValue(t) }));
    await measure('claim, first in the queue', BUDGET.claim, send(w, w.alice, 'claim', t, CONTENT, { value: BOND }));
    await measure('claim, second in the queue', BUDGET.claim, send(w, w.bob, 'claim', t, CONTENT, { value: BOND }));
    const bounty = await w.escrow.getFunction('bountyIdOf')(t);
    const id = claimId(bounty, w.alice.address as Hex, CONTENT);
    const expiry = await inAnHour();
    const signatures = await sign(w, id, true, expiry, 0b011);
    await measure('attest, 2 signatures', BUDGET.attest, send(w, w.anyone, 'attest', t, id, true, expiry, 0b011, signatures));
    await measure('accept without delivery, 2 attesters', BUDGET.accept, send(w, w.anyone, 'accept', t, id));
    await measure('collect, 2 attesters', null, send(w, w.anyone, 'collect', t, id));
    await measure('release', null, send(w, w.anyone, 'release', t, claimId(bounty, w.bob.address as Hex, CONTENT)));
    await measure('withdraw, native', null, send(w, w.alice, 'withdraw', ZERO, w.alice.address));

    const token = await ethers.deployContract('PlainToken');
    const u = await terms(w, { token: (await token.getAddress()) as Hex, attesterFee: FEE });
    await token.getFunction('mint')(w.poster.address, REWARD);
    await token.getFunction('approve')(w.escrowAddress, REWARD);
    await measure('post, ERC-20, 2 of 3', BUDGET.post, send(w, w.poster, 'post', u, { value: postValue(u) }));

    const signers = Array.from({ length: 16 }, (_, i) => `0x${'f'.repeat(36)}${(0x1000 + i).toString(16)}` as const);
    const many = await both(w, { ...DELIVERY, signers, threshold: 1 });
    await measure('post, everything, 1 of 16', BUDGET.post, send(w, w.poster, 'post', many, { value: postValue(many) }));
    const lone = await terms(w);
    await post(w, lone);
    await networkHelpers.time.increaseTo(lone.claimBy);
    await measure('refund', null, send(w, w.anyone, 'refund', lone));
  });

  it('of accepting, revealing and settling', async () => {
    for (const attested of [false, true]) {
      const w = await world();
      const t = await (attested ? both : optimistic)(w, DELIVERY);
      await post(w, t);
      const b = deliveringBody(w, t, w.alice, { ...CONTENT, cipherRoot: TRUE_ROOT, keyHash: deliveringBody(w, t, w.alice).keyHash });
      const content = { ...b, ephemeralKey: { x: 1n, y: 2n } };
      const id = await claimWith(w, t, w.alice, content);
      if (attested) {
        const expiry = await inAnHour();
        const signatures = await sign(w, id, true, expiry, 0b011);
        await send(w, w.anyone, 'attest', t, id, true, expiry, 0b011, signatures);
      } else await passWindow(w, id);
      const how = attested ? ', 2 attesters' : '';
      let sum = await measure(`accept${how}`, null, send(w, w.anyone, 'accept', t, id));
      sum += await measure(`reveal${how}`, null, reveal(w, t, w.alice, content));
      await nextBlockAt((await claimOf(w, id)).deadline);
      sum += await measure(`settle${how}`, null, send(w, w.anyone, 'settle', t, id));
      note(`accept + reveal + settle${how}`, sum, BUDGET.accept);
    }
  });

  it('of ways in', async () => {
    const w = await world();
    const t = await terms(w, { reserveFor: 3600n });
    await post(w, t);
    await measure('reserve', null, send(w, w.alice, 'reserve', t, { value: BOND }));
    await measure('claim by reservation', BUDGET.claim, send(w, w.alice, 'claim', t, CONTENT, { value: 0n }));
    const u = await entered(w);
    await post(w, u);
    await measure('enter', null, send(w, w.alice, 'enter', u, CONTENT.adapterRoot, { value: BOND }));
    await nextBlockAt(u.enterBy);
    await measure('disclose', null, send(w, w.poster, 'disclose', u, INPUTS.digest, INPUTS.salt, INPUTS.uri));
    await measure('claim by entry', BUDGET.claim, send(w, w.alice, 'claim', u, CONTENT, { value: 0n }));
  });

  it('of doubts, over checkers that cost nothing', async () => {
    const w = await world();
    const t = await optimistic(w, DELIVERY);
    await post(w, t);
    const lie = deliveringBody(w, t, w.alice, { traceRoot: falseAt(7), cipherRoot: falseAt(3) });
    const id = await claimWith(w, t, w.alice, lie);
    const n = node('bundle', 7, 3);
    await measure('demand', null, demand(w, t, id, n, w.bob));
    const { words, path } = answerTo(t, lie, n);
    await measure('answer', null, send(w, w.anyone, 'answer', t, w.alice.address, lie, n, VERIFIER_KEY, words, path));
    await demand(w, t, id, node('bundle', 7, 4), w.bob);
    const snapshot = await networkHelpers.takeSnapshot();
    await nextBlockAt((await w.escrow.getFunction('demandOf')(id, node('bundle', 7, 4))).answerBy);
    await measure('defaulted', null, send(w, w.anyone, 'defaulted', t, id, node('bundle', 7, 4)));
    await snapshot.restore();
    await measure('commit', null, commit(w, id, 7, w.bob));
    await measure('challenge', null, challenge(w, t, w.alice, lie, 7, w.bob));
    await measure('reclaim', null, send(w, w.anyone, 'reclaim', t, id, node('bundle', 7, 4)));
    const other = await claimWith(w, t, w.bob, deliveringBody(w, t, w.bob, { cipherRoot: falseAt(3) }));
    await passWindow(w, other);
    await send(w, w.anyone, 'accept', t, other);
    await reveal(w, t, w.bob, deliveringBody(w, t, w.bob, { cipherRoot: falseAt(3) }));
    await measure('complain', null, complain(w, t, w.bob, deliveringBody(w, t, w.bob, { cipherRoot: falseAt(3) }), 3));
  });
});
