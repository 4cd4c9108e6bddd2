/**
 * Records the verifier of a bounty: the lists init, step and last of docs/recorded-verifier.md, from program, cards and first state alone.
 *
 * init: the bundle's header, digest_0, the digest of the first state, acc_0. step: one transition (protocol/transition.ts); the index of its proof
 * is counted in bits from segment to segment. last: the decider, ⟨Z, G⟩ + ζH = Q, the digests of the last proof and of the final state.
 * What verifyBundle checks, and nothing else, is checked: the bundle is accepted iff no instruction fails.
 */
import { bundleBytes, CELL, deciderCounts, FORMAT, proofCounts } from '../bundle.ts';
import type { Affine } from '../curve.ts';
import { generators, H } from '../generators.ts';
import type { Compiled, PolyLayout } from '../program/compile.ts';
import { bitsOf } from '../program/types.ts';
import { accumulatorCells, fixedPolys, start, statementDigest, type Accumulator } from '../protocol/accumulator.ts';
import { decider } from '../protocol/decider.ts';
import type { Cell, Felt, Pt, Word } from '../protocol/machine.ts';
import { rowCount, transition } from '../protocol/transition.ts';
import type { VerifyContext } from '../verify.ts';
import { messageBytes } from '../wire.ts';
import { WORD_BYTES } from '../words.ts';
import { recordContent } from './content.ts';
import { cellLeaf, padRoots } from './indexed-merkle.ts';
import { OP, type Type } from './instruction.ts';
import type { InstructionList } from './list.ts';
import { idOf, recordCore, RecordMachine } from './machine.ts';
import { NO_ID, RecordError } from './tape.ts';

/** Words of the bundle before proof 1. */
const HEADER_WORDS = CELL / WORD_BYTES;

/** Which public words mean what: first the statement's, then the rest. */
export interface PublicWords {
  /** How many words the statement has. */
  readonly statement: number;
  /** Digest of the rows of the first and of the final state; with delivery, of the latter the root over its limbs' rows. */
  readonly start: number;
  readonly adapterRoot: number;
  /** Digest of the last proof. */
  readonly lastProof: number;
}

/** The layout of bounties (contracts/libraries/Statement.sol), with `lastProof` of the Body behind the statement. */
export const publicWordsOf = (announced: number): PublicWords => ({
  statement: 12 + announced,
  start: 10,
  adapterRoot: 11,
  lastProof: 12 + announced,
});

/** What recording needs: all public, and bound by the terms. No proof is among it. */
export type RecordContext = Pick<VerifyContext, 'compiled' | 'firstState' | 'hiddenRows' | 'publicContent'> & {
  /** Of a milestone: the root that `startDigest` is instead of the rows' digest; as the rows, checked by who opens the bounty (continuation.ts). */
  readonly startRoot?: bigint;
};

export interface RecordedVerifier {
  readonly init: InstructionList;
  readonly step: InstructionList;
  readonly last: InstructionList;
  readonly publicWords: number;
  /** P. */
  readonly proofs: number;
  /** Words of a proof. */
  readonly stride: number;
  /** log2 of the trace positions of a segment. */
  readonly k: number;
  readonly bundleDepth: number;
  readonly traceDepth: number;
}

/** What goes from one segment to the next, as one list: accumulator, digest, state rows, delivered rows, bits of the next proof's index. */
interface Carried {
  readonly accumulator: Accumulator;
  readonly digest: Word;
  readonly state: readonly Pt[];
  /** Only the last proof's are read, by `last`. */
  readonly delivered: readonly Pt[];
  readonly counter: readonly Felt[];
}
const carriedValues = (c: Carried): Cell[] => [...accumulatorCells(c.accumulator), c.digest, ...c.state, ...c.delivered, ...c.counter];

/** The same, its values taken one after the other. */
function carriedFrom(c: Compiled, next: () => Cell): Carried {
  const many = <T extends Cell>(count: number): T[] => Array.from({ length: count }, () => next() as T);
  const [Z, zeta, Q, w] = [many<Felt>(c.generators), next() as Felt, next() as Pt, next() as Felt];
  const fixed = fixedPolys(c).map((f) => ({ rho: many<Felt>(f.bits), value: next() as Felt | Pt }));
  return {
    accumulator: { Z, zeta, Q, w, fixed },
    digest: next() as Word,
    state: many<Pt>(rowCount(c, 'stateIn')),
    delivered: many<Pt>(rowCount(c, 'delivery')),
    counter: many<Felt>(bitsOf(c.proofs)),
  };
}

