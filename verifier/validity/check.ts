/**
 * The validity of a program (proof.md §1, §2): what makes a proof of it mean what the program says. A program that passes has, for given
 * inputs, one right value for every committed cell (but for selectors of equal maxima), whatever a prover commits:
 *
 * - every name resolves, sizes and bits agree;
 * - every cell of every witness and state-out tensor is written by exactly one relation, and its declared width is enforced;
 * - from declared widths, no sum of terms reaches r/4, so that arithmetic mod r is arithmetic on integers;
 * - each relation's bits admit one answer; equalities hold on their whole domain and vanish off it;
 * - no cell depends on itself.
 *
 * Whoever runs a program of somebody else checks it first. Errors are `ProgramError`s that name relation, tensor and cure.
 */
import { deliveredLimbs, DELIVERY, DELIVERY_COLUMNS } from '../delivery/limbs.ts';
import { ProgramError } from '../program/errors.ts';
import { checkRelation } from './relations.ts';
import { outputsOf, viewsRead } from './reads.ts';
import { checkOrder } from './order.ts';
import { CONSTANTS } from '../program/decode.ts';
import { LIMITS, NAME } from '../program/limits.ts';
import { lower } from '../program/lower.ts';
import { bitsOf, tensorBits, type MapTable, type Program, type Relation, type Tensor, type View } from '../program/types.ts';
import { Tensors, boxCells, boxOf, boxesMeet, declared, domainCells, exprInterval, type Box, type Interval, type Place } from './views.ts';

/** Cells of integers are exact numbers: |v| < 2^53. */
const MAX_WIDTH = 53;
/** Address bits of one tensor. */
const MAX_TENSOR_BITS = 32;
/** Look-ups of one proof: fewer than r, or counts of equal entries could wrap to 0. */
const MAX_LOOKUPS = 2 ** 32;
/** Rows of a proof's polynomials, pads counted: the verifier holds a weight for each. */
const MAX_ROWS = 2 ** 22;
/** Ids below are those of range tables. */
const FIRST_TABLE = 64;

/** Refuses an invalid program with the first `ProgramError` found. */
export function checkProgram(program: Program): void {
  checkSchedule(program);
  checkPolys(program);
  checkTensors(program);
  checkConstants(program);
  const tensors = new Tensors(program);
  program.tables.forEach((t, i) => checkTable(program, t, i));
  program.relations.forEach((_, i) => checkRelation(program, tensors, i));
  const written = checkCoverage(program, tensors);
  checkWidths(program, tensors, written);
  checkSelectors(program);
  checkOrder(program, tensors);
  checkLookups(program);
}

function checkSchedule({ version, schedule, columns }: Program): void {
  const { steps, perProof } = schedule;
  if ((version as number) !== 1) throw new ProgramError('program', `version ${version as number}`, 'this software knows version 1');
  if (!Number.isSafeInteger(steps) || steps < 1 || steps > LIMITS.steps)
    throw new ProgramError('schedule', `${steps} steps`, 'choose a whole number from 1');
  if (!Number.isSafeInteger(perProof) || perProof < 1 || 2 ** bitsOf(perProof) !== perProof || steps % perProof !== 0)
    throw new ProgramError(
      'schedule',
      `${perProof} of ${steps} steps in a proof`,
      'choose a power of two that divides the number of steps',
    );
  if (!Number.isSafeInteger(columns) || columns < 1 || columns > LIMITS.columns)
    throw new ProgramError('columns', `2^${columns} columns`, `choose an exponent from 1 to ${LIMITS.columns}`);
}

function checkNames(names: readonly string[], what: string): void {
  names.forEach((name, i) => {
    if (!NAME.test(name)) throw new ProgramError(what, `the name ${JSON.stringify(name)}`, 'use 1 to 128 printable ASCII characters');
    if (names.indexOf(name) < i) throw new ProgramError(what, `the name ${name} occurs twice`, 'rename one of them', { tensor: name });
  });
}

