/**
 * The canonical encoding of a program, and its hash. One program has one encoding; the decoder refuses everything else, so the
 * hash identifies what all parties walk. Byte by byte: docs/format.md, "Program".
 *
 * Tensors and polynomials are referred to by their position, variables of a relation by name. A shift of 0 and an empty `when`
 * are encoded as absent.
 */
import { keccak_256 } from '@noble/hashes/sha3.js';
import { Reader, Writer } from './bytes.ts';
import { decodeRelation, encodeRelation } from './encode-relation.ts';
import { LIMITS, NAME, TEXT } from './limits.ts';
import type { Axis, MapFunction, MapTable, Poly, PolyRole, Program, Tensor } from './types.ts';

/** Name of the polynomial whose tensors' content is part of the program. */
export const CONSTANTS = 'constants';

const VERSION = 1;
const MAGIC = new TextEncoder().encode('FPRG');
const ROLES: readonly PolyRole[] = ['witness', 'stateIn', 'stateOut', 'fixed'];
const FUNCTIONS: readonly MapFunction['name'][] = ['exp-neg', 'silu', 'silu-derivative', 'gelu', 'gelu-derivative', 'log', 'table'];
const WIDTHS = [1, 2, 4, 8] as const;

const position = (names: readonly string[], name: string, field: string): number => {
  const i = names.indexOf(name);
  if (i < 0) throw new Error(`program: ${field}: there is no ${name}`);
  return i;
};

const cellCount = (t: Tensor): number => t.axes.reduce((n, a) => n * a.size, 1);

/** Encodes a program. Throws if a name or number is outside the format's limits; it does not judge validity (see check.ts). */
export function encodeProgram(program: Program): Uint8Array {
  const w = new Writer();
  const polys = program.polys.map((p) => p.name);
  const tensors = program.tensors.map((t) => t.name);
  const places = new Map(tensors.map((name, i) => [name, i]));
  w.raw(MAGIC);
  w.unsigned(program.version, VERSION, 'version');
  w.text(program.name, TEXT, 'name');
  w.unsigned(program.schedule.steps, LIMITS.steps, 'schedule.steps');
  w.unsigned(program.schedule.perProof, LIMITS.steps, 'schedule.perProof');
  w.unsigned(program.columns, LIMITS.columns, 'columns');
  w.list(program.polys, LIMITS.polys, 'polys', (p, field) => {
    w.text(p.name, NAME, `${field}.name`);
    w.byte(position(ROLES, p.role, `${field}.role`));
    w.byte(p.hidden ? 1 : 0);
  });
  w.list(program.tensors, LIMITS.tensors, 'tensors', (t, field) => encodeTensor(w, t, polys, field));
  w.list(program.tables, LIMITS.tables, 'tables', (t, field) => encodeTable(w, t, tensors, field));
  w.list(program.relations, LIMITS.relations, 'relations', (r, field) => encodeRelation(w, r, places, field));
  encodeConstants(w, program);
  const bytes = w.finish();
  if (bytes.length > LIMITS.bytes) throw new Error(`program: ${bytes.length} bytes, more than ${LIMITS.bytes}`);
  return bytes;
}

/** Decodes and checks that the bytes are the canonical encoding. Errors are `InputError`s naming `source` and the field. */
export function decodeProgram(bytes: Uint8Array, source = 'program'): Program {
  const r = new Reader(bytes, source);
  if (bytes.length > LIMITS.bytes) r.refuse('', `has ${bytes.length} bytes, more than ${LIMITS.bytes}`);
  if (r.raw(MAGIC.length, 'magic').some((b, i) => b !== MAGIC[i])) r.refuse('magic', 'does not begin as a program');
  const version = r.unsigned(127, 'version');
  if (version !== VERSION) return r.refuse('version', `is ${version}; this software reads version ${VERSION}`);
  const name = r.text(TEXT, LIMITS.textBytes, 'name');
  const schedule = {
    steps: r.unsigned(LIMITS.steps, 'schedule.steps'),
    perProof: r.unsigned(LIMITS.steps, 'schedule.perProof'),
  };
  const columns = r.unsigned(LIMITS.columns, 'columns');
  const polys = unique(
    r,
    r.list(LIMITS.polys, 'polys', (field): Poly => {
      const polyName = r.text(NAME, LIMITS.nameBytes, `${field}.name`);
      const role = ROLES[r.index(ROLES.length, `${field}.role`)] as PolyRole;
      return { name: polyName, role, hidden: r.flag(`${field}.hidden`) };
    }),
    'polys',
  );
  const tensors = unique(
    r,
    r.list(LIMITS.tensors, 'tensors', (field) => decodeTensor(r, polys, field)),
    'tensors',
  );
  const tables = r.list(LIMITS.tables, 'tables', (field) => decodeTable(r, tensors, field));
  const names = tensors.map((t) => t.name);
  const relations = r.list(LIMITS.relations, 'relations', (field) => decodeRelation(r, names, field));
  const constants = decodeConstants(r, tensors);
  r.end();
  return { version, name, schedule, columns, polys, tensors, tables, relations, constants };
}

