/**
 * False claims of a real bundle of three steps, each refuted by what `fineproof challenge` and `watch` do, from published files and the chain alone; and
 * true ones, which nobody can refute. A few of each here; `npm run test:fraud` asks for 200.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { zeroAddress, type Hex } from 'viem';
import { answerDemands, openAnswers } from '../../scripts/lib/answering.ts';
import type { PostedClaim } from '../../scripts/lib/bounties.ts';
import { listDemands, readAnswer } from '../../scripts/lib/demands.ts';
import { claimedOf, commitmentOf, doubtClaim, saltOf, type Doubt } from '../../scripts/lib/doubt.ts';
import { writeAtomic } from '../../scripts/lib/files.ts';
import { progressBar } from '../../scripts/lib/progress.ts';
import { TRACE_FILE, writeClaim } from '../../scripts/lib/run-folder.ts';
import { encodeTrace } from '../../scripts/lib/traces.ts';
import { accuse } from '../../verifier/record/fraud.ts';
import { judge, Unproven } from '../../verifier/record/accusation.ts';
import { MerkleTree } from '../../verifier/record/indexed-merkle.ts';
import { positionOf, traceCell, traceTree } from '../../verifier/record/trace.ts';
import { answerData, urisAhead } from './support/answers.ts';
import { LIES } from './support/lies.ts';
import { Draw } from './support/scene.ts';
import { BOND, bystander, claimant, doubting, poster, sharedTrial, type Lie, type Trial } from './support/trial.ts';
import { ethers, networkHelpers } from './support/world.ts';

const CASES = Number(process.env['FINEPROOF_FRAUD_CASES'] ?? 7);
const MOST_GAS = 250_000n;
const REASON = { challenged: 2, defaulted: 3 } as const;

describe('a false claim of a real bundle', function () {
  this.timeout(CASES * 20_000 + 120_000);
  const draw = new Draw('refuted');
  let trial: Trial;
  const credit = (account: { readonly address: Hex }): Promise<bigint> => trial.escrow.credit(zeroAddress, account.address);
  const bar = CASES > 50 ? progressBar('test:fraud') : null;

  before(async () => {
    trial = await sharedTrial();
    expect(trial.verifier.recorded.traceDepth).to.equal(20);
  });
  after(() => bar?.stop());

  /** The reason that the escrow gave for a claim's end. */
  async function reasonOf(claim: PostedClaim): Promise<number | undefined> {
    const [event] = await trial.escrow.events('Rejected', { claimId: claim.id });
    return event?.args.reason;
  }

  it(`is refuted in one transaction after its commitment, within ${MOST_GAS} gas (${CASES} lies)`, async () => {
    const kinds = Object.entries(LIES);
    const most = { gas: 0n, where: '' };
    for (let i = 0; i < CASES; i++) {
      const [name, lie] = kinds[i % kinds.length] as (typeof kinds)[number];
      bar?.update((0.7 * i) / CASES, `${i}/${CASES} lies: ${name}`);
      const claim = await trial.claim(await lie(trial, draw));
      const [before, posters] = [await credit(doubting), await credit(poster)];
      const doubt = await doubtClaim(trial.doubter(), claim);
      if (doubt.state !== 'challenged') throw new Error(`${name}: ${doubt.state}`);
      expect(await reasonOf(claim), name).to.equal(REASON.challenged);
      expect([(await credit(doubting)) - before, (await credit(poster)) - posters]).to.deep.equal([BOND / 2n, BOND / 2n]);
      expect(doubt.sent.gas <= MOST_GAS, `${name}: ${doubt.sent.gas} gas at ${doubt.where}`).to.equal(true);
      if (doubt.sent.gas > most.gas) Object.assign(most, { gas: doubt.sent.gas, where: `${doubt.where}, ${doubt.fault}` });
    }
    console.log(`      most gas: ${most.gas} (${most.where}), ${trial.verifier.recorded.traceDepth} levels`);
  });

  it(`a true one is not: challenges of its positions revert (${CASES} of them), and so does a copied one`, async () => {
    const { verifier, honest, escrow, terms } = trial;
    const { recorded, trees, key } = verifier;
    const claim = await trial.claim(honest);
    expect(await doubtClaim(trial.doubter(), claim)).to.deep.equal({ state: 'right' });
    const tree = traceTree(recorded, honest.cells);
    const bundle = { tree: MerkleTree.ofCells('BUNDLE', honest.bundle, recorded.bundleDepth), bytes: honest.bundle };
    for (let i = 0; i < CASES; i++) {
      bar?.update(0.7 + (0.3 * i) / CASES, `${i}/${CASES} true positions`);
      const segment = draw.below(i % 10 === 9 ? 2 ** (recorded.traceDepth - recorded.k) : honest.cells.length);
      const length = (honest.cells[segment]?.length ?? 0) / 64;
      const position = positionOf(recorded, segment, draw.below(i % 10 >= 8 || length === 0 ? 2 ** recorded.k : length));
      const accusation = await accuse(recorded, trees, position, tree, (at) => traceCell(recorded, honest.cells, at), bundle);
      expect(() => judge(key, claimedOf(trial.doubter(), claim), accusation)).to.throw(Unproven);
      const salt = await saltOf(doubting, claim.id, position);
      await escrow.commit(doubting, commitmentOf(claim.id, position, doubting.address, salt));
      const said = await escrow.challenge(doubting, terms, claim, salt, key, accusation).then(
        () => 'accepted',
        (e: Error) => e.message,
      );
      expect(said, `position ${position}`).to.match(new RegExp(`TrueInstruction\\(${position}\\)`));
      const copied = await escrow.challenge(bystander, terms, claim, salt, key, accusation).catch((e: Error) => e.message);
      expect(copied).to.match(/NotCommittedBefore/);
    }
    expect((await escrow.claimOf(claim.id)).status, 'still pending').to.equal(1);
  });

  it('goes on where it was stopped: the commitment stands, and the key gives its salt again', async () => {
    const { escrow } = trial;
    const claim = await trial.claim(await LIES['a value of the trace'](trial, draw));
    const commitments = async (): Promise<number> => (await escrow.events('Committed', { sender: doubting.address }, claim.block)).length;
    // A challenge that fails after its commitment, as if the process had ended there.
    const stopped = { ...trial.doubter(), escrow: { ...escrow, challenge: () => Promise.reject(new Error('stopped')) } };
    await doubtClaim(stopped, claim).then(
      () => expect.fail('it was not stopped'),
      (e: Error) => expect(e.message).to.equal('stopped'),
    );
    expect(await commitments()).to.equal(1);
    expect((await doubtClaim(trial.doubter(), claim)).state).to.equal('challenged');
    expect(await commitments()).to.equal(1);
  });

  /** What a party has that publishes nothing. */
  const nothing = (): string => join(trial.folder, 'nothing');
  const pass = (seconds: bigint): Promise<number> => networkHelpers.time.increase(seconds);
  const hide = (lie: Lie): Promise<PostedClaim> => trial.claim(lie, false);

  it('who publishes nothing loses by time, and the demander is repaid', async () => {
    const { escrow, terms } = trial;
    const claim = await hide(trial.honest);
    expect((await doubtClaim(trial.doubter(nothing()), claim)).state, 'nothing is asked for unasked').to.equal('withheld');
    const doubter = trial.doubter(nothing(), BOND / 2n);
    const [before, posters] = [await credit(doubting), await credit(poster)];
    const first = await doubtClaim(doubter, claim);
    if (first.state !== 'waiting') throw new Error(first.state);
    const asked = await listDemands(escrow, claim);
    expect(asked.length, 'one is enough').to.equal(1);
    expect((await doubtClaim(doubter, claim)).state, 'nothing is asked for twice').to.equal('waiting');
    expect((await listDemands(escrow, claim)).length).to.equal(asked.length);
    await pass(terms.answer);
    expect((await doubtClaim(doubter, claim)).state).to.equal('defaulted');
    expect(await reasonOf(claim)).to.equal(REASON.defaulted);
    expect((await credit(doubting)) - before).to.equal(BigInt(asked.length) * terms.demandFee + BOND / 2n);
    expect((await credit(poster)) - posters).to.equal(BOND / 2n);
  });

  it('who only answers, by a contract or in calldata that no client reads, is refuted by the answers', async () => {
    const { escrow, terms, verifier, engine, folder } = trial;
    const lie = await LIES['a value of the trace'](trial, draw);
    const claim = await hide(lie);
    const run = join(folder, 'run');
    mkdirSync(run, { recursive: true });
    writeAtomic(join(run, 'bundle.bin'), lie.bundle);
    writeAtomic(join(run, TRACE_FILE), encodeTrace(lie.cells));
    const { bundleRoot, lastProof, adapterRoot, nonce } = claim.body;
    writeClaim(run, { bounty: trial.id, claimant: claimant.address, bundleRoot, lastProof, adapterRoot, nonce });
    const answers = openAnswers(run, { terms }, verifier, engine);
    const doubter = trial.doubter(nothing(), BOND / 2n);
    const actor = await ethers.deployContract('Actor');
    let doubt: Doubt = await doubtClaim(doubter, claim);
    for (let round = 0; doubt.state === 'waiting'; round++) {
      const [open] = doubt.nodes;
      if (open === undefined || round > 10) throw new Error('nothing is waited for');
      const answer = await answers.answer(claim.body, open);
      const data = answerData(terms, claim, open, verifier.key, answer);
      // Neither is what a client looks for in a transaction: a call by a contract, and calldata that clients can't decode.
      if (round % 2 === 0) await actor.getFunction('execute')(escrow.address, 0n, data);
      else await (await ethers.getSigners())[19]?.sendTransaction({ to: escrow.address, data: urisAhead(data) });
      expect(await readAnswer(escrow, claim, open, trial.rootOf(claim, open))).to.deep.equal(answer);
      await answerDemands(escrow, bystander, { id: trial.id, terms }, verifier, run, answers);
      doubt = await doubtClaim(doubter, claim);
    }
    expect(doubt.state).to.equal('challenged');
    expect(await reasonOf(claim)).to.equal(REASON.challenged);
    const demands = await listDemands(escrow, claim);
    expect(demands.length, 'the bundle’s chunks, and one demand for eight levels of the trace').to.equal(
      Math.ceil(lie.bundle.length / 8192) + Math.ceil(verifier.recorded.traceDepth / 8),
    );
  });
});