function checkPolys({ polys, tensors }: Program): void {
  checkNames(
    polys.map((p) => p.name),
    'polynomials',
  );
  for (const role of ['witness', 'stateIn', 'stateOut'] as const) {
    const count = polys.filter((p) => p.role === role).length;
    if (count !== 1) throw new ProgramError('polynomials', `${count} of role ${role}`, 'declare exactly one');
  }
  if (polys.some((p) => p.name === DELIVERY) && tensors.some((t) => t.range === 'limbs'))
    throw new ProgramError('polynomials', `${DELIVERY} is the name of the delivered limbs' polynomial`, 'rename yours');
  const constants = polys.find((p) => p.name === CONSTANTS);
  if (constants && (constants.role !== 'fixed' || constants.hidden))
    throw new ProgramError('polynomials', `${CONSTANTS} is not public and fixed`, 'its content is part of the program');
}

function checkTensors(program: Program): void {
  const { polys, tensors } = program;
  checkNames(
    tensors.map((t) => t.name),
    'tensors',
  );
  for (const t of tensors) {
    const bad = (what: string, cure: string): never => {
      throw new ProgramError(`tensor ${t.name}`, what, cure, { tensor: t.name });
    };
    if (!polys.some((p) => p.name === t.poly)) bad(`there is no polynomial ${t.poly}`, 'declare it');
    if (!Number.isSafeInteger(t.bits) || t.bits < 1 || t.bits > MAX_WIDTH) bad(`a width of ${t.bits} bits`, `choose 1 to ${MAX_WIDTH}`);
    if (!Number.isSafeInteger(t.f) || Math.abs(t.f) > LIMITS.exponent) bad(`an exponent of ${t.f}`, 'choose a small whole number');
    for (const a of t.axes)
      if (!Number.isSafeInteger(a.size) || a.size < 1 || a.size > LIMITS.size)
        bad(`axis ${a.name} has size ${a.size}`, 'sizes are whole numbers from 1 to 2^30');
    if (t.range === 'limbs' && (t.causal !== undefined || !polys.some((p) => p.name === t.poly && p.role === 'stateOut')))
      bad('it is delivered, but no plain tensor of the state after a proof', 'declare another range');
    if (tensorBits(t) > MAX_TENSOR_BITS) bad(`${tensorBits(t)} address bits`, `at most ${MAX_TENSOR_BITS}; split the tensor`);
    if (!t.causal) continue;
    const [i, j] = t.causal.map((a) => t.axes[a]);
    if (!i || !j || t.causal[0] === t.causal[1] || i.size !== j.size)
      bad(`the causal axes ${t.causal.join(', ')} are not two axes of equal size`, 'give the positions of two axes');
  }
  checkState(program);
}

/** What leaves a proof enters the next one cell by cell: both polynomials have the same shapes and widths in the same order. */
function checkState({ polys, tensors }: Program): void {
  const of = (role: string): readonly Tensor[] => tensors.filter((t) => polys.some((p) => p.name === t.poly && p.role === role));
  const [before, after] = [of('stateIn'), of('stateOut')];
  const shape = (t: Tensor): string =>
    `[${t.axes.map((a) => a.size).join(', ')}], ${t.signed ? 'signed' : 'unsigned'} ${t.bits} bits, exponent ${t.f}${t.causal ? `, causal ${t.causal.join(' ')}` : ''}`;
  const cure = 'declare the state once before and once after a proof, in one order';
  if (before.length !== after.length)
    throw new ProgramError('state', `${before.length} tensors before and ${after.length} after a proof`, cure);
  before.forEach((t, i) => {
    const next = after[i] as Tensor;
    if (shape(t) !== shape(next))
      throw new ProgramError('state', `${t.name} is ${shape(t)}, but ${next.name} is ${shape(next)}`, cure, { tensor: next.name });
  });
}

