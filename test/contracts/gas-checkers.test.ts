/**
 * Gas of the checkers against the budgets of docs/chain.md; prints its table. A check is measured as a transaction of its own: `challenge` and `complain` add
 * terms, body and bookkeeping. Under EIP-7623 the calldata alone sets a floor, which most of these meet; `execution` is what the checker itself used.
 */
import { expect } from 'chai';
import { after, describe, it } from 'mocha';
import { OP } from '../../verifier/record/instruction.ts';
import { answerOf, MerkleTree } from '../../verifier/record/indexed-merkle.ts';
import { commitRow, type PlainRow } from '../../verifier/delivery/row.ts';
import { R } from '../../verifier/field.ts';
import { writeWord } from '../../verifier/words.ts';
import { checkers, gasOf } from './support/checkers.ts';
import { delivery, parametersOf } from './support/delivery.ts';
import { honest } from './support/honest.ts';
import { Draw, hex } from './support/scene.ts';
import { ethers } from './support/world.ts';

const BUDGET = { check: 200_000, answer: 400_000, complaint: 2_500_000, generators: 6_500_000 };
const table: string[] = [];
const thousands = (gas: number): string => `${Math.round(gas / 1000)}k`;

describe('gas of the checkers', () => {
  after(() => console.log(`\n| | gas, of which execution | budget |\n| --- | ---: | ---: |\n${table.join('\n')}`));

  it('a check of each opcode stays within 200k at depth 20, so that a challenge stays within 250k', async () => {
    for (const name of Object.keys(OP) as (keyof typeof OP)[]) {
      const columns: string[] = [];
      for (const depth of [17, 20, 24]) {
        const h = honest(depth);
        const { index, instruction, value } = h.entries[name];
        const position = h.scene.position(h.segment, index);
        // EQ is false where its operands differ.
        if (name === 'EQ') {
          const operand = h.scene.refPosition(h.segment, instruction.refs[0] as number);
          h.scene.claim(operand, [1n, 1n]);
          const other = { ...instruction, refs: [instruction.refs[0] as number, 1] };
          h.scene.claim(h.scene.position(h.segment, 1), [2n, 2n]);
          h.scene.program(h.segment, index, other);
          columns.push(await measured('fraud', [h.scene.key, h.scene.claimed, h.scene.accuse(h.segment, index, other)], depth));
          continue;
        }
        h.scene.claim(position, [value[0] ^ 1n, value[1]]);
        columns.push(await measured('fraud', [h.scene.key, h.scene.claimed, h.scene.accuse(h.segment, index, instruction)], depth));
      }
      table.push(`| ${name}, depth 17 · 20 · 24 | ${columns.join(' · ')} | ${BUDGET.check / 1000}k at 20 |`);
    }
  });

  async function measured(on: 'fraud' | 'delivery', parameters: readonly unknown[], depth: number): Promise<string> {
    const { used, execution } = await gasOf(on, 'check', parameters);
    if (depth <= 20) expect(used).to.be.at.most(BUDGET.check);
    return `${thousands(used)}, ${thousands(execution)}`;
  }

  it('answers', async () => {
    const draw = new Draw('gas of answers');
    const words = Array.from({ length: 512 }, () => draw.word());
    const bytes = new Uint8Array(32 * words.length);
    words.forEach((w, i) => writeWord(bytes, i, w));
    for (const [label, number, tag, level] of [
      ['256 words', 0, 'BUNDLE', 7],
      ['256 nodes', 1, 'TRACE', 8],
    ] as const) {
      const tree = MerkleTree.ofCells(tag, bytes, 24);
      const answer = answerOf(tree, (i) => [words[2 * i] as bigint, words[2 * i + 1] as bigint], level, 0);
      const { used, execution } = await gasOf('fraud', 'checkAnswer', [
        number,
        hex(tree.root),
        24,
        level,
        0,
        answer.words.map(hex),
        answer.path.map(hex),
      ]);
      expect(used).to.be.at.most(BUDGET.answer);
      table.push(`| answer, ${label}, depth 24 | ${thousands(used)}, ${thousands(execution)} | ${BUDGET.answer / 1000}k |`);
    }
  });

  it('a complaint', async () => {
    const draw = new Draw('gas of complaints');
    const full = (): PlainRow => ({
      limbs: Array.from({ length: 256 }, () => 0x8000 | (0x1111 + draw.below(0x6000))),
      blind: draw.word() % R,
    });
    const small = (): PlainRow => ({ limbs: Array.from({ length: 256 }, () => draw.below(256) - 128), blind: draw.word() % R });
    for (const [label, make] of [
      ['every digit of every limb set', full],
      ['limbs of 8 bits', small],
    ] as const) {
      const d = await delivery(label, [make(), make()]);
      const wrong = { ...d, commitments: [await commitRow(make()), d.commitments[1] ?? null] };
      const { used, execution } = await gasOf('delivery', 'check', parametersOf(wrong, 0));
      expect(used).to.be.at.most(BUDGET.complaint);
      table.push(`| complaint, ${label} | ${thousands(used)}, ${thousands(execution)} | ${BUDGET.complaint / 1000}k |`);
    }
  });

  it('Generators, once', async () => {
    const { generators } = await checkers();
    const receipt = await ethers.provider.getTransactionReceipt(generators.deploymentTransaction()?.hash as string);
    expect(Number(receipt?.gasUsed)).to.be.at.most(BUDGET.generators);
    table.push(`| Generators, deployment | ${thousands(Number(receipt?.gasUsed))} | ${BUDGET.generators / 1000}k |`);
  });
});
