/** Generators and delivery in Solidity against TypeScript: points, masks, commitments in both readings, verdicts. */
import { expect } from 'chai';
import type { Contract } from 'ethers';
import { describe, it } from 'mocha';
import { concat } from 'viem';
import { R } from '../../verifier/field.ts';
import { generators, H } from '../../verifier/generators.ts';
import { commitRow, encodeRow, openRow, PAD_ROW, type PlainRow } from '../../verifier/delivery/row.ts';
import { deliveryKeyHash } from '../../verifier/delivery/keys.ts';
import { toHex } from '../../verifier/input.ts';
import { checkers, deliveryVerdict } from './support/checkers.ts';
import { delivery, parametersOf, replaceRow } from './support/delivery.ts';
import { Draw, hex } from './support/scene.ts';
import { ethers } from './support/world.ts';

const CASES = Number(process.env['FINEPROOF_FUZZ_CASES'] ?? 8);

describe('Generators', () => {
  it('has the points of TypeScript as its code', async () => {
    const { generators: contract } = await checkers();
    const points = [...generators(256), H].flatMap(({ x, y }) => [hex(x), hex(y)]);
    expect(await ethers.provider.getCode(await contract.getAddress())).to.equal(concat(['0x00', ...points]));
  });

  it('are needed by Delivery, which takes no other code', async () => {
    const { delivery: contract, fraud } = await checkers();
    const factory = await ethers.getContractFactory('Delivery');
    for (const other of [await fraud.getAddress(), '0x0000000000000000000000000000000000000000'])
      await expect(factory.deploy(other)).to.be.revertedWithCustomError(contract, 'WrongGenerators').withArgs(other);
  });
});

/** A row of low or of top limbs: small ones mostly, as an adapter's are, full ones, and edges. */
function randomRow(draw: Draw, signed: boolean): PlainRow {
  const kind = draw.below(4);
  const edges = signed ? [-(2 ** 15), 2 ** 15 - 1, -1, 0] : [2 ** 16 - 1, 2 ** 15, 1, 0];
  const limb = (): number => {
    const v = draw.below(2 ** 16) - (signed ? 2 ** 15 : 0);
    return kind === 0 ? Math.trunc(v / 2 ** 9) : kind === 1 ? draw.pick(edges) : v;
  };
  return { limbs: Array.from({ length: 256 }, limb), blind: draw.pick([0n, 1n, R - 1n, draw.word() % R]) };
}

describe('rows, in Solidity and in TypeScript', function () {
  this.timeout(300_000 + 10_000 * CASES);
  it('have the same commitments in both readings, over dirty memory', async () => {
    const harness = (await ethers.deployContract('Harness')) as unknown as Contract;
    const { generators: contract } = await checkers();
    const draw = new Draw('commitments');
    const rows: PlainRow[] = [
      PAD_ROW,
      { limbs: new Array<number>(256).fill(-1), blind: 0n },
      { limbs: new Array<number>(256).fill(2 ** 15), blind: 5n },
    ];
    for (let n = 0; n < CASES; n++) rows.push(randomRow(draw, n % 2 === 0));
    for (const row of rows) {
      const words = row.limbs.map((v) => v & 0xffff);
      const signed = words.map((v) => (v < 2 ** 15 ? v : v - 2 ** 16));
      const expected = [await commitRow({ limbs: words, blind: row.blind }), await commitRow({ limbs: signed, blind: row.blind })];
      const got = (await harness.getFunction('commit')(await contract.getAddress(), toHex(encodeRow(row)))) as bigint[];
      expect([...got]).to.deep.equal(expected.flatMap((p) => (p === null ? [0n, 0n] : [p.x, p.y])));
    }
  });

  it('are judged alike: true ones revert, a change of any limb or of the blind is proven', async () => {
    const draw = new Draw('verdicts');
    for (let n = 0; n < CASES; n++) {
      const signed = n % 2 === 0;
      const row = randomRow(draw, signed);
      const d = await delivery(`verdicts ${n}`, [row, randomRow(draw, !signed)]);
      const truth = await openRow(encodeRow(row), d.commitments[0] ?? null);
      expect('row' in truth && truth.row).to.deep.equal(row);
      expect(await deliveryVerdict(parametersOf(d, 0))).to.equal('TrueRow');
      const bytes = encodeRow(row);
      const at = draw.below(544);
      bytes[at] = (bytes[at] as number) ^ (1 << draw.below(8));
      const wrong = replaceRow(d, 0, bytes);
      const said = await openRow(bytes, d.commitments[0] ?? null);
      expect('fault' in said, `byte ${at}`).to.equal(true);
      expect(await deliveryVerdict(parametersOf(wrong, 0)), `byte ${at}`).to.equal('fault' in said && said.fault);
      expect(await deliveryVerdict(parametersOf(wrong, 1)), 'its neighbour is true').to.equal('TrueRow');
    }
  });

  it('blinds of r and more are wrong in themselves', async () => {
    const draw = new Draw('blinds');
    const row = { ...randomRow(draw, true), blind: 7n };
    const d = await delivery('blinds', [row]);
    for (const blind of [R + 7n, R, 2n ** 256n - 1n, 7n + 4n * R]) {
      const bytes = encodeRow(row);
      for (let i = 0; i < 32; i++) bytes[512 + i] = Number((blind >> BigInt(8 * (31 - i))) & 255n);
      expect(await openRow(bytes, d.commitments[0] ?? null)).to.deep.equal({ fault: 'BlindOutOfField' });
      expect(await deliveryVerdict(parametersOf(replaceRow(d, 0, bytes), 0))).to.equal('BlindOutOfField');
    }
  });

  it('pads are zero rows whose commitment is (0, 0)', async () => {
    const draw = new Draw('pads');
    const d = await delivery('pads', [randomRow(draw, true), randomRow(draw, false), randomRow(draw, true)]);
    expect(d.commitments.length).to.equal(4);
    expect(await deliveryVerdict(parametersOf(d, 3))).to.equal('TrueRow');
    const junk = replaceRow(d, 3, encodeRow({ ...PAD_ROW, blind: 1n }));
    expect(await deliveryVerdict(parametersOf(junk, 3))).to.equal('WrongRow');
  });

  it('a key has the same hash', async () => {
    const draw = new Draw('key hashes');
    for (let n = 0; n < 10; n++) {
      const [bounty, claimant, key] = [draw.word(), draw.word() >> 96n, draw.word()];
      const address = `0x${claimant.toString(16).padStart(40, '0')}`;
      expect(await (await checkers()).delivery.getFunction('keyHashOf')(hex(bounty), address, hex(key))).to.equal(
        hex(deliveryKeyHash(bounty, claimant, key)),
      );
    }
  });
});
