/**
 * The trace: the value of every instruction on a bundle. This is the fast reading of `evaluate.ts`: typed lists need no checks of operands, and
 * a chain of partial sums of points shares its inversions. It stops at the first check that fails.
 */
import { normalizeZ } from '@noble/curves/abstract/curve.js';
import { bn254 } from '@noble/curves/bn254.js';
import { keccak_256 } from '@noble/hashes/sha3.js';
import { isOnCurve, multiply, type Affine } from '../curve.ts';
import { plain, type Engine } from '../engine.ts';
import { R } from '../field.ts';
import { hashWords, readWord, writeWord, type Keccak } from '../words.ts';
import { type Fault, type Pair } from './evaluate.ts';
import { CELL_BYTES, cellLeaf, Forest, MerkleTree } from './indexed-merkle.ts';
import { bundleWord, isPrevious, NONE, OP, refIndex, refOf } from './instruction.ts';
import { listOf } from './key.ts';
import { MAX_OPERANDS, type InstructionList } from './list.ts';
import type { RecordedVerifier } from './record.ts';

const Point = bn254.G1.Point;
type NoblePoint = InstanceType<typeof Point>;

/** Values of a segment: words a and b by index. */
interface Values {
  readonly a: bigint[];
  readonly b: bigint[];
}

/** What a run spends its time on; a caller may bring faster ones. */
export interface TraceWork {
  readonly keccak: Keccak;
  /** scalar · point, scalar in [0, r); null is the point at infinity. */
  readonly multiply: (point: Affine | null, scalar: bigint) => Affine | null | Promise<Affine | null>;
}
const PLAIN: TraceWork = { keccak: keccak_256, multiply };

/** What a verifier's engine does of that. */
export const workOf = (engine: Engine): TraceWork =>
  engine === plain ? PLAIN : { keccak: engine.keccak, multiply: (point, scalar) => engine.msm([scalar], [point]) };

export interface TraceRun {
  /** By segment: 64 bytes an instruction. The last one ends before the failed check, if there is one. */
  readonly cells: readonly Uint8Array[];
  /** The first check that fails: the bundle is not valid. */
  readonly failed: { readonly segment: number; readonly index: number; readonly fault: Fault } | null;
}

/** Trace position of an instruction. */
export const positionOf = (recorded: Pick<RecordedVerifier, 'k'>, segment: number, index: number): number =>
  segment * 2 ** recorded.k + index;

/** Cell `index` of a bundle; (0, 0) beyond its end. */
export const bundleCell = (bundle: Uint8Array, index: number): Pair =>
  index * CELL_BYTES + CELL_BYTES <= bundle.length ? [readWord(bundle, 2 * index), readWord(bundle, 2 * index + 1)] : [0n, 0n];

const isChain = (list: InstructionList, from: number, index: number): boolean => {
  if (list.ops[index] !== OP.ECMULADD) return false;
  if (index === from) return true;
  const [x, y, z] = list.refs.subarray(MAX_OPERANDS * index) as unknown as readonly [number, number, number];
  const early = (ref: number): boolean => isPrevious(ref) || ref < from;
  return z === refOf(index - 1) && early(x) && early(y);
};

/** Evaluates the ECMULADDs from `from` on, each of which adds to the one before; returns the first index behind them. */
async function sumChain(list: InstructionList, from: number, values: Values, before: Values | null, work: TraceWork): Promise<number> {
  const read = (ref: number): Pair => {
    if (ref === NONE) return [0n, 0n];
    const { a, b } = isPrevious(ref) ? (before as Values) : values;
    return [a[refIndex(ref)] as bigint, b[refIndex(ref)] as bigint];
  };
  const affine = ([x, y]: Pair): Affine | null => (x === 0n && y === 0n ? null : { x, y });
  const point = (p: Affine | null): NoblePoint => (p === null ? Point.ZERO : Point.fromAffine({ x: p.x, y: p.y }));
  let end = from;
  let sum = point(affine(read(list.refs[MAX_OPERANDS * from + 2] as number)));
  const sums: NoblePoint[] = [];
  for (; end < list.length && isChain(list, from, end); end++) {
    const [x, y] = list.refs.subarray(MAX_OPERANDS * end) as unknown as readonly [number, number];
    sum = sum.add(point(await work.multiply(affine(read(x)), read(y)[0])));
    sums.push(sum);
  }
  normalizeZ(Point, sums).forEach((p, i) => {
    const { x, y } = p.is0() ? { x: 0n, y: 0n } : p.toAffine();
    values.a[from + i] = x;
    values.b[from + i] = y;
  });
  return end;
}

