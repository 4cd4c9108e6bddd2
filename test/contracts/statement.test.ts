/** The TypeScript encodings against Solidity's, on many random terms and bodies, and on one fixed vector. */
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { keccak256 } from 'viem';
import { type Body, type Terms, bountyId, claimId, recipeHash, statementOf, statementWords } from '../../verifier/statement.ts';
import { type Hex, type World, body, terms, word, world } from './support/world.ts';

/** Deterministic words: keccak of a counter. */
function source(seed: string) {
  let counter = 0;
  const hex = (): Hex => keccak256(new TextEncoder().encode(`${seed}/${counter++}`));
  const below = (bits: number): bigint => BigInt(hex()) >> BigInt(256 - bits);
  return {
    hex,
    below,
    address: (): Hex => hex().slice(0, 42) as Hex,
    list: <T>(most: number, make: () => T): T[] => Array.from({ length: Number(below(16)) % (most + 1) }, make),
  };
}

function randomTerms(seed: string): Terms {
  const s = source(seed);
  return {
    poster: s.address(),
    kind: Number(s.below(8)) % 3,
    token: s.address(),
    reward: s.below(256),
    bond: s.below(100),
    attesterFee: s.below(64),
    demandFee: s.below(64),
    disclosureBond: s.below(100),
    rule: Number(s.below(8)) % 3,
    signers: s.list(16, s.address),
    threshold: Number(s.below(16)),
    verifierKey: s.hex(),
    modelDigest: s.hex(),
    dataDigest: s.hex(),
    recipeHash: s.hex(),
    steps: Number(s.below(32)),
    stepsPerProof: Number(s.below(32)),
    startDigest: s.hex(),
    inputsCommitment: s.hex(),
    announces: s.list(16, s.hex),
    fullState: s.below(1) === 1n,
    deliveryKey: { x: s.below(256), y: s.below(256) },
    deliveryDepth: Number(s.below(8)),
    enterBy: s.below(64),
    discloseBy: s.below(64),
    claimBy: s.below(64),
    window: s.below(64),
    answer: s.below(64),
    react: s.below(64),
    reserveFor: s.below(64),
    revealFor: s.below(64),
    complainFor: s.below(64),
    maxBundle: s.below(64),
    salt: s.hex(),
  };
}

function randomBody(seed: string): Body {
  const s = source(seed);
  return {
    bundleRoot: s.hex(),
    traceRoot: s.hex(),
    lastProof: s.hex(),
    adapterRoot: s.hex(),
    announced: s.list(16, () => s.below(256)),
    cipherRoot: s.hex(),
    keyHash: s.hex(),
    ephemeralKey: { x: s.below(256), y: s.below(256) },
    nonce: s.hex(),
    uris: s.list(3, () => `ipfs://${s.hex()}/ü`.slice(0, Number(s.below(6)) + 1)),
  };
}

async function compare(w: World, t: Terms, claimant: Hex, b: Body): Promise<void> {
  const bounty = bountyId(w.chainId, w.escrowAddress, t);
  expect(await w.escrow.getFunction('bountyIdOf')(t)).to.equal(bounty);
  expect(await w.escrow.getFunction('claimIdOf')(bounty, claimant, b)).to.equal(claimId(bounty, claimant, b));
  const words: string[] = await w.escrow.getFunction('statementOf')(t, claimant, b);
  expect(words.map(BigInt)).to.deep.equal(statementWords(statementOf(w.chainId, w.escrowAddress, t, claimant, b)));
}

describe('statement in TypeScript and in Solidity', () => {
  it('agrees on random terms and bodies', async () => {
    const w = await world();
    for (let i = 0; i < 100; i++) await compare(w, randomTerms(`terms ${i}`), source(`claimant ${i}`).address(), randomBody(`body ${i}`));
  });

  it('agrees on defaults', async () => {
    const w = await world();
    await compare(w, await terms(w), w.alice.address as Hex, body());
  });

  it('keeps its fixed vector', () => {
    const t = randomTerms('vector');
    const escrow = '0x00000000000000000000000000000000000f1e7d';
    const claimant = '0x00000000000000000000000000000000000c1a17';
    const bounty = bountyId(1n, escrow, t);
    expect(bounty).to.equal('0x0c1c87d6c443979c66722f92a945a5ba5a70c8da779b0fedb14cbb462f4bcdff');
    expect(claimId(bounty, claimant, randomBody('vector'))).to.equal('0x712b9f3c5e43539c2dee60e9b73306693c3759fc001acd3c7c37ec8495f3eacd');
    expect(recipeHash({ program: word(1), steps: 8, stepsPerProof: 2, schedule: word(2) })).to.equal(
      '0x80bc86669e789ad94cb9a3cec11a834c529bd03d5553bad8ec69887ca6a653dd',
    );
  });

  it('orders the statement as docs/chain.md says', async () => {
    const w = await world();
    const t = await terms(w);
    const b = body({ announced: [7n, 8n] });
    const claimant = w.alice.address as Hex;
    expect(statementWords(statementOf(w.chainId, w.escrowAddress, t, claimant, b))).to.deep.equal([
      1n,
      w.chainId,
      BigInt(w.escrowAddress),
      BigInt(bountyId(w.chainId, w.escrowAddress, t)),
      BigInt(claimant),
      BigInt(t.recipeHash),
      8n,
      2n,
      BigInt(t.modelDigest),
      BigInt(t.dataDigest),
      BigInt(t.startDigest),
      BigInt(b.adapterRoot),
      7n,
      8n,
    ]);
  });
});
