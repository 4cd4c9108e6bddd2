/**
 * Every relation that the checks accept has one answer: on small widths, all outputs within the declared widths are tried against the leaves
 * and equalities that lowering makes of the relation. Widths of remainders run from too narrow (refused) to far wider than needed.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { R } from '../../verifier/field.ts';
import { checkProgram } from '../../verifier/validity/check.ts';
import { ProgramError } from '../../verifier/program/errors.ts';
import { lower } from '../../verifier/program/lower.ts';
import type { Domain, Expr, Linear, Program, Relation, Tensor, View } from '../../verifier/program/types.ts';
import { expr, term, times, view } from './sample.ts';

type Cells = ReadonlyMap<string, readonly number[]>;
type Values = Readonly<Record<string, number>>;

const given = (name: string, bits: number, signed: boolean, sizes: readonly number[] = []): Tensor =>
  declare('data', name, bits, signed, sizes);
const output = (name: string, bits: number, signed: boolean, sizes: readonly number[] = []): Tensor =>
  declare('witness', name, bits, signed, sizes);
const declare = (poly: string, name: string, bits: number, signed: boolean, sizes: readonly number[]): Tensor => ({
  name,
  poly,
  axes: sizes.map((size, i) => ({ name: `a${i}`, size })),
  bits,
  signed,
  f: 0,
  range: 'leaf',
});

const program = (tensors: readonly Tensor[], relation: Relation): Program => ({
  version: 1,
  name: 'one relation',
  schedule: { steps: 1, perProof: 1 },
  columns: 2,
  polys: [
    { name: 'data', role: 'fixed', hidden: true },
    { name: 'witness', role: 'witness', hidden: true },
    { name: 'in', role: 'stateIn', hidden: true },
    { name: 'out', role: 'stateOut', hidden: true },
  ],
  tensors,
  tables: [],
  relations: [relation],
  constants: {},
});

const small = (c: bigint): number => Number(c > R / 2n ? c - R : c);

/** All indices of a domain. */
function indices({ vars, causal }: Domain): Values[] {
  const all = vars.reduce<Values[]>(
    (list, v) => list.flatMap((x) => Array.from({ length: v.size }, (_, i) => ({ ...x, [v.name]: i }))),
    [{}],
  );
  return causal ? all.filter((x) => (x[causal[1]] as number) <= (x[causal[0]] as number)) : all;
}

/** A view at an index, zero-extended. */
function read(tensors: ReadonlyMap<string, Tensor>, v: View, at: Values, cells: Cells): number {
  const t = tensors.get(v.tensor) as Tensor;
  let places: { readonly index: readonly number[]; readonly weight: number }[] = [{ index: [], weight: 1 }];
  for (const parts of v.index) {
    const [p, ...rest] = parts;
    assert.ok(p && rest.length === 0, 'these programs read axes by one part');
    places = places.flatMap(({ index, weight }) => {
      if ('var' in p) return [{ index: [...index, (at[p.var] as number) + (p.shift ?? 0)], weight }];
      assert.ok('reduce' in p);
      const w = (y: number): number => (p.reduce === 'ones' ? 1 : p.reduce === 'index' ? y : 2 ** y);
      return Array.from({ length: p.size }, (_, y) => ({ index: [...index, y], weight: weight * w(y) }));
    });
  }
  const data = cells.get(v.tensor) as readonly number[];
  return places.reduce((sum, { index, weight }) => {
    const inside = index.every((x, a) => x >= 0 && x < (t.axes[a] as { size: number }).size);
    if (!inside || (t.causal && (index[t.causal[1]] as number) > (index[t.causal[0]] as number))) return sum;
    return sum + weight * (data[index.reduce((n, x, a) => n * (t.axes[a] as { size: number }).size + x, 0)] as number);
  }, 0);
}

