/**
 * The canonical encoding of a program, read (prover/program/encode.ts writes it). One program has one encoding; everything else is refused, so the
 * hash identifies what all parties walk. Byte by byte: docs/program.md.
 *
 * Tensors and polynomials are referred to by their position, variables of a relation by name. A shift of 0 and an empty `when`
 * are encoded as absent.
 */
import {
  Bytes,
  choice,
  flag,
  integer,
  list,
  mapped,
  optional,
  pair,
  record,
  signed,
  text,
  union,
  unsigned,
  type Codec,
  type Fields,
  type Form,
} from './codec.ts';
import { readInteger } from '../words.ts';
import { LIMITS, NAME, TEXT } from './limits.ts';
import type { Domain, Expr, Linear, MapFunction, MapTable, Part, Poly, Product, Program, Relation, Tensor, Var, View } from './types.ts';

/** Name of the polynomial whose tensors' content is part of the program. */
export const CONSTANTS = 'constants';

export const MAGIC = new TextEncoder().encode('FPRG');
const VERSION = 1;
const WIDTHS = [1, 2, 4, 8];

const name = text(NAME, LIMITS.nameBytes);
const size = unsigned(LIMITS.size);
const width = unsigned(LIMITS.bits);
const exponent = signed(LIMITS.exponent);
const variables = list(LIMITS.variables, record<Var>({ name, size }));

const poly = record<Poly>({ name, role: choice<Poly['role']>(() => ['witness', 'stateIn', 'stateOut', 'fixed']), hidden: flag });
const mapFunction = record<MapFunction>({
  name: choice<MapFunction['name']>(() => ['exp-neg', 'silu', 'silu-derivative', 'gelu', 'gelu-derivative', 'log', 'table']),
  fIn: exponent,
  fOut: exponent,
});

const tensorCodec = (polys: Codec<string>): Codec<Tensor> =>
  record<Tensor>({
    name,
    poly: polys,
    axes: list(LIMITS.axes, record<Var>({ name, size })),
    bits: width,
    signed: flag,
    causal: optional(pair(unsigned(LIMITS.axes))),
    f: exponent,
    range: choice<Tensor['range']>(() => ['leaf', 'map', 'limbs']),
  });

const tableCodec = (tensors: Codec<string>): Codec<MapTable> =>
  record<MapTable>({
    id: unsigned(LIMITS.tableId),
    name,
    lo: signed(LIMITS.tableStart),
    size,
    y: tensors,
    fn: mapFunction,
    y2: optional(tensors),
    fn2: optional(mapFunction),
  });

type Of<K extends Relation['kind']> = Extract<Relation, { kind: K }>;

function relationCodec(tensors: Codec<string>): Codec<Relation> {
  const partBits = unsigned(LIMITS.partBits);
  const reduce = (weights: 'ones' | 'index' | 'powers') =>
    mapped(
      size,
      (n): Part => ({ reduce: weights, size: n }),
      (p) => ('reduce' in p ? p.size : 0),
    );
  const shift: Codec<number> = {
    ...signed(LIMITS.size),
    read(b, field) {
      const value = signed(LIMITS.size).read(b, field);
      return value === 0 ? b.refuse(field, 'is 0, which is written without a shift') : value;
    },
  };
  const part = union<Part>((p) => ('var' in p ? (p.shift ? 'shifted' : 'var') : 'at' in p ? 'at' : 'proof' in p ? 'proof' : p.reduce), {
    var: record<{ var: string }>({ var: name }),
    shifted: record<{ var: string; shift: number }>({ var: name, shift }),
    at: record<{ at: number; bits: number }>({ at: size, bits: partBits }),
    proof: mapped(
      partBits,
      (bits): Part => ({ proof: true, bits }),
      (p) => ('proof' in p ? p.bits : 0),
    ),
    ones: reduce('ones'),
    index: reduce('index'),
    powers: reduce('powers'),
  });
  const conditions = list(LIMITS.variables, record<{ var: string; is: number }>({ var: name, is: size }));
  const view = record<View>({
    tensor: tensors,
    index: list(LIMITS.axes, list(LIMITS.variables, part)),
    when: mapped(
      conditions,
      (w) => (w.length > 0 ? w : undefined),
      (w) => w ?? [],
    ),
  });
  const linear: Codec<Linear> = list(LIMITS.terms, record<Linear[number]>({ coef: integer, view }));
  const products = list(LIMITS.terms, record<Product>({ coef: integer, factors: list(LIMITS.terms, linear), sum: variables }));
  const expr = record<Expr>({ constant: integer, linear, products });
  const on = record<Domain>({ vars: variables, causal: optional(pair(name)) });
  const relation = <K extends Relation['kind']>(kind: K, fields: Omit<Fields<Of<K>>, 'kind'>): Codec<Of<K>> => {
    const none: Codec<K> = { form: { kind: 'none' }, read: () => kind };
    return record<Of<K>>({ kind: none, ...fields } as unknown as Fields<Of<K>>);
  };
  return union<Relation>((r) => r.kind, {
    rescale: relation('rescale', { on, out: view, expr, shift: width }),
    equal: relation('equal', { on, out: view, expr }),
    assert: relation('assert', { on, expr, why: text(TEXT, LIMITS.textBytes) }),
    map: relation('map', { on, table: unsigned(LIMITS.tableId), x: expr, out: view, out2: optional(view) }),
    divide: relation('divide', { on, out: view, num: expr, den: expr, bits: width, round: flag }),
    rsqrt: relation('rsqrt', { on, out: view, square: view, numerator: integer, m: linear, bits: width }),
    isqrt: relation('isqrt', { on, out: view, of: expr, bits: width }),
    rowmax: relation('rowmax', { on, over: name, out: view, hot: optional(view), of: view, bits: width }),
    clamp: relation('clamp', { on, out: view, hot: view, of: linear, max: integer, bits: width }),
    mantissa: relation('mantissa', { on, over: record<Var>({ name, size }), out: view, hot: view, of: linear, bits: width }),
    onehot: relation('onehot', {
      on,
      index: linear,
      chunks: list(LIMITS.terms, record<Of<'onehot'>['chunks'][number]>({ hot: view, over: record<Var>({ name, size }), weight: integer })),
    }),
  });
}