/** The content of a public constant. */
function contentOf(program: Program, t: Tensor): ArrayLike<number> {
  const values = Object.hasOwn(program.constants, t.name) ? program.constants[t.name] : undefined;
  const cells = t.axes.reduce((n, a) => n * a.size, 1);
  if (values === undefined || values.length !== cells)
    throw new ProgramError(`constant ${t.name}`, `${values?.length ?? 0} values for ${cells} cells`, 'give one value for every cell', {
      tensor: t.name,
    });
  return values;
}

function contentInterval(program: Program, t: Tensor): Interval {
  const values = contentOf(program, t);
  let [lo, hi] = [0, 0];
  for (let i = 0; i < values.length; i++) {
    const v = values[i] as number;
    if (!Number.isSafeInteger(v))
      throw new ProgramError(`constant ${t.name}`, `value ${v} in cell ${i}`, 'constants are whole numbers below 2^53', { tensor: t.name });
    [lo, hi] = [i === 0 ? v : Math.min(lo, v), i === 0 ? v : Math.max(hi, v)];
  }
  return { lo: BigInt(lo), hi: BigInt(hi) };
}

const inside = (x: Interval, t: Tensor): boolean => x.lo >= declared(t).lo && x.hi <= declared(t).hi;

function checkConstants(program: Program): void {
  const own = program.tensors.filter((t) => t.poly === CONSTANTS);
  for (const name of Object.keys(program.constants))
    if (!own.some((t) => t.name === name))
      throw new ProgramError('constants', `${name} is no tensor of ${CONSTANTS}`, 'declare it or drop it', { tensor: name });
  for (const t of own) {
    const x = contentInterval(program, t);
    if (!inside(x, t))
      throw new ProgramError(`constant ${t.name}`, `values from ${x.lo} to ${x.hi} in ${t.bits} bits`, 'declare its width', {
        tensor: t.name,
      });
  }
}

/** Columns of a table are whole public constants, so that a row is one tuple for every party. */
function checkTable(program: Program, table: MapTable, index: number): void {
  const bad = (what: string, cure: string, tensor = ''): never => {
    throw new ProgramError(`table ${table.id} (${table.name})`, what, cure, { tensor });
  };
  if (!Number.isSafeInteger(table.id) || table.id < FIRST_TABLE || table.id > LIMITS.tableId)
    bad('its id is not in range', `ids of tables are whole numbers from ${FIRST_TABLE}`);
  if (program.tables.findIndex((t) => t.id === table.id) < index) bad('its id is taken', 'give every table an id of its own');
  if (!Number.isSafeInteger(table.lo) || Math.abs(table.lo) > LIMITS.tableStart)
    bad(`its first entry is ${table.lo}`, 'choose a whole number');
  if (!Number.isSafeInteger(table.size) || table.size < 1 || 2 ** bitsOf(table.size) !== table.size)
    bad(`it has ${table.size} rows`, 'pad it to a power of two');
  if ((table.y2 === undefined) !== (table.fn2 === undefined)) bad('y2 and fn2 do not go together', 'give both or none');
  for (const name of table.y2 === undefined ? [table.y] : [table.y, table.y2]) {
    const t = program.tensors.find((x) => x.name === name);
    if (!t) bad(`there is no tensor ${name}`, 'declare it', name);
    else if (t.poly !== CONSTANTS || t.causal)
      bad(`its column ${name} is not a plain tensor of ${CONSTANTS}`, `put it into ${CONSTANTS}`, name);
    else if (t.axes.length !== 1 || t.axes[0]?.size !== table.size)
      bad(`its column ${name} does not have one axis of ${table.size} cells`, 'give it one value for every row', name);
  }
}