/** Whether the lowered relation accepts these cells. Values stay far below r/4, so they are computed as integers. */
function acceptor(p: Program): (cells: Cells) => boolean {
  const { leaves, equalities, limbs } = lower(p);
  assert.equal(limbs.length, 0, 'the widths of these tests need no limbs');
  const tensors = new Map(p.tensors.map((t) => [t.name, t]));
  const linear = (l: Linear) => {
    const terms = l.map((t) => ({ coef: small(t.coef), view: t.view }));
    return (at: Values, cells: Cells): number => terms.reduce((z, t) => z + t.coef * read(tensors, t.view, at, cells), 0);
  };
  const value = (e: Expr) => {
    const constant = small(e.constant);
    const rest = linear(e.linear);
    const products = e.products.map((x) => ({ coef: small(x.coef), factors: x.factors.map(linear), sum: indices({ vars: x.sum }) }));
    return (at: Values, cells: Cells): number =>
      products.reduce(
        (z, x) => z + x.coef * x.sum.reduce((s, k) => s + x.factors.reduce((f, g) => f * g({ ...at, ...k }, cells), 1), 0),
        constant + rest(at, cells),
      );
  };
  const own = leaves
    .filter((l) => l.source.kind === 'relation')
    .map((l) => ({ id: l.id, at: indices(l.on), value: value(l.values[0] as Expr) }));
  const zero = equalities.map((e) => ({ at: indices(e.on), value: value(e.expr) }));
  return (cells) =>
    zero.every((e) => e.at.every((at) => e.value(at, cells) === 0)) &&
    own.every((l) =>
      l.at.every((at) => {
        const v = l.value(at, cells);
        return v >= 0 && v < 2 ** l.id;
      }),
    );
}

/** All values of a tensor's cells within its declared width. */
function* fillings(t: Tensor): Generator<number[]> {
  const count = t.axes.reduce((n, a) => n * a.size, 1);
  const [lo, hi] = t.signed ? [-(2 ** (t.bits - 1)), 2 ** (t.bits - 1) - 1] : [0, 2 ** t.bits - 1];
  const cells = new Array<number>(count).fill(lo);
  for (;;) {
    yield [...cells];
    let i = count - 1;
    while (i >= 0 && cells[i] === hi) cells[i--] = lo;
    if (i < 0) return;
    cells[i] = (cells[i] as number) + 1;
  }
}

function* assignments(tensors: readonly Tensor[]): Generator<Map<string, readonly number[]>> {
  const [t, ...rest] = tensors;
  if (!t) return yield new Map();
  for (const cells of fillings(t)) for (const more of assignments(rest)) yield more.set(t.name, cells);
}

/**
 * For every input, the accepted outputs are exactly those in `right`: the one right answer where it fits the declared widths, else none. Returns
 * false where the checks refuse the program.
 */
function exactly(
  tensors: readonly Tensor[],
  relation: Relation,
  right: (inputs: Cells) => readonly Readonly<Record<string, readonly number[]>>[],
): boolean {
  const p = program(tensors, relation);
  try {
    checkProgram(p);
  } catch (e) {
    assert.ok(e instanceof ProgramError, String(e));
    assert.match(e.message, /range has|bits/);
    return false;
  }
  const accepts = acceptor(p);
  const [inputs, outputs] = ['data', 'witness'].map((poly) => tensors.filter((t) => t.poly === poly)) as [Tensor[], Tensor[]];
  for (const given of assignments(inputs)) {
    const expected = right(given)
      .filter((a) =>
        outputs.every((t) =>
          (a[t.name] as readonly number[]).every((v) =>
            t.signed ? v >= -(2 ** (t.bits - 1)) && v < 2 ** (t.bits - 1) : v >= 0 && v < 2 ** t.bits,
          ),
        ),
      )
      .map((a) => JSON.stringify(outputs.map((t) => a[t.name])))
      .sort();
    const accepted: string[] = [];
    for (const tried of assignments(outputs))
      if (accepts(new Map([...given, ...tried]))) accepted.push(JSON.stringify(outputs.map((t) => tried.get(t.name))));
    assert.deepEqual(accepted.sort(), expected, `inputs ${JSON.stringify([...given])}`);
  }
  return true;
}

