/** The escrow over the real checkers: fraud proofs, answers and complaints of real trees, rows and keys, from commitment to credit. */
import { expect } from 'chai';
import type { ContractTransactionResponse } from 'ethers';
import { describe, it } from 'mocha';
import { R } from '../../verifier/field.ts';
import { encodeRow, type PlainRow } from '../../verifier/delivery/row.ts';
import { answerOf, MerkleTree } from '../../verifier/record/indexed-merkle.ts';
import { OP, refOf } from '../../verifier/record/instruction.ts';
import { statementOf, statementWords, type Body, type Terms } from '../../verifier/statement.ts';
import { checkers } from './support/checkers.ts';
import { complaint, deliveredOf, delivery, encodeComplaint, replaceRow } from './support/delivery.ts';
import { claimOf, claimWith, commit, credit, idOf, node, send, SALT } from './support/moves.ts';
import { Draw, hex, Scene, shapeOfDepth } from './support/scene.ts';
import {
  BOND,
  CLAIM,
  DAY,
  DELIVERY,
  DEMAND_FEE,
  type Hex,
  MINIMUM_REACTION,
  MINIMUM_WINDOW,
  type World,
  accept,
  attest,
  attestedAndDelivered,
  body,
  ethers,
  nextBlockAt,
  optimistic,
  post,
  world,
} from './support/world.ts';

/** A world whose escrow has the real checkers. */
async function realWorld(): Promise<World> {
  const w = await world();
  const { fraud, delivery: contract } = await checkers();
  const escrow = await ethers.deployContract('BountyEscrow', [
    MINIMUM_WINDOW,
    MINIMUM_REACTION,
    await fraud.getAddress(),
    await contract.getAddress(),
  ]);
  return { ...w, escrow, escrowAddress: (await escrow.getAddress()) as Hex };
}

/** The budgets of docs/chain.md, in gas, checkers and escrow together. */
const BUDGET = { challenge: 250_000n, answer: 450_000n, complaint: 2_500_000n } as const;

async function within(what: keyof typeof BUDGET, call: Promise<ContractTransactionResponse>): Promise<void> {
  const receipt = await (await call).wait();
  expect(receipt?.gasUsed, what).to.be.at.most(BUDGET[what]);
}

const refused = (call: Promise<unknown>, contract: unknown, error: string) =>
  expect(call, error).to.be.revertedWithCustomError(contract as never, error);

describe('the escrow over FraudProof', () => {
  const SEGMENT = 2;
  const [PUBF, LOADF, SUM, LAST] = [3, 4, 5, 6];
  const add = { op: OP.ADD, refs: [refOf(PUBF), refOf(LOADF)], imm0: 0n, imm1: 0n };

  /** A program that adds a word of the bundle to the chain's id, and reads the last proof's digest; a trace of depth 20. */
  function program(w: World, lastProof: bigint) {
    const scene = new Scene(shapeOfDepth(20));
    const field = new Draw('together').word() % R;
    scene.program(SEGMENT, PUBF, { op: OP.PUBF, refs: [], imm0: 1n, imm1: 0n });
    scene.program(SEGMENT, LOADF, { op: OP.LOADF, refs: [], imm0: 11n, imm1: 0n });
    scene.program(SEGMENT, SUM, add);
    scene.program(SEGMENT, LAST, { op: OP.PUB, refs: [], imm0: 12n, imm1: 0n });
    scene.load(SEGMENT, 11n, [7n, field]);
    scene.claim(scene.position(SEGMENT, PUBF), [w.chainId, 0n]);
    scene.claim(scene.position(SEGMENT, LOADF), [field, 0n]);
    scene.claim(scene.position(SEGMENT, LAST), [lastProof, 0n]);
    return { scene, sum: (field + w.chainId) % R };
  }

  async function claimed(error: bigint) {
    const w = await realWorld();
    const content = body();
    const { scene, sum } = program(w, BigInt(content.lastProof));
    const { fraud } = await checkers();
    const t = await optimistic(w, { verifierKey: (await fraud.getFunction('keyHashOf')(scene.key)) as Hex });
    await post(w, t);
    scene.claim(scene.position(SEGMENT, SUM), [(sum + error) % R, 0n]);
    const b = body({ bundleRoot: scene.claimed.bundleRoot, traceRoot: scene.claimed.traceRoot });
    const id = await claimWith(w, t, w.alice, b);
    const challenge = (index: number, instruction: Parameters<Scene['accuse']>[2]) =>
      send(w, w.bob, 'challenge', t, w.alice.address, b, SALT, scene.key, scene.accuse(SEGMENT, index, instruction));
    for (const index of [PUBF, LOADF, SUM, LAST]) await commit(w, id, scene.position(SEGMENT, index), w.bob);
    return { w, t, b, id, scene, fraud, challenge };
  }

  it('rejects a claim by one wrong sum', async () => {
    const { w, id, challenge } = await claimed(1n);
    await within('challenge', challenge(SUM, add));
    expect((await claimOf(w, id)).status).to.equal(CLAIM.rejected);
    expect(await credit(w, w.bob)).to.equal(BOND / 2n);
  });

  it('never by a true instruction: public words are the statement, then the last proof', async () => {
    const { w, t, b, challenge, fraud } = await claimed(0n);
    const words = statementWords(statementOf(w.chainId, w.escrowAddress, t, w.alice.address as Hex, b));
    expect(words.length).to.equal(12);
    await refused(challenge(SUM, add), fraud, 'TrueInstruction');
    await refused(challenge(PUBF, { op: OP.PUBF, refs: [], imm0: 1n, imm1: 0n }), fraud, 'TrueInstruction');
    await refused(challenge(LOADF, { op: OP.LOADF, refs: [], imm0: 11n, imm1: 0n }), fraud, 'TrueInstruction');
    await refused(challenge(LAST, { op: OP.PUB, refs: [], imm0: 12n, imm1: 0n }), fraud, 'TrueInstruction');
  });

  it('takes the data under a demanded node, and nothing else', async () => {
    const w = await realWorld();
    const { fraud } = await checkers();
    const draw = new Draw('bundle');
    const cells = Array.from({ length: 200 }, () => [draw.word(), draw.word()] as const);
    const bytes = ethers.getBytes(ethers.concat(cells.flatMap(([x, y]) => [hex(x), hex(y)])));
    const bundle = MerkleTree.ofCells('BUNDLE', bytes, 8);
    const scene = new Scene({ ...shapeOfDepth(12), bundleDepth: 8 });
    const t = await optimistic(w, { verifierKey: (await fraud.getFunction('keyHashOf')(scene.key)) as Hex });
    await post(w, t);
    const b = body({ bundleRoot: hex(bundle.root), traceRoot: scene.claimed.traceRoot });
    const id = await claimWith(w, t, w.alice, b);
    // The second chunk: 72 cells, then pads.
    const chunk = node('bundle', 7, 1);
    await send(w, w.bob, 'demand', t, id, chunk, scene.key, { value: DEMAND_FEE });
    const { words, path } = answerOf(bundle, (leaf) => cells[leaf] ?? [0n, 0n], 7, 1);
    const answer = (list: readonly bigint[]) =>
      send(w, w.anyone, 'answer', t, w.alice.address, b, chunk, scene.key, list.map(hex), path.map(hex));
    await refused(answer(words.with(3, 5n)), fraud, 'WrongAnswer');
    await refused(answer(words.slice(1)), fraud, 'WrongAnswerLength');
    await answer(words);
    expect(await credit(w, w.alice)).to.equal(DEMAND_FEE);
    // A full chunk, of 256 words.
    const full = node('bundle', 7, 0);
    await send(w, w.bob, 'demand', t, id, full, scene.key, { value: DEMAND_FEE });
    const parts = answerOf(bundle, (leaf) => cells[leaf] ?? [0n, 0n], 7, 0);
    const lists = [parts.words.map(hex), parts.path.map(hex)];
    await within('answer', send(w, w.anyone, 'answer', t, w.alice.address, b, full, scene.key, ...lists));
    await refused(send(w, w.bob, 'demand', t, id, node('bundle', 7, 2), scene.key, { value: DEMAND_FEE }), fraud, 'NoSuchNode');
  });
});