/** A list of named items, and references to them by position; a name that occurs twice is refused. */
function named<T extends { readonly name: string }>(max: number, item: Codec<T>): { items: Codec<readonly T[]>; reference: Codec<string> } {
  let names: readonly string[] = [];
  const codec = list(max, item);
  const form: Form = { kind: 'named', codec, known: (items) => (names = items.map((x) => x.name)) };
  const read = (b: Bytes, field: string): readonly T[] => {
    const items = codec.read(b, field);
    names = items.map((x) => x.name);
    const last = new Map(names.map((x, i) => [x, i]));
    const again = names.find((x, i) => last.get(x) !== i);
    return again === undefined ? items : b.refuse(field, `${again} occurs twice`);
  };
  return { items: { form, read }, reference: choice(() => names) };
}

/** Everything but the constants. The fields' order is the encoding's. */
export function programCodec(): Codec<Omit<Program, 'constants'>> {
  const polys = named(LIMITS.polys, poly);
  const tensors = named(LIMITS.tensors, tensorCodec(polys.reference));
  const version: Codec<1> = {
    form: { kind: 'unsigned', max: VERSION },
    read(b, field) {
      const value = unsigned(127).read(b, field);
      return value === VERSION ? value : b.refuse(field, `is ${value}; this software reads version ${VERSION}`);
    },
  };
  return record<Omit<Program, 'constants'>>({
    version,
    name: text(TEXT, LIMITS.textBytes),
    schedule: record<Program['schedule']>({ steps: unsigned(LIMITS.steps), perProof: unsigned(LIMITS.steps) }),
    columns: unsigned(LIMITS.columns),
    polys: polys.items,
    tensors: tensors.items,
    tables: list(LIMITS.tables, tableCodec(tensors.reference)),
    relations: list(LIMITS.relations, relationCodec(tensors.reference)),
  });
}

/** Decodes and checks that the bytes are the canonical encoding. Errors are `InputError`s naming `source` and the field. */
export function decodeProgram(bytes: Uint8Array, source = 'program'): Program {
  const b = new Bytes(source, 'the file is damaged or not a program; get it again from its publisher', bytes);
  if (bytes.length > LIMITS.bytes) b.refuse('', `has ${bytes.length} bytes, more than ${LIMITS.bytes}`);
  if (b.take(MAGIC.length, 'magic').some((byte, i) => byte !== MAGIC[i])) b.refuse('magic', 'does not begin as a program');
  const program = programCodec().read(b, '');
  const constants = readConstants(b, program.tensors);
  if (b.remaining > 0) b.refuse('', `has ${b.remaining} bytes after its end`);
  return { ...program, constants };
}

export const cellCount = (t: Tensor): number => t.axes.reduce((n, a) => n * a.size, 1);

/** Bytes a cell: the least of 1, 2, 4, 8 in which every value fits as two's complement. */
export function widthOf(values: ArrayLike<number>): number {
  let bytes = 1;
  for (let i = 0; i < values.length; i++) {
    const v = values[i] as number;
    while (bytes < 8 && (v < -(2 ** (8 * bytes - 1)) || v >= 2 ** (8 * bytes - 1))) bytes *= 2;
  }
  return bytes;
}

function readConstants(b: Bytes, tensors: readonly Tensor[]): Program['constants'] {
  const constants = tensors
    .filter((t) => t.poly === CONSTANTS)
    .map((t) => {
      const field = `constants.${t.name}`;
      const bytes = b.byte(`${field}.width`);
      if (!WIDTHS.includes(bytes)) b.refuse(`${field}.width`, `is ${bytes}, must be 1, 2, 4 or 8`);
      const cells = b.take(cellCount(t) * bytes, field);
      const values = bytes === 8 ? new Float64Array(cellCount(t)) : new Int32Array(cellCount(t));
      for (let i = 0; i < values.length; i++) {
        const v = readInteger(cells, bytes * i, bytes, true);
        if (!Number.isSafeInteger(v)) b.refuse(`${field}[${i}]`, 'is not below 2^53');
        values[i] = v;
      }
      if (widthOf(values) !== bytes) b.refuse(field, `is not in its shortest form: ${bytes} bytes a cell`);
      return [t.name, values] as const;
    });
  return Object.fromEntries(constants);
}