/** Runs a relation for every width of its remainder; some must be refused as too narrow, the others must all be exact. */
function everyWidth(widths: readonly number[], run: (bits: number) => boolean): void {
  const passed = widths.filter(run);
  assert.ok(passed.length > 0 && passed.length < widths.length, `of widths ${widths.join(' ')} passed ${passed.join(' ')}`);
  assert.deepEqual(passed, widths.slice(-passed.length), 'a wider remainder is as good');
}

const none: Domain = { vars: [] };
const one = (cells: Cells, name: string): number => (cells.get(name) as readonly number[])[0] as number;

describe('one answer', () => {
  for (const shift of [1, 2, 5])
    it(`rescale by 2^${shift}`, () => {
      const relation: Relation = { kind: 'rescale', on: none, out: view('y'), expr: expr(times(-3n, term('x')), [], 1n), shift };
      assert.ok(
        exactly([given('x', 6, true), output('y', 7, true)], relation, (c) => [
          { y: [Math.floor((1 - 3 * one(c, 'x') + 2 ** (shift - 1)) / 2 ** shift)] },
        ]),
      );
    });

  for (const round of [false, true])
    it(`divide${round ? ', rounded' : ''}: no divisor below 1 has an answer`, () =>
      everyWidth([2, 3, 4, 5, 6, 9, 14], (bits) => {
        const relation: Relation = {
          kind: 'divide',
          on: none,
          out: view('q'),
          num: expr(times(3n, term('n'))),
          den: expr(term('d'), [], 1n),
          bits,
          round,
        };
        return exactly([given('n', 4, true), given('d', 4, true), output('q', 7, true)], relation, (c) => {
          const [n, d] = [3 * one(c, 'n'), one(c, 'd') + 1];
          return d < 1 ? [] : [{ q: [round ? Math.floor((2 * n + d) / (2 * d)) : Math.floor(n / d)] }];
        });
      }));

  it('rsqrt: no m below 1, no negative root, no other square', () =>
    everyWidth([3, 5, 7, 9, 13], (bits) => {
      const relation: Relation = { kind: 'rsqrt', on: none, out: view('q'), square: view('u'), numerator: 100n, m: term('m'), bits };
      return exactly([given('m', 6, true), output('q', 5, true), output('u', 9, true)], relation, (c) => {
        const q = Math.floor(Math.sqrt(Math.floor(100 / one(c, 'm'))));
        return one(c, 'm') < 1 ? [] : [{ q: [q], u: [q * q] }];
      });
    }));

  it('isqrt: no root of a negative number, no negative root', () =>
    everyWidth([2, 3, 4, 5, 8, 16], (bits) => {
      const relation: Relation = { kind: 'isqrt', on: none, out: view('q'), of: expr(times(2n, term('v')), [], 3n), bits };
      return exactly([given('v', 7, true), output('q', 6, true)], relation, (c) => {
        const v = 2 * one(c, 'v') + 3;
        return v < 0 ? [] : [{ q: [Math.floor(Math.sqrt(v))] }];
      });
    }));

  for (const max of [-3, 0, 5])
    it(`clamp to ${max}: output and selector`, () =>
      everyWidth([2, 3, 4, 5, 6, 7, 8, 12], (bits) => {
        const relation: Relation = {
          kind: 'clamp',
          on: none,
          out: view('y'),
          hot: view('h'),
          of: times(2n, term('x')),
          max: BigInt(max),
          bits,
        };
        return exactly([given('x', 5, true), output('y', 7, true), output('h', 1, false)], relation, (c) => {
          const x = 2 * one(c, 'x');
          return [{ y: [Math.min(x, max)], h: [x > max ? 1 : 0] }];
        });
      }));

  it('rowmax: one maximum; the selector marks any of the equal ones and nothing else', () =>
    everyWidth([2, 3, 4, 8], (bits) => {
      const on: Domain = { vars: [{ name: 'j', size: 3 }] };
      const relation: Relation = { kind: 'rowmax', on, over: 'j', out: view('m'), hot: view('h', 'j'), of: view('z', 'j'), bits };
      return exactly([given('z', 3, true, [3]), output('m', 4, true), output('h', 1, false, [3])], relation, (c) => {
        const z = c.get('z') as readonly number[];
        const m = Math.max(...z);
        return z.flatMap((v, k) => (v === m ? [{ m: [m], h: z.map((_, j) => (j === k ? 1 : 0)) }] : []));
      });
    }));

  it('rowmax over a causal row never takes a masked cell', () => {
    const on: Domain = {
      vars: [
        { name: 'i', size: 2 },
        { name: 'j', size: 2 },
      ],
      causal: ['i', 'j'],
    };
    const relation: Relation = {
      kind: 'rowmax',
      on,
      over: 'j',
      out: view('m', 'i'),
      hot: view('h', 'i', 'j'),
      of: view('z', 'i', 'j'),
      bits: 2,
    };
    const tensors = [given('z', 2, true, [2, 2]), output('m', 2, true, [2]), { ...output('h', 1, false, [2, 2]), causal: [0, 1] as const }];
    // Cell [0, 1] of h is a pad: either value is accepted.
    const right = (c: Cells) => {
      const [a, , b, d] = c.get('z') as readonly number[] as [number, number, number, number];
      const m = Math.max(b, d);
      return [0, 1].flatMap((pad) => [b, d].flatMap((v, k) => (v === m ? [{ m: [a, m], h: [1, pad, 1 - k, k] }] : [])));
    };
    assert.ok(exactly(tensors, relation, right));
  });

  it('onehot: the digits of the index, and none for an index that has none', () => {
    const on: Domain = none;
    const chunks = [
      { hot: view('a', 'u'), over: { name: 'u', size: 2 }, weight: 4n },
      { hot: view('b', 'v'), over: { name: 'v', size: 3 }, weight: 1n },
    ];
    const tensors = [given('i', 4, true), output('a', 1, false, [2]), output('b', 1, false, [3])];
    const hot = (size: number, at: number): number[] => Array.from({ length: size }, (_, k) => (k === at ? 1 : 0));
    const right = (c: Cells) => {
      const i = one(c, 'i');
      return i >= 0 && i % 4 < 3 && i < 8 ? [{ a: hot(2, Math.floor(i / 4)), b: hot(3, i % 4) }] : [];
    };
    assert.ok(exactly(tensors, { kind: 'onehot', on, index: term('i'), chunks }, right));
  });
});

