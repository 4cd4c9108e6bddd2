/** What a watchtower pays for, what it leaves to others, and when it holds a claim for done, on the chain of the tests. */
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { before, beforeEach, describe, it } from 'mocha';
import type { HDAccount, Hex } from 'viem';
import { answerIn } from '../../scripts/lib/answer-words.ts';
import { answerDemand, answerDemands, openAnswers, type Answers } from '../../scripts/lib/answering.ts';
import type { PostedClaim } from '../../scripts/lib/bounties.ts';
import { CLAIM_STATUS, type Escrow } from '../../scripts/lib/chain.ts';
import { listDemands, readAnswer } from '../../scripts/lib/demands.ts';
import { TREE, type TreeNode } from '../../scripts/lib/dispute.ts';
import { doubtClaim, type Doubter } from '../../scripts/lib/doubt.ts';
import { writeAtomic } from '../../scripts/lib/files.ts';
import { TRACE_FILE, writeClaim } from '../../scripts/lib/run-folder.ts';
import { encodeTrace } from '../../scripts/lib/traces.ts';
import { watchOnce, type Watch } from '../../scripts/lib/watch.ts';
import { answerData, urisAhead } from './support/answers.ts';
import { LIES } from './support/lies.ts';
import { Draw } from './support/scene.ts';
import { BOND, bystander, claimant, doubting, sharedTrial, type Lie, type Trial } from './support/trial.ts';
import { networkHelpers } from './support/world.ts';

