/**
 * The attacks of docs/attacks.md on delivery, as far as the stateless checker goes; each test is named by its id. Times, keys that are never revealed and who
 * may complain are the escrow's, and tested with it.
 */
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { add, multiply, type Affine } from '../../verifier/curve.ts';
import { inverse, Q, R } from '../../verifier/field.ts';
import { cipherRow, cipherTree, encryptRows } from '../../verifier/delivery/cipher.ts';
import { openDelivery } from '../../verifier/delivery/complaint.ts';
import { BASE, keyPair, multiplySecret, sharedSecret } from '../../verifier/delivery/keys.ts';
import { commitRow, encodeRow, type PlainRow } from '../../verifier/delivery/row.ts';
import { proveSharedPoint, verifySharedPoint } from '../../verifier/delivery/shared-point.ts';
import { toHex } from '../../verifier/input.ts';
import { pathOf } from '../../verifier/record/indexed-merkle.ts';
import { readWord } from '../../verifier/words.ts';
import { checkers, errorOf, deliveryVerdict } from './support/checkers.ts';
import { complaint, deliveredOf, delivery, type Delivered, encodeComplaint, parametersOf, replaceRow } from './support/delivery.ts';
import { Draw, hex } from './support/scene.ts';

const draw = new Draw('delivery attacks');
const row = (): PlainRow => ({ limbs: Array.from({ length: 256 }, () => draw.below(2 ** 16)), blind: draw.word() % R });
const rows = (count: number): PlainRow[] => Array.from({ length: count }, row);
const judge = (d: Delivered, i = 0): Promise<string> => deliveryVerdict(parametersOf(d, i));
/** With something else in what the escrow says, or in the complaint. */
const judgeWith = (d: Delivered, delivered: object, own: object, i = 0): Promise<string> =>
  deliveryVerdict([
    { ...deliveredOf(d), ...delivered },
    { ...encodeComplaint(complaint(d, i)), ...own },
  ]);
const point = (p: Affine | null) => p ?? { x: 0n, y: 0n };

describe('D1 keys', () => {
  it('D1 a wrong K, had the escrow taken it: every row is wrong', async () => {
    const d = await delivery('a wrong key', rows(4));
    const wrong = { ...d, mask: { ...d.mask, key: d.mask.key ^ 1n } };
    for (let i = 0; i < 4; i++) expect(['WrongRow', 'BlindOutOfField']).to.include(await judge(wrong, i));
    const opened = await openDelivery({ ...wrong });
    expect('index' in opened && opened.index).to.equal(0);
  });

  it('D1 a ciphertext under another shared secret than e · D', async () => {
    const d = await delivery('a wrong secret', rows(2));
    const mask = { ...d.mask, secret: sharedSecret(multiplySecret(5n, BASE)) };
    const wrong = { ...d, ciphertext: encryptRows(rows(2), mask) };
    expect(['WrongRow', 'BlindOutOfField']).to.include(await judge(wrong));
  });
});