/** Boxes that relations write, by tensor: together each tensor's domain, cell for cell, once. */
function checkCoverage(program: Program, tensors: Tensors): ReadonlyMap<string, readonly Box[]> {
  const written = new Map<string, Box[]>();
  program.relations.forEach((r, i) => {
    const at = placeOf(r, i);
    for (const { view, on } of outputsOf(r)) {
      const box = boxOf(tensors, view, on.vars, at);
      const others = written.get(view.tensor) ?? [];
      const other = others.find((b) => boxesMeet(b, box));
      if (other)
        throw new ProgramError(
          at.where,
          `it writes cells of ${view.tensor} that relation ${other.relation} (${program.relations[other.relation]?.kind}) writes`,
          'give every cell one relation',
          {
            relation: i,
            tensor: view.tensor,
          },
        );
      written.set(view.tensor, [...others, box]);
    }
  });
  for (const t of program.tensors) {
    const role = tensors.role(t);
    if (role !== 'witness' && role !== 'stateOut') continue;
    const cells = (written.get(t.name) ?? []).reduce((n, b) => n + boxCells(t, b), 0n);
    if (cells !== domainCells(t))
      throw new ProgramError(
        `tensor ${t.name}`,
        `relations write ${cells} of its ${domainCells(t)} cells`,
        'write the others, or shrink the tensor: a free cell may hold anything',
        { tensor: t.name },
      );
  }
  return written;
}

const placeOf = (r: Relation, i: number): Place => ({ where: `relation ${i} (${r.kind})`, relation: i });

/** Where widths do not come from a range look-up of the tensor's own, something else must bound every cell. */
function checkWidths(program: Program, tensors: Tensors, written: ReadonlyMap<string, readonly Box[]>): void {
  for (const t of program.tensors) {
    const role = tensors.role(t);
    if (t.range === 'map' && (role === 'witness' || role === 'stateOut')) checkMapped(program, tensors, t);
    else if (role === 'stateOut') checkCopied(program, tensors, t, written.get(t.name) ?? []);
  }
}

/** A state-out tensor has no look-up of its own: it is copied from tensors whose widths fit. */
function checkCopied(program: Program, tensors: Tensors, t: Tensor, boxes: readonly Box[]): void {
  for (const { relation } of boxes) {
    const r = program.relations[relation] as Relation;
    const at = placeOf(r, relation);
    if (r.kind !== 'equal' || !inside(exprInterval(tensors, r.expr, at), t))
      throw new ProgramError(
        at.where,
        `nothing bounds the state-out tensor ${t.name} to its ${t.bits} bits`,
        'compute a witness tensor of that width and copy it',
        { relation, tensor: t.name },
      );
  }
}

/**
 * What bounds every cell of a tensor of range `map`: it is an output of a map, whose table bounds it; it occurs with coefficient ±1 in the x of one,
 * beside tensors that are bounded without it; or it is all that an isqrt takes the root of, and the root q is bounded: 0 <= v − q² < 2^bits is then
 * a statement about integers, and so is v <= q² + 2q.
 */