describe('one mantissa', () => {
  const relation = (bits: number): Relation => ({
    kind: 'mantissa',
    on: none,
    over: { name: 'e', size: 3 },
    out: view('m'),
    hot: view('h', 'e'),
    of: term('s'),
    bits,
  });
  const tensors = [given('s', 19, true), output('m', 16, false), output('h', 1, false, [3])];
  const accepted = (s: number, bits: number): [number, string][] => {
    const p = program(tensors, relation(bits));
    checkProgram(p);
    const accepts = acceptor(p);
    const found: [number, string][] = [];
    for (const h of fillings(tensors[2] as Tensor))
      for (let m = 0; m < 2 ** 16; m++) {
        const cells = new Map<string, readonly number[]>([
          ['s', [s]],
          ['m', [m]],
          ['h', h],
        ]);
        if (accepts(cells)) found.push([m, h.join('')]);
      }
    return found;
  };
  it('is refused when its remainder does not fit', () =>
    assert.throws(() => checkProgram(program(tensors, relation(1))), /range has 1 bits/));
  for (const [s, bits] of [
    [2 ** 15, 2],
    [2 ** 16 - 1, 10],
    [2 ** 16, 2],
    [3 * 2 ** 15 + 1, 10],
    [2 ** 18 - 1, 2],
  ] as const)
    it(`of ${s}`, () => {
      const e = Math.floor(Math.log2(s)) - 15;
      assert.deepEqual(accepted(s, bits), [[Math.floor(s / 2 ** e), ['100', '010', '001'][e]]]);
    });
  for (const s of [2 ** 15 - 1, 2 ** 18, -(2 ** 16)])
    it(`none of ${s}, which is out of reach`, () => assert.deepEqual(accepted(s, 10), []));
});