/** The values that the previous segment left. */
function slots(o: RecordMachine, c: Compiled): Carried {
  let next = 0;
  return carriedFrom(c, () => o.tape.slot(next++) as unknown as Cell);
}

/** Words of messages that begin `shift` words after t·stride. */
const messageWords = (counts: { readonly points: number; readonly scalars: number }, shift: number) => ({
  ...counts,
  immediate: (word: number): bigint => BigInt.asUintN(256, BigInt(shift + word)),
});

/** A number plus one, as bits, most significant first; it wraps. */
function increment(o: RecordMachine, bits: readonly Felt[]): Felt[] {
  let carry = o.felt(1n);
  return bits
    .toReversed()
    .map((bit) => {
      const both = o.mul(bit, carry);
      const sum = o.sub(o.sub(o.add(bit, carry), both), both);
      carry = both;
      return sum;
    })
    .toReversed();
}

const rowsChain = (o: RecordMachine, rows: readonly Pt[]): Word =>
  rows.reduce((h, row) => o.hash('ROW', h, row), o.word(BigInt(rows.length)));

/** The root over delivered rows (`rowsRoot`). */
function rootOfRows(o: RecordMachine, rows: readonly Pt[]): Word {
  const depth = bitsOf(rows.length);
  const pads = padRoots(cellLeaf('ROW', [0n, 0n]), depth);
  let level = rows.map((row) => o.hash('ROW', o.word(0n), row));
  for (let l = 0; l < depth; l++)
    level = Array.from({ length: Math.ceil(level.length / 2) }, (_, i) =>
      o.node(level[2 * i] as Word, level[2 * i + 1] ?? o.word(pads[l] as bigint)),
    );
  return level[0] as Word;
}

const statementOf = (o: RecordMachine, words: PublicWords): Word[] => Array.from({ length: words.statement }, (_, i) => o.publicWord(i));

const noContent = (): never => {
  throw new RecordError('a transition evaluates no content');
};

/** A point that nothing else stands for, so that it can be put where it is needed. */
const freshPoint = (o: RecordMachine, p: Affine): Pt => o.tape.fresh(OP.CONST, [], p.x, p.y) as unknown as Pt;
const freshZero = (o: RecordMachine): Felt => o.tape.fresh(OP.CONST, []) as unknown as Felt;

/** acc_0, digest_0 and the first state: the values that segment 1 finds. */
function recordFirst(o: RecordMachine, context: RecordContext, words: PublicWords): Carried {
  const { compiled: c } = context;
  const digest = statementDigest(o, statementOf(o, words));
  const zeros = start(o, c, o.infinity());
  const state = context.firstState.map((p) => freshPoint(o, p));
  const accumulator: Accumulator = {
    Z: zeros.Z.map(() => freshZero(o)),
    zeta: freshZero(o),
    Q: zeros.Q,
    w: freshZero(o),
    fixed: fixedPolys(c).map((f, i) => ({
      rho: (zeros.fixed[i] as Accumulator['fixed'][number]).rho.map(() => freshZero(o)),
      value: f.hidden ? o.infinity() : freshZero(o),
    })),
  };
  const delivered = Array.from({ length: rowCount(c, 'delivery') }, () => freshPoint(o, H));
  return { accumulator, digest, state, delivered, counter: Array.from({ length: bitsOf(c.proofs) }, () => freshZero(o)) };
}

/** What is carried, by type, in the order of `carriedValues`. */
function carriedTypes(c: Compiled): Type[] {
  const fields = (count: number): Type[] => new Array<Type>(count).fill('field');
  return [
    ...fields(c.generators + 1),
    'point',
    'field',
    ...fixedPolys(c).flatMap((f): Type[] => [...fields(f.bits), f.hidden ? 'point' : 'field']),
    'word',
    ...new Array<Type>(rowCount(c, 'stateIn') + rowCount(c, 'delivery')).fill('point'),
    ...fields(bitsOf(c.proofs)),
  ];
}

/**
 * The values that a step leaves for the next segment, each a place of its own: one that is carried twice, or passed on unchanged, is copied, since
 * segment 0 leaves something else in each place.
 */
function exported(o: RecordMachine, values: readonly Cell[], types: readonly Type[]): number[] {
  const seen = new Set<number>();
  return values.map((value, i) => {
    let id = idOf(value);
    if (o.tape.isSlot(id) || seen.has(id)) {
      if (types[i] === 'word') throw new RecordError('a word is carried twice, and no instruction copies words');
      const zero = idOf(o.felt(0n));
      id = types[i] === 'point' ? o.tape.fresh(OP.ECMULADD, [NO_ID, zero, id]) : o.tape.fresh(OP.ADD, [id, zero]);
    }
    seen.add(id);
    return id;
  });
}

