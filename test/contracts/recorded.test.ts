/** A real recorded verifier on a real bundle before the contract: what findFraud brings is false on the chain, and nothing true is. */
import { expect } from 'chai';
import { before, describe, it } from 'mocha';
import { bundleRoot } from '../../verifier/bundle.ts';
import { R } from '../../verifier/field.ts';
import { accuse, findFraud, type Fraud } from '../../verifier/record/fraud.ts';
import { isLoad } from '../../verifier/record/accusation.ts';
import type { Pair } from '../../verifier/record/evaluate.ts';
import { cellLeaf, MerkleTree, type Nodes } from '../../verifier/record/indexed-merkle.ts';
import { bundleWord, OP } from '../../verifier/record/instruction.ts';
import { listOf } from '../../verifier/record/key.ts';
import { positionOf, traceCell } from '../../verifier/record/trace.ts';
import { readWord, writeWord } from '../../verifier/words.ts';
import { claimOf, keyOfScene, scene3, wasm } from '../record/support.ts';
import { fraudVerdict } from './support/checkers.ts';
import { Draw, encodeAccusation, encodeClaimed, PatchedTree } from './support/scene.ts';

describe('the recorded verifier of a tiny run', () => {
  const { recorded, attempt, publicWords } = scene3;
  const { trees, key } = keyOfScene(scene3);
  const bundleTree = MerkleTree.ofCells('BUNDLE', attempt.bundle, recorded.bundleDepth);
  const draw = new Draw('recorded');
  let honest: Awaited<ReturnType<typeof claimOf>>;
  before(async () => {
    honest = await claimOf(scene3, attempt.bundle);
    expect(honest.failed).to.equal(null);
  });
  const valueAt = (position: number): Pair => traceCell(recorded, honest.cells, position);

  /** What the contract says of a position of a claim with this trace. */
  async function say(trace: Nodes, position: number): Promise<string> {
    const claimed = { ...honest.claim, traceRoot: trace.node(trace.depth, 0) };
    const accusation = await accuse(recorded, trees, position, trace, valueAt, { tree: bundleTree, bytes: attempt.bundle });
    return fraudVerdict(key, encodeClaimed(claimed), encodeAccusation(accusation));
  }

  it('is true at instructions of every opcode in every segment, and false once their values change', async () => {
    const seen = new Set<number>();
    for (let segment = 0; segment < recorded.proofs + 2; segment++) {
      const list = listOf(recorded, segment);
      if (list === undefined) throw new Error(`segment ${segment} runs no list`);
      for (const op of Object.values(OP)) {
        const places = [...list.ops.keys()].filter((i) => list.ops[i] === op);
        if (places.length === 0) continue;
        seen.add(op);
        for (const index of new Set([places[0] as number, draw.pick(places), places.at(-1) as number])) {
          const position = positionOf(recorded, segment, index);
          expect(await say(honest.tree, position)).to.equal('TrueInstruction');
          const [a, b] = valueAt(position);
          const wrong = new PatchedTree(honest.tree, position, cellLeaf('TRACE', [a, b ^ 1n]));
          expect(await say(wrong, position)).to.equal('WrongValue');
        }
      }
      const outside = positionOf(recorded, segment, list.length);
      expect(await say(honest.tree, outside)).to.equal('TrueInstruction');
      expect(await say(new PatchedTree(honest.tree, outside, 5n), outside)).to.equal('OutsideLists');
    }
    expect(seen.size, 'opcodes that the verifier uses').to.be.greaterThan(10);
  });

  /** The fraud that findFraud finds in a claim, and the contract's verdict on it. */
  async function refuted(bundle: Uint8Array, trace: Nodes, words = publicWords): Promise<{ fraud: Fraud; said: string }> {
    const claimed = { bundleRoot: bundleRoot(bundle), traceRoot: trace.node(trace.depth, 0), publicWords: words };
    const fraud = await findFraud(recorded, claimed, bundle, trace, trees, wasm);
    if (fraud === null) throw new Error('findFraud found nothing');
    return { fraud, said: await fraudVerdict(key, encodeClaimed(claimed), encodeAccusation(fraud.accusation)) };
  }

  it('a trace that is wrong from somewhere on: the first wrong position', async () => {
    const position = positionOf(recorded, 2, 1234);
    let wrong: Nodes = honest.tree;
    for (const at of [position, position + 1, position + 700, positionOf(recorded, 3, 5)]) wrong = new PatchedTree(wrong, at, BigInt(at));
    const { fraud, said } = await refuted(attempt.bundle, wrong);
    expect(fraud.accusation.position).to.equal(position);
    expect(said).to.equal('WrongValue');
  });

  it('a false proof with the trace that runs on it: the check that fails', async () => {
    const load = (op: number): number => {
      const list = recorded.step;
      const index = [...list.ops.keys()].find((i) => list.ops[i] === op) as number;
      return Number(bundleWord(2, recorded.stride, list.at(index).imm0));
    };
    expect(isLoad(OP.LOADF)).to.equal(true);
    const changes: readonly [string, number, (word: bigint) => bigint, string][] = [
      ['a scalar', load(OP.LOADF), (v) => (v + 1n) % R, 'NotEqual'],
      ['a scalar of r and more', load(OP.LOADF), (v) => v + R, 'NotInField'],
      ['a point off the curve', load(OP.LOADP), (v) => v ^ 1n, 'NotOnCurve'],
    ];
    for (const [name, word, change, expected] of changes) {
      const bundle = attempt.bundle.slice();
      writeWord(bundle, word, change(readWord(bundle, word)));
      const own = await claimOf(scene3, bundle);
      const { fraud, said } = await refuted(bundle, own.tree);
      expect(fraud.fault, name).to.equal(expected);
      expect(said, name).to.equal(expected);
    }
  });
});