function checkMapped(program: Program, tensors: Tensors, t: Tensor): void {
  const bounded: Box[] = [];
  const bound = (box: Box, x: Interval, by: string, at: Place): void => {
    if (!inside(x, t))
      throw new ProgramError(
        at.where,
        `${by} lets ${t.name} run from ${x.lo} to ${x.hi}, past its ${t.bits} ${t.signed ? 'signed' : 'unsigned'} bits`,
        'declare the width that it allows',
        {
          relation: at.relation,
          tensor: t.name,
        },
      );
    if (!bounded.some((b) => boxesMeet(b, box))) bounded.push(box);
  };
  /** Tensors with a bound that does not rest on another tensor's. */
  const independent = (view: View, at: Place): boolean => {
    const other = tensors.get(view.tensor, at);
    return (
      tensors.role(other) === 'fixed' || tensors.role(other) === 'stateIn' || (tensors.role(other) === 'witness' && other.range === 'leaf')
    );
  };
  /** A view that touches each cell of its box, for every index of the domain that it depends on. */
  const direct = (view: View, r: Relation): boolean => {
    if ((view.when?.length ?? 0) > 0 || view.index.flat().some((p) => !('var' in p || 'at' in p))) return false;
    // On a causal domain only a causal tensor read along the same pair is touched as its box says.
    if (r.on.causal === undefined) return !t.causal;
    return (
      t.causal !== undefined && t.causal.every((a, k) => view.index[a]?.some((p) => 'var' in p && p.var === r.on.causal?.[k] && !p.shift))
    );
  };
  program.relations.forEach((r, i) => {
    const at = placeOf(r, i);
    if (r.kind === 'isqrt') {
      const [of, ...more] = r.of.linear;
      const alone = of !== undefined && more.length === 0 && of.coef === 1n && r.of.constant === 0n && r.of.products.length === 0;
      if (!alone || of.view.tensor !== t.name || !direct(of.view, r) || !independent(r.out, at)) return;
      const q = declared(tensors.get(r.out.tensor, at)).hi;
      bound(boxOf(tensors, of.view, r.on.vars, at), { lo: 0n, hi: q * q + 2n * q }, `the root ${r.out.tensor}`, at);
    }
    if (r.kind !== 'map') return;
    const table = program.tables.find((x) => x.id === r.table) as MapTable;
    const by = `table ${table.name}`;
    const column = (name: string): Interval => contentInterval(program, program.tensors.find((x) => x.name === name) as Tensor);
    for (const [view, y] of [
      [r.out, table.y],
      [r.out2, table.y2],
    ] as const) {
      if (view && y !== undefined && view.tensor === t.name) bound(boxOf(tensors, view, r.on.vars, at), column(y), by, at);
    }
    const [own, ...again] = r.x.linear.filter((x) => x.view.tensor === t.name);
    const others = r.x.linear.filter((x) => x !== own);
    if (own === undefined || again.length > 0 || (own.coef !== 1n && own.coef !== -1n) || r.x.products.length > 0) return;
    if (!direct(own.view, r) || !others.every((x) => independent(x.view, at))) return;
    const rest = exprInterval(tensors, { constant: r.x.constant, linear: others, products: [] }, at);
    const [lo, hi] = [BigInt(table.lo) - rest.hi, BigInt(table.lo + table.size - 1) - rest.lo];
    bound(boxOf(tensors, own.view, r.on.vars, at), own.coef === 1n ? { lo, hi } : { lo: -hi, hi: -lo }, by, at);
  });
  const cells = bounded.reduce((n, b) => n + boxCells(t, b), 0n);
  if (cells !== domainCells(t))
    throw new ProgramError(
      `tensor ${t.name}`,
      `maps and roots bound ${cells} of its ${domainCells(t)} cells`,
      'declare range leaf, or look up every cell',
      { tensor: t.name },
    );
}

function checkLookups(program: Program): void {
  const { leaves, limbs } = lower(program);
  const cells = leaves.reduce((n, l) => n + l.on.vars.reduce((m, v) => m * 2 ** bitsOf(v.size), 1), 0);
  if (cells > MAX_LOOKUPS) throw new ProgramError('program', `${cells} look-ups in a proof`, `at most 2^32; prove fewer steps at once`);
  const rowsOf = (own: readonly Tensor[], columns: number): number =>
    own.reduce((n, t) => n + 2 ** Math.max(0, tensorBits(t) - columns), 0);
  const delivered = deliveredLimbs(program).map((l) => l.tensor);
  const rows = rowsOf([...program.tensors, ...limbs.map((l) => l.tensor)], program.columns) + rowsOf(delivered, DELIVERY_COLUMNS);
  if (rows > MAX_ROWS)
    throw new ProgramError('program', `${rows} rows of 2^${program.columns} columns`, 'at most 2^22; choose more columns');
}

/** At ties the selector of a maximum is the prover's choice, so nothing else may read it. */
function checkSelectors({ relations }: Program): void {
  const free = new Map(relations.flatMap((r, i) => (r.kind === 'rowmax' && r.hot ? [[r.hot.tensor, i] as const] : [])));
  relations.forEach((r, i) => {
    for (const view of viewsRead(r)) {
      const by = free.get(view.tensor);
      if (by !== undefined)
        throw new ProgramError(
          placeOf(r, i).where,
          `it reads ${view.tensor}, the selector of relation ${by} (rowmax), which is not unique at ties`,
          'compute from the maximum instead',
          { relation: i, tensor: view.tensor },
        );
    }
  });
}