interface Parts {
  readonly context: RecordContext;
  readonly words: PublicWords;
  readonly stride: number;
}

/** The step list, and where in it each carried value lies. */
function recordStep({ context, words, stride }: Parts): { list: InstructionList; places: number[] } {
  const { compiled: c } = context;
  const o = new RecordMachine();
  const before = slots(o, c);
  const core = transition(o, c, {
    statement: statementOf(o, words),
    proof: before.counter,
    digest: before.digest,
    accumulator: before.accumulator,
    stateIn: before.state,
  });
  const after = recordCore(o, core, messageWords(proofCounts(c), HEADER_WORDS - stride), noContent);
  const carried = {
    accumulator: after.accumulator,
    digest: after.digest,
    state: after.stateOut,
    delivered: after.delivered,
    counter: increment(o, before.counter),
  };
  const ids = exported(o, carriedValues(carried), carriedTypes(c));
  const { list, indexOf } = o.tape.compact([...o.checks, ...ids], (slot, index) => index(ids[slot] as number));
  return { list, places: ids.map(indexOf) };
}

function recordInit({ context, words }: Parts, places: readonly number[]): InstructionList {
  const o = new RecordMachine();
  const first = recordFirst(o, context, words);
  o.assertEqual(o.load(OP.LOADW, 0n), o.word(FORMAT));
  o.assertEqual(o.load(OP.LOADW, 1n), first.digest);
  const { startRoot } = context;
  o.assertEqual(startRoot === undefined ? rowsChain(o, first.state) : o.word(startRoot), o.publicWord(words.start));
  const ids = carriedValues(first).map(idOf);
  const placed = new Map(ids.map((id, i) => [id, places[i] as number]));
  if (placed.size !== ids.length) throw new RecordError('segment 0 leaves one value in two places');
  return o.tape.compact([...o.checks, ...ids], noSlots, placed).list;
}

function recordLast({ context, words, stride }: Parts, places: readonly number[]): InstructionList {
  const { compiled: c, publicContent } = context;
  const o = new RecordMachine();
  const { accumulator, digest, state, delivered } = slots(o, c);
  o.assertEqual(digest, o.publicWord(words.lastProof));
  o.assertEqual(delivered.length > 0 ? rootOfRows(o, delivered) : rowsChain(o, state), o.publicWord(words.adapterRoot));
  const hidden = fixedPolys(c).filter((f) => f.hidden);
  const rows = hidden.map((f) => {
    const own = context.hiddenRows.get(f.name);
    if (own?.length !== f.rows.length) throw new RecordError(`the card of ${f.name} has not the program's number of rows`);
    return own.map(({ x, y }) => o.point(x, y));
  });
  const evaluate = (name: string, rho: readonly Felt[]): Felt =>
    recordContent(o, c.polys.find((p) => p.name === name) as PolyLayout, publicContent, rho);
  const core = decider(o, c, accumulator, digest, rows);
  const { Z, zeta, Q } = recordCore(o, core, messageWords(deciderCounts(c), HEADER_WORDS - stride), evaluate);
  const bases = [...generators(Z.length), H].map(({ x, y }) => o.point(x, y));
  o.assertEqual(o.sum([...Z, zeta], bases), Q);
  return o.tape.compact(o.checks, (slot) => places[slot] as number).list;
}

const noSlots = (): never => {
  throw new RecordError('segment 0 has none before it');
};

/** Records a bounty's verifier. Throws RecordError where it cannot be recorded. */
export function recordVerifier(context: RecordContext, words: PublicWords): RecordedVerifier {
  const { compiled: c } = context;
  const rows = rowCount(c, 'stateIn');
  if (context.firstState.length !== rows)
    throw new RecordError(`the first state has ${context.firstState.length} rows, the program's states ${rows}`);
  if (rowCount(c, 'stateOut') !== rows) throw new RecordError('the program leaves a state of another size than it takes');
  const stride = messageBytes(proofCounts(c)) / WORD_BYTES;
  const parts = { context, words, stride };
  const { list: step, places } = recordStep(parts);
  const init = recordInit(parts, places);
  const last = recordLast(parts, places);
  const k = bitsOf(Math.max(init.length, step.length, last.length));
  return {
    init,
    step,
    last,
    publicWords: Math.max(words.statement, words.start + 1, words.adapterRoot + 1, words.lastProof + 1),
    proofs: c.proofs,
    stride,
    k,
    bundleDepth: bitsOf(bundleBytes(c) / CELL),
    traceDepth: k + bitsOf(c.proofs + 2),
  };
}