/** keccak-256 of the encoding. */
export const programHash = (program: Program): Uint8Array => keccak_256(encodeProgram(program));

function unique<T extends { readonly name: string }>(r: Reader, items: readonly T[], field: string): readonly T[] {
  const seen = new Set<string>();
  items.forEach((item, i) => {
    if (seen.has(item.name)) r.refuse(`${field}[${i}].name`, `${item.name} occurs twice`);
    seen.add(item.name);
  });
  return items;
}

function encodeTensor(w: Writer, t: Tensor, polys: readonly string[], field: string): void {
  w.text(t.name, NAME, `${field}.name`);
  w.unsigned(position(polys, t.poly, `${field}.poly`), polys.length, `${field}.poly`);
  w.list(t.axes, LIMITS.axes, `${field}.axes`, (a: Axis, at) => {
    w.text(a.name, NAME, `${at}.name`);
    w.unsigned(a.size, LIMITS.size, `${at}.size`);
  });
  w.unsigned(t.bits, LIMITS.bits, `${field}.bits`);
  w.byte(t.signed ? 1 : 0);
  w.byte(t.causal ? 1 : 0);
  t.causal?.forEach((position) => w.unsigned(position, t.axes.length - 1, `${field}.causal`));
  w.signed(t.f, LIMITS.exponent, `${field}.f`);
  w.byte(t.range === 'map' ? 1 : 0);
}

function decodeTensor(r: Reader, polys: readonly Poly[], field: string): Tensor {
  const name = r.text(NAME, LIMITS.nameBytes, `${field}.name`);
  const poly = (polys[r.index(polys.length, `${field}.poly`)] as Poly).name;
  const axes = r.list(LIMITS.axes, `${field}.axes`, (at): Axis => {
    const axis = r.text(NAME, LIMITS.nameBytes, `${at}.name`);
    return { name: axis, size: r.unsigned(LIMITS.size, `${at}.size`) };
  });
  const bits = r.unsigned(LIMITS.bits, `${field}.bits`);
  const signed = r.flag(`${field}.signed`);
  const causal = r.flag(`${field}.causal`)
    ? ([r.index(axes.length, `${field}.causal`), r.index(axes.length, `${field}.causal`)] as const)
    : undefined;
  const f = r.signed(LIMITS.exponent, `${field}.f`);
  const range = r.flag(`${field}.range`) ? 'map' : 'leaf';
  return { name, poly, axes, bits, signed, ...(causal ? { causal } : {}), f, range };
}

function encodeFunction(w: Writer, fn: MapFunction, field: string): void {
  w.byte(position(FUNCTIONS, fn.name, `${field}.name`));
  w.signed(fn.fIn, LIMITS.exponent, `${field}.fIn`);
  w.signed(fn.fOut, LIMITS.exponent, `${field}.fOut`);
}

function decodeFunction(r: Reader, field: string): MapFunction {
  const name = FUNCTIONS[r.index(FUNCTIONS.length, `${field}.name`)] as MapFunction['name'];
  const fIn = r.signed(LIMITS.exponent, `${field}.fIn`);
  return { name, fIn, fOut: r.signed(LIMITS.exponent, `${field}.fOut`) };
}

function encodeTable(w: Writer, t: MapTable, tensors: readonly string[], field: string): void {
  w.unsigned(t.id, LIMITS.tableId, `${field}.id`);
  w.text(t.name, NAME, `${field}.name`);
  w.signed(t.lo, LIMITS.tableStart, `${field}.lo`);
  w.unsigned(t.size, LIMITS.size, `${field}.size`);
  w.unsigned(position(tensors, t.y, `${field}.y`), tensors.length, `${field}.y`);
  encodeFunction(w, t.fn, `${field}.fn`);
  w.byte(t.y2 === undefined ? 0 : 1);
  if (t.y2 !== undefined) w.unsigned(position(tensors, t.y2, `${field}.y2`), tensors.length, `${field}.y2`);
  w.byte(t.fn2 === undefined ? 0 : 1);
  if (t.fn2 !== undefined) encodeFunction(w, t.fn2, `${field}.fn2`);
}