describe('D2 false complaints', () => {
  it('D2 about a true row, in either reading, at the ends of its limbs', async () => {
    const ends = [
      new Array<number>(256).fill(-(2 ** 15)),
      new Array<number>(256).fill(2 ** 15 - 1),
      new Array<number>(256).fill(2 ** 16 - 1),
      Array.from({ length: 256 }, (_, j) => (j === 255 ? 2 ** 15 : 0)),
    ];
    const d = await delivery(
      'true rows',
      ends.map((limbs) => ({ limbs, blind: draw.word() % R })),
    );
    for (let i = 0; i < ends.length; i++) expect(await judge(d, i)).to.equal('TrueRow');
  });

  it('D2 with another row, commitment, index or path', async () => {
    const d = await delivery('other rows', rows(8));
    const [a, b] = [encodeComplaint(complaint(d, 2)), encodeComplaint(complaint(d, 3))];
    const delivered = deliveredOf(d);
    const say = (own: object): Promise<string> => deliveryVerdict([delivered, { ...a, ...own }]);
    expect(await say({})).to.equal('TrueRow');
    expect(await say({ row: b.row })).to.equal('NotInCipher');
    expect(await say({ row: b.row, rowPath: b.rowPath })).to.equal('NotInCipher');
    expect(await say({ commitment: b.commitment })).to.equal('NotInAdapter');
    expect(await say({ commitment: b.commitment, commitmentPath: b.commitmentPath })).to.equal('NotInAdapter');
    expect(await say({ commitment: { x: 0n, y: 0n } })).to.equal('NotInAdapter');
    expect(await say({ commitment: { x: a.commitment.x, y: Q - a.commitment.y } })).to.equal('NotInAdapter');
    expect(await say({ index: 3n })).to.equal('NotInCipher');
    for (let i = 0; i < 3; i++) {
      const change = (path: readonly string[]) => path.map((node, l) => (l === i ? hex(BigInt(node) ^ 1n) : node));
      expect(await say({ rowPath: change(a.rowPath) })).to.equal('NotInCipher');
      expect(await say({ commitmentPath: change(a.commitmentPath) })).to.equal('NotInAdapter');
    }
    const flipped = `${a.row.slice(0, -1)}${a.row.endsWith('0') ? '1' : '0'}`;
    expect(await say({ row: flipped })).to.equal('NotInCipher');
  });

  it('D2 about a row out of range, or of another length', async () => {
    const d = await delivery('out of range', rows(4));
    for (const index of [4n, 6n, 2n ** 32n, 2n ** 256n - 1n]) expect(await judgeWith(d, {}, { index })).to.equal('IndexOutOfRange');
    const c = encodeComplaint(complaint(d, 1));
    expect(await judgeWith(d, {}, { row: c.row.slice(0, -2) })).to.equal('WrongRowLength');
    expect(await judgeWith(d, {}, { row: `${c.row}00` })).to.equal('WrongRowLength');
    expect(await judgeWith(d, {}, { row: '0x' })).to.equal('WrongRowLength');
    expect(await judgeWith(d, { depth: 1n }, {})).to.equal('WrongPathLength');
    expect(await judgeWith(d, { depth: 3n }, {})).to.equal('WrongPathLength');
    // An inner node is no row: the path ends a level too early.
    expect(await judgeWith(d, {}, { rowPath: c.rowPath.slice(1), index: 0n }, 1)).to.equal('WrongPathLength');
  });

  it('D2 with a shared point that is not d · E, and S with it', async () => {
    const d = await delivery('shared points', rows(2));
    const c = complaint(d, 0);
    const { claimId, poster, claimant, random } = d;
    const other = keyPair(random);
    const wrong: object[] = [
      // A point of one's choice, with the true proof's numbers.
      { shared: multiplySecret(7n, BASE) },
      { shared: { x: c.shared.x, y: Q - c.shared.y } },
      { challenge: c.challenge ^ 1n },
      { response: (c.response + 1n) % R },
      { challenge: 0n, response: 0n },
      // Proofs of others' knowledge: of another secret, for another E, for another claim.
      proveSharedPoint(claimId, other.secret, claimant.point, random),
      proveSharedPoint(claimId, poster.secret, other.point, random),
      proveSharedPoint(claimId ^ 1n, poster.secret, claimant.point, random),
    ];
    for (const [i, own] of wrong.entries()) {
      expect(await judgeWith(d, {}, own), String(i)).to.equal('WrongSharedPoint');
      expect(verifySharedPoint(claimId, poster.point, claimant.point, { ...c, ...own }), String(i)).to.equal(false);
    }
    expect(verifySharedPoint(claimId, poster.point, claimant.point, c)).to.equal(true);
    expect(await judgeWith(d, { claimId: hex(claimId ^ 1n) }, {})).to.equal('WrongSharedPoint');
    expect(await judgeWith(d, { deliveryKey: other.point }, {})).to.equal('WrongSharedPoint');
    expect(await judgeWith(d, { ephemeralKey: other.point }, {})).to.equal('WrongSharedPoint');
  });

  it('D2 with points and scalars that are not canonical, infinity among them', async () => {
    const d = await delivery('canonical', rows(1));
    const c = complaint(d, 0);
    const none = { x: 0n, y: 0n };
    const bad = (p: Affine): Affine[] => [none, { x: p.x + Q, y: p.y }, { x: p.x, y: p.y + Q }, { x: p.x, y: p.y + 1n }];
    for (const shared of bad(c.shared)) expect(await judgeWith(d, {}, { shared })).to.equal('InvalidPoint');
    for (const ephemeralKey of bad(d.claimant.point)) expect(await judgeWith(d, { ephemeralKey }, {})).to.equal('InvalidPoint');
    for (const deliveryKey of bad(d.poster.point)) expect(await judgeWith(d, { deliveryKey }, {})).to.equal('InvalidPoint');
    expect(await judgeWith(d, {}, { response: c.response + R })).to.equal('WrongSharedPoint');
    for (const challenge of [c.challenge + 2n ** 248n, c.challenge + R, 2n ** 256n - 1n])
      expect(await judgeWith(d, {}, { challenge })).to.equal('WrongSharedPoint');
  });

  it('D2 a proof of another point cannot be put together from the equations', async () => {
    // The forger chooses c and z first, and then a shared point that satisfies both equations for A and B of its choice; c must be their hash.
    const d = await delivery('forged', rows(1));
    const { claimId, poster, claimant } = d;
    for (let n = 0; n < 20; n++) {
      const [challenge, response] = [draw.word() >> 8n, draw.word() % R];
      const b = multiply(BASE, draw.word() % R);
      // shared = (z·E − B) / c.

      const shared = multiply(add(multiply(claimant.point, response), multiply(b, R - 1n)), inverse(challenge));
      expect(verifySharedPoint(claimId, poster.point, claimant.point, { shared: point(shared), challenge, response })).to.equal(false);
      expect(await judgeWith(d, {}, { shared: point(shared), challenge, response })).to.equal('WrongSharedPoint');
    }
  });
});