/** Values of one segment, up to its end or the first failed check. */
async function runSegment(
  list: InstructionList,
  segment: number,
  stride: number,
  bundle: Uint8Array,
  publicWords: readonly bigint[],
  before: Values | null,
  work: TraceWork,
): Promise<{ values: Values; fault: Fault | null }> {
  const { keccak } = work;
  const values: Values = { a: [], b: [] };
  const { a, b } = values;
  const half = (ref: number): bigint => (isPrevious(ref) ? (before as Values).a : a)[refIndex(ref)] as bigint;
  const second = (ref: number): bigint => (isPrevious(ref) ? (before as Values).b : b)[refIndex(ref)] as bigint;
  for (let i = 0; i < list.length; i++) {
    const op = list.ops[i] as number;
    const [x, y, z] = list.refs.subarray(MAX_OPERANDS * i, MAX_OPERANDS * i + MAX_OPERANDS) as unknown as readonly [number, number, number];
    let [value, rest] = [0n, 0n];
    switch (op) {
      case OP.CONST: {
        const { imm0, imm1 } = list.at(i);
        [value, rest] = [imm0, imm1];
        break;
      }
      case OP.PUB:
      case OP.PUBF:
        value = publicWords[Number(list.at(i).imm0)] as bigint;
        if (op === OP.PUBF && value >= R) return { values, fault: 'NotInField' };
        break;
      case OP.LOADF:
      case OP.LOADW:
      case OP.LOADP: {
        const word = bundleWord(segment, stride, list.at(i).imm0);
        const cell = bundleCell(bundle, Number(word >> 1n));
        if (op === OP.LOADP) {
          if (!isOnCurve({ x: cell[0], y: cell[1] })) return { values, fault: 'NotOnCurve' };
          [value, rest] = cell;
        } else {
          value = cell[Number(word & 1n)] as bigint;
          if (op === OP.LOADF && value >= R) return { values, fault: 'NotInField' };
        }
        break;
      }
      case OP.ADD:
        value = half(x) + half(y);
        if (value >= R) value -= R;
        break;
      case OP.SUB:
        value = half(x) - half(y);
        if (value < 0n) value += R;
        break;
      case OP.MUL:
        value = (half(x) * half(y)) % R;
        break;
      case OP.MULADD:
        value = (half(x) * half(y) + half(z)) % R;
        break;
      case OP.ABSORB:
        value = hashWords(keccak, [list.at(i).imm0, half(x), half(y), second(y)]);
        break;
      case OP.NODE:
        value = hashWords(keccak, [half(x), half(y)]);
        break;
      case OP.SQUEEZE:
        value = hashWords(keccak, [list.at(i).imm0, half(x)]) >> 8n;
        break;
      case OP.ECMULADD:
        i = (await sumChain(list, i, values, before, work)) - 1;
        continue;
      case OP.EQ:
        if (half(x) !== half(y) || second(x) !== second(y)) return { values, fault: 'NotEqual' };
        break;
    }
    a.push(value);
    b.push(rest);
  }
  return { values, fault: null };
}

const toCells = ({ a, b }: Values): Uint8Array => {
  const cells = new Uint8Array(CELL_BYTES * a.length);
  a.forEach((value, i) => {
    writeWord(cells, 2 * i, value);
    writeWord(cells, 2 * i + 1, b[i] as bigint);
  });
  return cells;
};

/** Runs recorded lists (or lists that `checkLists` accepts) on a bundle. */
export async function runTrace(
  recorded: RecordedVerifier,
  bundle: Uint8Array,
  publicWords: readonly bigint[],
  work: TraceWork = PLAIN,
): Promise<TraceRun> {
  if (publicWords.length !== recorded.publicWords)
    throw new Error(`${publicWords.length} public words, the verifier reads ${recorded.publicWords}`);
  const cells: Uint8Array[] = [];
  let before: Values | null = null;
  for (let segment = 0; segment <= recorded.proofs + 1; segment++) {
    const list = listOf(recorded, segment) as InstructionList;
    const { values, fault } = await runSegment(list, segment, recorded.stride, bundle, publicWords, before, work);
    cells.push(toCells(values));
    if (fault !== null) return { cells, failed: { segment, index: values.a.length, fault } };
    before = values;
  }
  return { cells, failed: null };
}

/** The tree of a trace; positions without a value hold (0, 0). */
export function traceTree(
  recorded: Pick<RecordedVerifier, 'k' | 'traceDepth'>,
  cells: readonly Uint8Array[],
  keccak: Keccak = keccak_256,
): Forest {
  const trees = cells.map((own) => MerkleTree.ofCells('TRACE', own, recorded.k, keccak));
  return new Forest(trees, recorded.k, recorded.traceDepth, cellLeaf('TRACE', [0n, 0n]), keccak);
}

/** The cell at a trace position. */
export function traceCell(recorded: Pick<RecordedVerifier, 'k'>, cells: readonly Uint8Array[], position: number): Pair {
  const own = cells[Math.floor(position / 2 ** recorded.k)];
  return own === undefined ? [0n, 0n] : bundleCell(own, position % 2 ** recorded.k);
}