function decodeTable(r: Reader, tensors: readonly Tensor[], field: string): MapTable {
  const id = r.unsigned(LIMITS.tableId, `${field}.id`);
  const name = r.text(NAME, LIMITS.nameBytes, `${field}.name`);
  const lo = r.signed(LIMITS.tableStart, `${field}.lo`);
  const size = r.unsigned(LIMITS.size, `${field}.size`);
  const tensor = (at: string): string => (tensors[r.index(tensors.length, at)] as Tensor).name;
  const y = tensor(`${field}.y`);
  const fn = decodeFunction(r, `${field}.fn`);
  const y2 = r.flag(`${field}.y2`) ? { y2: tensor(`${field}.y2`) } : {};
  const fn2 = r.flag(`${field}.fn2`) ? { fn2: decodeFunction(r, `${field}.fn2`) } : {};
  return { id, name, lo, size, y, fn, ...y2, ...fn2 };
}

/** Bytes a cell: the least of 1, 2, 4, 8 in which every value fits as two's complement. */
function widthOf(values: ArrayLike<number>): number {
  let width: number = WIDTHS[0];
  for (let i = 0; i < values.length; i++) {
    const v = values[i] as number;
    while (width < 8 && (v < -(2 ** (8 * width - 1)) || v >= 2 ** (8 * width - 1))) width *= 2;
  }
  return width;
}

function encodeConstants(w: Writer, program: Program): void {
  const own = program.tensors.filter((t) => t.poly === CONSTANTS);
  for (const name of Object.keys(program.constants))
    if (!own.some((t) => t.name === name)) throw new Error(`program: constants: ${name} is no tensor of ${CONSTANTS}`);
  for (const t of own) {
    const field = `constants.${t.name}`;
    const values = Object.hasOwn(program.constants, t.name) ? program.constants[t.name] : undefined;
    if (values === undefined || values.length !== cellCount(t))
      throw new Error(`program: ${field}: ${values?.length ?? 0} values for ${cellCount(t)} cells`);
    const width = widthOf(values);
    const bytes = new Uint8Array(values.length * width);
    const view = new DataView(bytes.buffer);
    for (let i = 0; i < values.length; i++) {
      const v = values[i] as number;
      if (!Number.isSafeInteger(v)) throw new Error(`program: ${field}[${i}]: ${v} is not an exact integer`);
      if (width === 1) view.setInt8(i, v);
      else if (width === 2) view.setInt16(2 * i, v, true);
      else if (width === 4) view.setInt32(4 * i, v, true);
      else view.setBigInt64(8 * i, BigInt(v), true);
    }
    w.byte(width);
    w.raw(bytes);
  }
}

function decodeConstants(r: Reader, tensors: readonly Tensor[]): Program['constants'] {
  const constants: [string, Int32Array | Float64Array][] = [];
  for (const t of tensors.filter((x) => x.poly === CONSTANTS)) {
    const field = `constants.${t.name}`;
    const width = r.byte(`${field}.width`);
    if (!WIDTHS.some((x) => x === width)) r.refuse(`${field}.width`, `is ${width}, must be 1, 2, 4 or 8`);
    const count = cellCount(t);
    const bytes = r.raw(count * width, field);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const values = width === 8 ? new Float64Array(count) : new Int32Array(count);
    for (let i = 0; i < count; i++) {
      if (width === 1) values[i] = view.getInt8(i);
      else if (width === 2) values[i] = view.getInt16(2 * i, true);
      else if (width === 4) values[i] = view.getInt32(4 * i, true);
      else {
        values[i] = Number(view.getBigInt64(8 * i, true));
        if (!Number.isSafeInteger(values[i])) r.refuse(`${field}[${i}]`, 'is not below 2^53');
      }
    }
    if (widthOf(values) !== width) r.refuse(field, `is not in its shortest form: ${width} bytes a cell`);
    constants.push([t.name, values]);
  }
  return Object.fromEntries(constants);
}