describe('a watchtower', function () {
  this.timeout(120_000);
  const draw = new Draw('watched');
  let trial: Trial;
  /** A store with nothing in it. */
  let store: string;
  before(async () => {
    trial = await sharedTrial();
  });
  beforeEach(() => {
    store = join(trial.folder, 'watched');
    rmSync(store, { recursive: true, force: true });
    mkdirSync(store);
  });
  const chunksOf = ({ bundle }: Lie): number => Math.ceil(bundle.length / 8192);
  const traceSteps = (): number => Math.ceil(trial.verifier.recorded.traceDepth / 8);
  const fees = (demands: number): bigint => BigInt(demands) * trial.terms.demandFee;

  /** The folder that a claimant answers from. */
  function runOf(claim: PostedClaim, lie: Lie): string {
    const run = join(trial.folder, `run-${claim.id}`);
    mkdirSync(run, { recursive: true });
    writeAtomic(join(run, 'bundle.bin'), lie.bundle);
    writeAtomic(join(run, TRACE_FILE), encodeTrace(lie.cells));
    const { bundleRoot, lastProof, adapterRoot, nonce } = claim.body;
    writeClaim(run, { bounty: trial.id, claimant: claimant.address, bundleRoot, lastProof, adapterRoot, nonce });
    return run;
  }
  const answersOf = (run: string): Answers => openAnswers(run, { terms: trial.terms }, trial.verifier, trial.engine);
  const answerAll = (claim: PostedClaim, lie: Lie, answers?: Answers) => {
    const run = runOf(claim, lie);
    return answerDemands(trial.escrow, bystander, trial, trial.verifier, run, answers ?? answersOf(run));
  };
  /** Doubts and answers in turn, until something else is to be done. */
  async function toTheEnd(doubter: Doubter, claim: PostedClaim, lie: Lie): Promise<string> {
    for (let round = 0; round < 10; round++) {
      const { state } = await doubtClaim(doubter, claim);
      if (state !== 'waiting') return state;
      await answerAll(claim, lie);
    }
    throw new Error('it waits for ever');
  }
  const demandsBy = async (claim: PostedClaim, by: HDAccount): Promise<number> =>
    (await listDemands(trial.escrow, claim)).filter((d) => d.demander === by.address).length;

  it('buys nothing that is of no use without more than it may spend', async () => {
    const claim = await trial.claim(trial.honest, false);
    const needed = chunksOf(trial.honest) + traceSteps();
    expect((await doubtClaim(trial.doubter(store, fees(needed) - 1n), claim)).state).to.equal('withheld');
    expect(await demandsBy(claim, doubting)).to.equal(0);
    const doubter = trial.doubter(store, fees(needed));
    expect((await doubtClaim(doubter, claim)).state).to.equal('waiting');
    expect(await demandsBy(claim, doubting), 'first, to see whether anybody answers').to.equal(1);
    await answerAll(claim, trial.honest);
    expect((await doubtClaim(doubter, claim)).state).to.equal('waiting');
    expect(await demandsBy(claim, doubting)).to.equal(chunksOf(trial.honest));
  });

  it('asks for all at once where the time does not allow to ask for one first', async () => {
    const claim = await trial.claim(trial.honest, false);
    const { answer, react } = trial.terms;
    await networkHelpers.time.increaseTo(claim.acceptFrom + 3n * (answer + react) - 4n * (answer + react / 2n));
    expect((await doubtClaim(trial.doubter(store, BOND / 2n), claim)).state).to.equal('waiting');
    expect(await demandsBy(claim, doubting)).to.equal(chunksOf(trial.honest));
  });

  it('keeps a bundle that it bought: another claim that names it costs the trace alone', async () => {
    const lie = await LIES['a value of the trace'](trial, draw);
    const [first, second] = [await trial.claim(lie, false), await trial.claim(lie, false)];
    const doubter = trial.doubter(store, BOND / 2n);
    expect(await toTheEnd(doubter, first, lie)).to.equal('challenged');
    expect(await demandsBy(first, doubting)).to.equal(chunksOf(lie) + traceSteps());
    expect(await toTheEnd(trial.doubter(store, fees(traceSteps())), second, lie)).to.equal('challenged');
    expect(await demandsBy(second, doubting)).to.equal(traceSteps());
  });

  it('leaves other people’s demands on an ended claim to them, and takes back its own', async () => {
    const { escrow, terms, verifier } = trial;
    const lie = await LIES['a value of the trace'](trial, draw);
    const claim = await trial.claim(lie);
    const top = verifier.recorded.traceDepth;
    const of = (index: bigint): TreeNode => ({ tree: TREE.trace, level: top - 8, index });
    await escrow.demand(bystander, terms, claim.id, of(0n), verifier.key);
    await escrow.demand(doubting, terms, claim.id, of(1n), verifier.key);
    const doubter = trial.doubter();
    // Before others' demands are so much as read.
    const events: Escrow['events'] = (name, ...more) =>
      name === 'Demanded' ? Promise.reject(new Error('demands are read')) : escrow.events(name, ...more);
    const slow = { ...doubter, escrow: { ...escrow, events } };
    await doubtClaim(slow, claim).then(
      () => expect.fail('no demand was read'),
      (e: Error) => expect(e.message).to.equal('demands are read'),
    );
    expect(CLAIM_STATUS[(await escrow.claimOf(claim.id)).status]).to.equal('rejected');
    expect((await doubtClaim(doubter, claim)).state).to.equal('over');
    const states = (await listDemands(escrow, claim)).map((d) => [d.demander, d.status]);
    expect(states).to.deep.equal([
      [bystander.address, 'open'],
      [doubting.address, 'reclaimed'],
    ]);
  });

  it('reads the right one of several answers in a transaction, and none from calls that only look like one', async () => {
    const { escrow, terms, verifier, honest } = trial;
    const claim = await trial.claim(honest, false);
    const answers = answersOf(runOf(claim, honest));
    const asked: TreeNode = { tree: TREE.trace, level: verifier.recorded.traceDepth, index: 0n };
    const of = trial.rootOf(claim, asked);
    await escrow.demand(doubting, terms, claim.id, asked, verifier.key);
    const right = await answers.answer(claim.body, asked);
    const dataOf = (answer = right): Hex => answerData(terms, claim, asked, verifier.key, answer);
    const wrongWords = dataOf({ ...right, words: right.words.map((w, i) => (i === 5 ? w ^ 1n : w)) });
    const longPath = dataOf({ ...right, path: [0n] });
    const lies: Hex[] = [wrongWords, longPath, dataOf({ ...right, words: [] }), '0x', '0x1234', dataOf().slice(0, 10) as Hex];
    // Cut off, with offset or length beyond the end, and another call.
    lies.push(dataOf().slice(0, -64) as Hex, dataOf().slice(0, 1000) as Hex, `0x12345678${dataOf().slice(10)}`);
    const head = 10 + 64 * 17;
    for (const word of ['f'.repeat(64), '0'.repeat(48) + 'f'.repeat(16), dataOf().length.toString(16).padStart(64, '0')])
      lies.push((dataOf().slice(0, head) + word + dataOf().slice(head + 64)) as Hex);
    lies.push(`${wrongWords}00`);
    for (const lie of lies) expect(answerIn(lie, asked, of), lie.slice(0, 200)).to.equal(null);
    expect(answerIn(dataOf(), asked, of)).to.deep.equal(right);
    for (const odd of [urisAhead(dataOf()), `${dataOf()}00`, `${dataOf()}${'ff'.repeat(33)}`] as const)
      expect(answerIn(odd, asked, of)).to.deep.equal(right);

    await answerDemand(escrow, bystander, { terms }, verifier, claim, asked, answers);
    expect(await readAnswer(escrow, claim, asked, of)).to.deep.equal(right);
    // A transaction in which others log decoys around the answer, and events of the escrow.
    const { client } = escrow.chain;
    const logged = (data: readonly Hex[], topics: readonly Hex[] = []): Escrow => {
      const logs = data.map((one) => ({ topics, data: one }));
      const fake = { ...client, getTransactionReceipt: async () => ({ logs }) };
      return { ...escrow, chain: { ...escrow.chain, client: fake as never } };
    };
    expect(await readAnswer(logged([...lies, dataOf(), ...lies]), claim, asked, of)).to.deep.equal(right);
    for (const none of [logged(lies), logged([dataOf()], [claim.id])])
      expect(await readAnswer(none, claim, asked, of).catch((e: Error) => e.message)).to.match(/has no log of the answer/);
  });

  it('answers go out in the order of their deadlines, and one that fails holds up none behind it', async () => {
    const { escrow, terms, verifier, honest } = trial;
    const claim = await trial.claim(honest, false);
    const of = (index: number): TreeNode => ({ tree: TREE.bundle, level: 7, index: BigInt(index) });
    for (const index of [3, 2, 1]) await escrow.demand(doubting, terms, claim.id, of(index), verifier.key);
    const answers = answersOf(runOf(claim, honest));
    const broken: Answers = {
      answer: (body, node) => (node.index === 3n ? Promise.reject(new Error('a disk fails')) : answers.answer(body, node)),
    };
    const { answered, failed } = await answerAll(claim, honest, broken);
    expect(answered.map(({ node }) => node.index)).to.deep.equal([2n, 1n]);
    expect(failed.map(({ node, error }) => [node.index, (error as Error).message])).to.deep.equal([[3n, 'a disk fails']]);
    expect((await answerAll(claim, honest)).answered.map(({ node }) => node.index)).to.deep.equal([3n]);
  });

  describe('over time', () => {
    /** A watch over a chain whose newest settled block is given. */
    function watchOf(settled: () => bigint, escrow = trial.escrow, first: PostedClaim): Watch {
      const cursors = join(trial.folder, 'cursors');
      rmSync(cursors, { recursive: true, force: true });
      mkdirSync(cursors);
      const head = async () => {
        const { number, timestamp } = await trial.escrow.chain.client.getBlock();
        return { number, time: timestamp, settled: settled() };
      };
      // Claims of other tests are not looked at.
      const events: Escrow['events'] = (name, args, from) =>
        escrow.events(name, args, from !== undefined && from > first.block ? from : first.block);
      const doubter = { ...trial.doubter(), escrow: { ...escrow, events } };
      return { doubter, head, bounty: trial.id, cursors, waiting: new Map(), overSince: null };
    }
    const statesOf = async (watch: Watch): Promise<string[]> => (await watchOnce(watch)).seen.map(({ doubt }) => doubt?.state ?? 'failed');

    it('a claim that a lagging node does not know is looked at again, and refuted once it does', async () => {
      const claim = await trial.claim(await LIES['a value of the trace'](trial, draw));
      let lags = true;
      const { escrow } = trial;
      const claimOf: Escrow['claimOf'] = async (id) => {
        const record = await escrow.claimOf(id);
        return lags ? { ...record, status: 0 } : record;
      };
      const watch = watchOf(() => 10n ** 9n, { ...escrow, claimOf }, claim);
      expect(await statesOf(watch)).to.deep.equal(['unseen']);
      expect(await statesOf(watch)).to.deep.equal(['unseen']);
      lags = false;
      expect(await statesOf(watch)).to.deep.equal(['challenged']);
      expect(await statesOf(watch)).to.deep.equal([]);
    });

    it('a challenge that a reorganisation takes back is made again; what is settled is not read again', async () => {
      const lie = await LIES['a value of the trace'](trial, draw);
      const claim = await trial.claim(lie);
      const unmade = await networkHelpers.takeSnapshot();
      let settled = claim.block;
      const watch = watchOf(() => settled, trial.escrow, claim);
      expect(await statesOf(watch)).to.deep.equal(['challenged']);
      expect(await statesOf(watch), 'its end is known').to.deep.equal([]);
      await unmade.restore();
      // The state of its process is lost too.
      expect(await statesOf({ ...watch, waiting: new Map() })).to.deep.equal(['challenged']);
      expect(existsSync(join(watch.cursors, `${trial.id}.json`))).to.equal(true);
      settled = await trial.escrow.chain.client.getBlockNumber();
      expect(await statesOf(watch)).to.deep.equal([]);
      let asked = 0;
      const claimOf: Escrow['claimOf'] = (id) => {
        asked += id === claim.id ? 1 : 0;
        return trial.escrow.claimOf(id);
      };
      const later = { ...watch, doubter: { ...watch.doubter, escrow: { ...watch.doubter.escrow, claimOf } } };
      expect(await statesOf(later)).to.deep.equal([]);
      expect(asked > 0, 'it was in no cursor').to.equal(false);
    });

    it('it ends only when the bounty has been over up to a settled block', async () => {
      const { escrow } = trial;
      const claim = await trial.claim(await LIES['a value of the trace'](trial, draw));
      let status = 0;
      const bounty: Escrow['bounty'] = async (id) => ({ ...(await escrow.bounty(id)), status });
      const head = await escrow.chain.client.getBlockNumber();
      let settled = head;
      const watch = watchOf(() => settled, { ...escrow, bounty }, claim);
      const over: boolean[] = [];
      // Unknown, open, paid, open again, paid, settled.
      for (const [now, final] of [
        [0, head],
        [1, head],
        [2, head],
        [1, head + 1000n],
        [2, head],
        [2, head + 1000n],
      ] as const) {
        [status, settled] = [now, final];
        over.push((await watchOnce(watch)).over);
      }
      expect(over).to.deep.equal([false, false, false, false, false, true]);
    });
  });
});