describe('the escrow over Delivery', () => {
  const draw = new Draw('rows');
  const rows: PlainRow[] = Array.from({ length: 3 }, () => ({
    limbs: Array.from({ length: 256 }, () => draw.below(2 ** 16)),
    blind: draw.word() % R,
  }));

  /** Revealed: three rows and a pad, of which row 1 is another one if `wrong`. */
  async function revealed(wrong: boolean) {
    const w = await realWorld();
    const contract = (await checkers()).delivery;
    let d = await delivery('together', rows);
    if (wrong) d = replaceRow(d, 1, encodeRow({ ...(rows[1] as PlainRow), blind: 1n }));
    const parts = deliveredOf(d);
    const terms: Partial<Terms> = { ...DELIVERY, deliveryKey: d.poster.point, deliveryDepth: Number(parts.depth) };
    const t = await attestedAndDelivered(w, terms);
    await post(w, t);
    const keyHash = (await contract.getFunction('keyHashOf')(idOf(w, t), w.alice.address, parts.key)) as Hex;
    const { adapterRoot, cipherRoot, nonce, ephemeralKey, key } = parts;
    const b: Body = body({ adapterRoot, cipherRoot, nonce, ephemeralKey, keyHash });
    const id = await claimWith(w, t, w.alice, b);
    await attest(w, t, id);
    await accept(w, t, id);
    await send(w, w.alice, 'reveal', t, w.alice.address, b, key);
    // The proof of the shared point is bound to the claim.
    const complain = (i: number) =>
      send(w, w.poster, 'complain', t, w.alice.address, b, key, encodeComplaint(complaint({ ...d, claimId: BigInt(id) }, i)));
    const foreign = () => send(w, w.poster, 'complain', t, w.alice.address, b, key, encodeComplaint(complaint(d, 1)));
    return { w, t, id, contract, complain, foreign };
  }

  it('rejects a claim by its wrong row alone', async () => {
    const { w, id, contract, complain, foreign } = await revealed(true);
    for (const i of [0, 2, 3]) await refused(complain(i), contract, 'TrueRow');
    await refused(foreign(), contract, 'WrongSharedPoint');
    await within('complaint', complain(1));
    expect((await claimOf(w, id)).status).to.equal(CLAIM.rejected);
    expect(await credit(w, w.poster)).to.equal(BOND);
  });

  it('pays for rows that are right', async () => {
    const { w, t, id, contract, complain } = await revealed(false);
    for (const i of [0, 1, 2, 3]) await refused(complain(i), contract, 'TrueRow');
    await nextBlockAt((await claimOf(w, id)).deadline + DAY);
    await send(w, w.anyone, 'settle', t, id);
    expect((await claimOf(w, id)).status).to.equal(CLAIM.paid);
  });
});