describe('D3 other contents', () => {
  it('D3 the ciphertext of another bounty or claim', async () => {
    const [d, other] = [await delivery('one bounty', rows(4)), await delivery('another bounty', rows(4))];
    const wrong = { ...d, ciphertext: other.ciphertext };
    for (let i = 0; i < 4; i++) expect(['WrongRow', 'BlindOutOfField']).to.include(await judge(wrong, i));
  });

  it('D3 a nonce, an index or a key of another claim gives another keystream, block by block', async () => {
    const d = await delivery('keystreams', rows(2));
    const zeros = { limbs: new Array<number>(256).fill(0), blind: 0n };
    const base = encryptRows([zeros, zeros], d.mask);
    const blocks = new Set<bigint>();
    const streams = [
      base,
      encryptRows([zeros, zeros], { ...d.mask, nonce: d.mask.nonce ^ 1n }),
      encryptRows([zeros, zeros], { ...d.mask, key: d.mask.key ^ 1n }),
      encryptRows([zeros, zeros], { ...d.mask, secret: d.mask.secret ^ 1n }),
    ];
    for (const stream of streams) for (let j = 0; j < stream.length / 32; j++) blocks.add(readWord(stream, j));
    expect(blocks.size).to.equal(4 * 34);
    expect(['WrongRow', 'BlindOutOfField']).to.include(await judgeWith(d, { nonce: hex(d.mask.nonce ^ 1n) }, {}));
  });

  it('D3 rows in another order, and rows other than the proven final state', async () => {
    const list = rows(4);
    const d = await delivery('order', list);
    const [first, second] = list as [PlainRow, PlainRow];
    const swapped = { ...d, ciphertext: encryptRows([second, first, ...list.slice(2)], d.mask) };
    expect(await judge(swapped, 0)).to.equal('WrongRow');
    expect(await judge(swapped, 1)).to.equal('WrongRow');
    expect(await judge(swapped, 2)).to.equal('TrueRow');
    for (const limbs of [first.limbs.map((v, j) => (j === 255 ? v ^ 1 : v)), first.limbs.map(() => 0), [...first.limbs.slice(1), 0]]) {
      const wrong = replaceRow(d, 0, encodeRow({ ...first, limbs }));
      expect(await judge(wrong)).to.equal('WrongRow');
      expect(await openDelivery(wrong)).to.deep.equal({ index: 0, fault: 'WrongRow' });
    }
    expect(await openDelivery(d)).to.deep.equal({ rows: list });
  });

  it('D3 a row of low and top limbs mixed opens in neither reading: whoever makes the rows keeps them apart', async () => {
    const limbs = Array.from({ length: 256 }, (_, j) => (j < 128 ? 2 ** 15 + j : -1 - j));
    expect(() => encodeRow({ limbs, blind: 1n })).to.throw(/all in/);
    const d = await delivery('mixed', rows(1));
    const bits = limbs.map((v) => v & 0xffff);
    const mixed = replaceRow({ ...d, commitments: [await commitRow({ limbs, blind: 1n })] }, 0, encodeRow({ limbs: bits, blind: 1n }));
    expect(await judge(mixed)).to.equal('WrongRow');
  });

  it('D3 rows that are demanded come whole, and as the ciphertext has them', async () => {
    const { fraud } = await checkers();
    const CIPHER = 2;
    for (const [count, level, index] of [
      [1, 0, 0],
      [2, 1, 0],
      [16, 3, 1],
    ] as const) {
      const d = await delivery(`${count} demanded rows`, rows(count));
      const tree = cipherTree(d.ciphertext);
      const wanted = Array.from({ length: 2 ** level }, (_, i) => cipherRow(d.ciphertext, index * 2 ** level + i));
      const words = wanted.flatMap((bytes) => Array.from({ length: 17 }, (_, j) => toHex(bytes.subarray(32 * j, 32 * (j + 1)))));
      const path = pathOf(tree, index, level).map(hex);
      const say = (own: readonly string[], at: number = index) =>
        errorOf(fraud, 'checkAnswer', [CIPHER, hex(tree.root), tree.depth, level, at, own, path]);
      expect(await say(words)).to.equal(null);
      expect(await say(words.map((w, i) => (i === words.length - 1 ? hex(BigInt(w) ^ 1n) : w)))).to.equal('WrongAnswer');
      expect(await say([...words.slice(17), ...words.slice(0, 17)])).to.equal(level === 0 ? null : 'WrongAnswer');
      expect(await say(words.slice(1))).to.equal('WrongAnswerLength');
      expect(await say(words, index ^ 1)).to.equal(count === 16 ? 'WrongAnswer' : 'NoSuchNode');
    }
  });
});
