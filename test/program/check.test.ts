import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { buildTraining } from '../../verifier/models/build.ts';
import { R, mod } from '../../verifier/field.ts';
import { checkProgram } from '../../verifier/validity/check.ts';
import { ProgramError } from '../../verifier/program/errors.ts';
import { lower } from '../../verifier/program/lower.ts';
import type { Domain, Expr, MapTable, Program, Relation, Tensor } from '../../verifier/program/types.ts';
import { Tensors, termSum } from '../../verifier/validity/views.ts';
import { tinyRecipe } from '../fixtures/llama.ts';
import { cases } from '../fixtures/relations.ts';
import { matrixStep } from '../fixtures/matrix-step.ts';
import { expr, sample, term, times, view } from './sample.ts';

const refused = (p: Program, message: RegExp, at: { relation?: number; tensor?: string } = {}): void =>
  assert.throws(
    () => checkProgram(p),
    (e) => {
      assert.ok(e instanceof ProgramError, String(e));
      assert.match(e.message, message);
      assert.ok(e.cure.length > 0);
      if (at.relation !== undefined) assert.equal(e.relation, at.relation);
      if (at.tensor !== undefined) assert.equal(e.tensor, at.tensor);
      return true;
    },
  );

const tensor = (name: string, change: Partial<Tensor>): Program => ({
  ...sample,
  tensors: sample.tensors.map((t) => (t.name === name ? { ...t, ...change } : t)),
});
const table = (i: number, change: Partial<MapTable>): Program => ({
  ...sample,
  tables: sample.tables.map((t, k) => (k === i ? { ...t, ...change } : t)),
});
const written = (name: string): number =>
  sample.relations.findIndex((r) => ('out' in r && r.out.tensor === name) || (r.kind === 'onehot' && name.startsWith('id')));
type Change = Partial<Record<string, unknown>>;
/** The sample with fields of the relation that writes `name` replaced. */
const relation = (name: string, change: Change, from: Program = sample): Program => ({
  ...from,
  relations: from.relations.map((r, i) => (i === written(name) ? ({ ...r, ...change } as Relation) : r)),
});
const added = (...more: Relation[]): Program => ({ ...sample, relations: [...sample.relations, ...more] });
const on = (name: string): Domain => (sample.relations[written(name)] as Relation).on;
const nj = on('z');
const n = on('sum');

describe('valid programs', () => {
  it('the sample of every relation kind passes', () => checkProgram(sample));
  it('the matrix fixture passes', () => checkProgram(matrixStep));
  for (const change of [
    {},
    { perProof: 1 },
    { perProof: 4 },
    { optimizer: { kind: 'momentum' as const, momentum: 0.9 } },
    { lora: { ...tinyRecipe.lora, firstLayer: 1 } },
    { model: { ...tinyRecipe.model, vocab: 600, layers: 5 } },
    { model: { ...tinyRecipe.model, heads: 6, kvHeads: 3, headWidth: 2 } },
  ])
    it(`a LLaMA program passes: ${JSON.stringify(change)}`, () => checkProgram(buildTraining({ ...tinyRecipe, ...change }).program));
});

describe('program, polynomials, tensors', () => {
  it('version, schedule, columns', () => {
    refused({ ...sample, version: 2 as 1 }, /version 2/);
    refused({ ...sample, schedule: { steps: 6, perProof: 3 } }, /3 of 6 steps.*power of two/);
    refused({ ...sample, schedule: { steps: 3, perProof: 2 } }, /2 of 3 steps/);
    refused({ ...sample, schedule: { steps: 0, perProof: 1 } }, /0 steps/);
    refused({ ...sample, columns: 0 }, /columns/);
  });
  it('polynomials: one of each role, unique names, public constants', () => {
    refused({ ...sample, polys: sample.polys.filter((p) => p.role !== 'stateOut') }, /0 of role stateOut/);
    refused({ ...sample, polys: [...sample.polys, { name: 'second', role: 'witness', hidden: true }] }, /2 of role witness/);
    refused({ ...sample, polys: [...sample.polys, { name: 'model', role: 'fixed', hidden: true }] }, /model occurs twice/);
    refused(
      { ...sample, polys: sample.polys.map((p) => (p.name === 'constants' ? { ...p, hidden: true } : p)) },
      /constants is not public/,
    );
  });
  it('tensors: names, widths, sizes, causal axes', () => {
    refused({ ...sample, tensors: [...sample.tensors, sample.tensors[0]!] }, /model\/w occurs twice/, { tensor: 'model/w' });
    refused(tensor('x', { name: 'a\nb' }), /the name "a\\nb"/);
    refused(tensor('x', { poly: 'nowhere' }), /no polynomial nowhere/);
    refused(tensor('x', { bits: 0 }), /width of 0 bits/);
    refused(tensor('x', { bits: 54 }), /width of 54 bits/);
    refused(tensor('x', { f: 0.5 }), /exponent/);
    refused(tensor('x', { axes: [{ name: 'n', size: 0 }, sample.tensors[0]!.axes[0]!] }), /size 0/);
    refused(tensor('z', { causal: [0, 0] }), /causal axes/);
    refused(tensor('x', { causal: [0, 1] }), /causal axes/);
  });
  it('what is delivered: plain tensors of the state after a proof, beside no polynomial of the limbs’ name', () => {
    const limbs = (name: string, more: Partial<Tensor> = {}): Program => tensor(name, { range: 'limbs', ...more });
    checkProgram(limbs('s2'));
    for (const name of ['s', 'x', 'model/w', 'constants/rate', 'data/id'])
      refused(limbs(name), /it is delivered, but no plain tensor of the state after a proof/, { tensor: name });
    const square = sample.tensors.map((t) =>
      t.poly === 'in' || t.poly === 'out' ? { ...t, axes: [t.axes[0]!, t.axes[0]!], causal: [0, 1] as const } : t,
    );
    refused(
      { ...sample, tensors: square.map((t) => (t.name === 's2' ? { ...t, range: 'limbs' } : t)) },
      /it is delivered, but no plain tensor/,
    );
    const taken = { ...limbs('s2'), polys: [...sample.polys, { name: 'delivery', role: 'fixed', hidden: true } as const] };
    refused(taken, /delivery is the name of the delivered limbs' polynomial/);
    checkProgram({ ...sample, polys: taken.polys });
    // A delivered tensor is still copied from what fits.
    const copy = sample.relations.findIndex((r) => r.kind !== 'assert' && 'out' in r && r.out.tensor === 's2');
    assert.ok(copy >= 0);
    refused({ ...limbs('s2'), relations: sample.relations.filter((_, i) => i !== copy) }, /relations write 0 of its 5 cells/);
  });
  it('rows of delivered limbs count among the rows of a proof', () => {
    const axes = (n: number) => [{ name: 'wide', size: 2 ** n }];
    const wide = (poly: string, name: string, n: number): Tensor => ({ ...sample.tensors[8]!, name, poly, axes: axes(n), bits: 8 });
    const program = (n: number, range: Tensor['range']): Program => {
      const on = { vars: [{ name: 'a', size: 2 ** n }] };
      const tensors = [wide('witness', 'wide', n), wide('in', 'wide in', n), { ...wide('out', 'wide out', n), range }];
      const copies: Relation[] = [
        { kind: 'equal', on, out: view('wide', 'a'), expr: expr(term('wide in', 'a')) },
        { kind: 'equal', on, out: view('wide out', 'a'), expr: expr(term('wide', 'a')) },
      ];
      return { ...sample, columns: 20, tensors: [...sample.tensors, ...tensors], relations: [...sample.relations, ...copies] };
    };
    checkProgram(program(29, 'limbs'));
    checkProgram(program(30, 'leaf'));
    refused(program(30, 'limbs'), /rows of 2\^20 columns/);
  });
  it('the look-ups of a proof can be counted', () => {
    const axes = (size: number) => ({ name: 'wide', size });
    const wide: Tensor = { ...sample.tensors[8]!, name: 'wide', axes: [axes(2 ** 16), axes(2 ** 16)] };
    const vars = ['a', 'b'].map((name) => ({ name, size: 2 ** 16 }));
    const zero: Relation = { kind: 'equal', on: { vars }, out: view('wide', 'a', 'b'), expr: expr([]) };
    refused({ ...sample, tensors: [...sample.tensors, wide], relations: [...sample.relations, zero] }, /42\d+ look-ups/);
    refused({ ...sample, tensors: [...sample.tensors, { ...wide, axes: [axes(2 ** 17), axes(2 ** 16)] }] }, /33 address bits/);
  });
  it('the state leaves a proof in the shape in which it enters the next', () => {
    refused(tensor('s2', { bits: 33 }), /s is .*32 bits.* s2 is .*33 bits/, { tensor: 's2' });
    refused({ ...sample, tensors: sample.tensors.filter((t) => t.name !== 's2') }, /1 tensors before and 0 after/);
  });
  it('constants: content of every cell, within the declared width', () => {
    const constants = (name: string, values: number[]): Program => ({ ...sample, constants: { ...sample.constants, [name]: values } });
    refused(constants('constants/rate', [1, 2]), /2 values for 3 cells/);
    refused(constants('constants/rate', [1, 2, 2 ** 19]), /to 524288 in 20 bits/, { tensor: 'constants/rate' });
    refused(constants('constants/rate', [1, 2, 0.5]), /value 0\.5 in cell 2/);
    refused(constants('x', [1]), /x is no tensor of constants/);
  });
});

describe('tables', () => {
  it('ids: not those of ranges, and each its own', () => {
    refused(table(0, { id: 63 }), /table 63.*not in range/);
    refused(table(1, { id: 64 }), /table 64.*taken/);
  });
  it('rows: a power of two, one value each, public', () => {
    refused(table(0, { size: 15 }), /15 rows/);
    refused(table(0, { size: 32 }), /one axis of 32 cells/);
    refused(table(0, { y: 'nowhere' }), /no tensor nowhere/);
    refused(table(0, { y: 'x' }), /not a plain tensor of constants/);
    refused(table(1, { y2: undefined as unknown as string }), /y2 and fn2/);
  });
});

describe('views', () => {
  const y = (change: Parameters<typeof view>[1], second = change): Program =>
    relation('y', { expr: expr([{ coef: 1n, view: view('y', change, second) }]) });
  it('names of tensors and variables resolve', () => {
    refused(relation('norm', { expr: expr(term('nowhere', 'i')) }), /no tensor nowhere/);
    refused(relation('norm', { expr: expr(term('sum', 'q')) }), /variable q, which the relation does not have/, {
      relation: written('norm'),
    });
    refused(relation('norm', { expr: expr(term('y', 'i')) }), /1 indices for 2 axes/);
  });
  it('one variable is not read twice', () => {
    refused(y('i'), /reads variable i twice/);
    const when = { ...view('y', 'i', 'j'), when: [{ var: 'i', is: 0 }] };
    refused(relation('y', { expr: expr([{ coef: 1n, view: when }]) }), /reads variable i twice/);
  });
  it('bits of the parts add up, indices stay inside the axis', () => {
    refused(relation('norm', { expr: expr(term('y', 'i', [{ at: 0, bits: 1 }])) }), /1 bits, it has 2/);
    refused(relation('norm', { expr: expr(term('y', 'i', [{ at: 3, bits: 2 }])) }), /index 3 of axis m/);
    refused(
      relation('norm', {
        expr: expr(
          term('y', 'i', [
            { at: 1, bits: 1 },
            { at: 1, bits: 1 },
          ]),
        ),
      }),
      /reaches index 3 of axis m, which has 3/,
    );
    refused(relation('norm', { expr: expr(term('y', 'i', [])) }), /no part for axis m/);
    refused(relation('norm', { expr: expr(term('y', 'i', [{ reduce: 'ones', size: 4 }])) }), /sums 4 cells/);
  });
  it('shifts stand alone, and reach the axis', () => {
    const part = [
      { at: 0, bits: 0 },
      { var: 'i', shift: 1 },
    ] as const;
    refused(relation('norm', { expr: expr(term('sum', part)) }), /shifts i inside axis n/);
    refused(relation('norm', { expr: expr(term('sum', [{ var: 'i', shift: 3 }])) }), /is 0 for every i/);
    refused(relation('norm', { expr: expr(term('sum', [{ var: 'i', shift: -3 }])) }), /is 0 for every i/);
  });
  it('what the verifier must sum cell by cell is short', () => {
    const long = (change: Partial<Tensor>, read: Parameters<typeof view>): Program => ({
      ...sample,
      tensors: [...sample.tensors, { ...sample.tensors[0]!, name: 'long', axes: [{ name: 'a', size: 2 ** 17 }], ...change }],
      relations: sample.relations.map((r, i) => (i === written('norm') ? ({ ...r, expr: expr(term(...read)) } as Relation) : r)),
    });
    refused(long({}, ['long', [{ var: 'i', shift: 1 }]]), /shifts an axis of 131072 cells/);
    refused(long({}, ['long', [{ reduce: 'index', size: 300 }]]), /weights 300 cells/);
    refused(long({}, ['long', [{ reduce: 'powers', size: 129 }]]), /weights 129 cells/);
    const parts = [
      { reduce: 'ones', size: 2 ** 18 },
      { at: 0, bits: 1 },
      { reduce: 'ones', size: 2 },
    ] as const;
    refused(long({ axes: [{ name: 'a', size: 2 ** 20 }] }, ['long', parts]), /in more than 65536 pieces/);
    const vars = [1, 2, 3].map((i) => ({ name: `v${i}`, size: 2 ** 11 }));
    refused(added({ kind: 'assert', on: { vars }, expr: expr([]), why: 'test' }), /domain has 33 address bits/);
  });
  it('conditions happen', () => {
    const when = { ...view('sum', [{ at: 0, bits: 2 }]), when: [{ var: 'i', is: 3 }] };
    refused(relation('norm', { expr: expr([{ coef: 1n, view: when }]) }), /never happens/);
  });
  it('only fixed tensors are indexed by the proof, and hold every proof', () => {
    refused(relation('norm', { expr: expr(term('sum', [{ proof: true, bits: 2 }])) }), /sum is indexed by the proof/);
    refused({ ...sample, schedule: { steps: 4, perProof: 1 } }, /reads entry 3 of axis batch, which has 3/);
  });
  it('causal axes are read whole', () => {
    const parts = [
      { at: 0, bits: 1 },
      { at: 0, bits: 1 },
    ] as const;
    refused(relation('norm', { expr: expr(term('z', 'i', parts)) }), /causal axis m in parts/);
  });
});

describe('domains and products', () => {
  it('variables have names of their own and sizes', () => {
    refused(relation('norm', { on: { vars: [n.vars[0]!, n.vars[0]!] } }), /variable i occurs twice/);
    refused(relation('norm', { on: { vars: [{ name: 'i', size: 0 }] } }), /size 0/);
    refused(relation('z', { on: { vars: [n.vars[0]!, { name: 'j', size: 2 }], causal: ['i', 'j'] } }), /causal pair/);
    const shadow = [{ coef: 1n, factors: [term('x', 'i', 'i'), term('x', 'i', 'i')], sum: [n.vars[0]!] }];
    refused(relation('norm', { expr: expr([], shadow) }), /variable i occurs twice/);
  });
  it('products have two or three factors, each over one set of variables', () => {
    const k = { name: 'k', size: 5 };
    const x = term('x', 'i', 'k');
    const products = (factors: (typeof x)[], sum = [k]): Program => relation('norm', { expr: expr([], [{ coef: 1n, factors, sum }]) });
    refused(products([x]), /1 factors/);
    refused(products([x, x, x, x]), /4 factors/);
    refused(products([x, []]), /a factor of a product is empty/);
    refused(products([x, [...x, ...term('sum', 'i')]]), /depend on different variables/);
    refused(products([term('sum', 'i'), term('sum', 'i')]), /variable k occurs in no factor/);
    refused(products([x, x], [k, k]), /k is summed twice/);
  });
  it('a divisor is linear, over the variables of one factor', () => {
    refused(
      relation('inv', { den: expr([], [{ coef: 1n, factors: [term('sum', 'i'), term('sum', 'i')], sum: [] }]) }),
      /divisor has products/,
    );
  });
});

describe('every committed cell has one relation', () => {
  it('a tensor that nothing writes', () => {
    refused(
      { ...sample, tensors: [...sample.tensors, { ...sample.tensors[8]!, name: 'free' }] },
      /tensor free: relations write 0 of its 15 cells/,
      { tensor: 'free' },
    );
  });
  it('a cell that a smaller variable leaves free', () => {
    refused(relation('norm', { on: { vars: [{ name: 'i', size: 2 }] } }), /write 2 of its 3 cells/, { tensor: 'norm' });
  });
  it('cells above the diagonal of a tensor that is not causal', () => {
    refused(tensor('z', { causal: undefined as unknown as readonly [number, number] }), /z is not causal/);
    refused(relation('z', { on: { vars: nj.vars } }), /z is causal, unlike/);
  });
  it('a cell that two relations write', () => {
    refused(added({ kind: 'equal', on: n, out: view('sum', 'i'), expr: expr([], [], 3n) }), /that relation 7 \(equal\) writes/, {
      tensor: 'sum',
    });
    refused(
      added({ kind: 'equal', on: { vars: [] }, out: view('norm', [{ at: 1, bits: 2 }]), expr: expr([], [], 3n) }),
      /writes cells of norm/,
    );
  });
  it('one cell for two indices of the domain', () => {
    refused(relation('norm', { on: { vars: [...n.vars, { name: 'q', size: 2 }] } }), /does not depend on q: one cell would get 2 values/);
  });
  it('halves of an axis may have a relation each', () => {
    const last: Relation = { kind: 'equal', on: { vars: [] }, out: view('norm', [{ at: 2, bits: 2 }]), expr: expr([], [], 3n) };
    checkProgram(relation('norm', { on: { vars: [{ name: 'i', size: 2 }] } }, added(last)));
  });
  it('outputs outside the tensor, conditional, summed, or in given tensors', () => {
    refused(relation('norm', { out: view('norm', [{ var: 'i', shift: 1 }]) }), /reaches outside axis n/);
    refused(relation('norm', { out: { ...view('norm', [{ at: 0, bits: 2 }]), when: [{ var: 'i', is: 0 }] } }), /has a condition/);
    refused(
      relation('norm', { on: { vars: [] }, out: view('norm', [{ reduce: 'ones', size: 3 }]), expr: expr([]) }),
      /by a sum or by the proof/,
    );
    refused(
      added({ kind: 'equal', on: { vars: [{ name: 'k', size: 5 }] }, out: view('s', 'k'), expr: expr([]) }),
      /s is a tensor of in, which is given/,
    );
  });
});

describe('every declared width is enforced', () => {
  it('range map needs a map over every cell', () => {
    refused(tensor('sum', { range: 'map' }), /maps and roots bound 0 of its 3 cells/, { tensor: 'sum' });
    refused(
      relation('ax', { shift: 12 }, relation('act', { x: expr(times(2n, term('ax', 'i'))) })),
      /maps and roots bound 0 of its 3 cells/,
      {
        tensor: 'ax',
      },
    );
    refused(relation('act', { x: expr(term('ax', [{ at: 0, bits: 2 }])) }), /maps and roots bound 1 of its 3 cells/, { tensor: 'ax' });
  });
  it('a map bounds no more than its table', () => {
    refused(tensor('e', { bits: 16 }), /from 1 to 65536|from 0 to 65536/, { tensor: 'e' });
    refused(tensor('gap', { bits: 3 }), /from 0 to 15/, { tensor: 'gap' });
    refused(tensor('ax', { signed: false }), /from -8 to 7/, { tensor: 'ax' });
  });
  it('state out is copied from tensors of its width', () => {
    refused(relation('s2', { kind: 'rescale', shift: 1 }), /nothing bounds the state-out tensor s2/, { tensor: 's2' });
    refused(relation('s2', { expr: expr(times(2n, term('new', 'k'))) }), /nothing bounds the state-out tensor s2/);
  });
});

/** The relation case of that name, with tensors and relations (by the tensor that they write) changed. */
function changed(
  name: string,
  tensors: Readonly<Record<string, Partial<Tensor>>>,
  relations: Readonly<Record<string, Change>> = {},
): Program {
  const p = cases.find((c) => c.name === name)?.program as Program;
  const of = (r: Relation): Change => relations[('out' in r && r.out.tensor) || ''] ?? {};
  return {
    ...p,
    tensors: p.tensors.map((t) => ({ ...t, ...tensors[t.name] })),
    relations: p.relations.map((r) => ({ ...r, ...of(r) }) as Relation),
  };
}

describe('rows of a proof', () => {
  const square = ['i', 'j'].map((name) => ({ name, size: 2 ** 14 }));
  const wide = (columns: number): Program => {
    const all: Relation = { kind: 'equal', on: { vars: square }, out: view('wide', 'i', 'j'), expr: expr([]) };
    const tensors = [...sample.tensors, { ...sample.tensors[0]!, name: 'wide', poly: 'witness', axes: square }];
    return { ...sample, columns, tensors, relations: [...sample.relations, all] };
  };
  it('are few enough for a verifier to hold a weight for each', () => {
    refused(wide(1), /rows of 2\^1 columns/);
    checkProgram(wide(14));
  });
});

describe('a root bounds what it is taken of', () => {
  const name = 'isqrt whose root bounds what it is taken of';
  it('to (q + 1)² − 1', () => {
    checkProgram(changed(name, {}));
    refused(changed(name, { v: { bits: 5 } }), /the root q lets v run from 0 to 63/, { tensor: 'v' });
  });
  it('only where it is looked up itself, and alone under the root', () => {
    refused(changed(name, { q: { range: 'map' } }), /maps and roots bound 0 of its 3 cells/);
    for (const root of [times(2n, term('v', 'i')), [...term('v', 'i'), ...term('x', 'i')]])
      refused(changed(name, {}, { q: { of: expr(root), bits: 8 } }), /maps and roots bound 0 of its 3 cells/, { tensor: 'v' });
    refused(changed(name, {}, { q: { of: expr(term('v', 'i'), [], 1n), bits: 8 } }), /maps and roots bound 0 of its 3 cells/);
  });
  it('cell by cell: cells under two roots count once', () => {
    const on: Domain = { vars: [{ name: 'i', size: 2 }] };
    const part = changed(name, { q: { axes: on.vars } }, { q: { on } });
    refused(part, /bound 2 of its 3 cells/);
    const [q, root] = [part.tensors.find((t) => t.name === 'q')!, part.relations.find((r) => r.kind === 'isqrt')!];
    for (const shift of [0, 1]) {
      const again = { ...root, out: view('q2', 'i'), of: expr(term('v', [{ var: 'i', shift }])) } as Relation;
      refused(
        { ...part, tensors: [...part.tensors, { ...q, name: 'q2' }], relations: [...part.relations, again] },
        /bound 2 of its 3 cells/,
      );
    }
  });
});

describe('a maximum without a selector', () => {
  const name = 'rowmax that a table pins, on a causal domain';
  const p = changed(name, {});
  const unpinned = /nothing shows that top is a maximum of z/;
  const difference = [...term('top', 'i'), ...times(-1n, term('z', 'i', 'j'))];
  it('is pinned by a table that marks 0 and a count of the marks', () => checkProgram(p));
  it('needs both on its own domain, of its own tensors', () => {
    refused({ ...p, relations: p.relations.filter((r) => r.kind !== 'map') }, unpinned);
    refused({ ...p, relations: p.relations.filter((r) => !('out' in r && r.out.tensor === 'ties')) }, unpinned);
    for (const x of [
      expr(difference, [], 1n),
      expr(times(-1n, difference)),
      expr(times(2n, difference)),
      expr([...difference, ...term('x', 'i', 'j')]),
      expr([...term('top', 'i'), ...times(-1n, term('x', 'i', 'j'))]),
    ])
      refused(changed(name, {}, { y: { x } }), unpinned, { tensor: 'top' });
    const count = (sum: ReturnType<typeof term>, constant: bigint): Change => ({ expr: expr(sum, [], constant) });
    const marks = (size: number): ReturnType<typeof term> => term('mark', 'i', [{ reduce: 'ones', size }]);
    for (const change of [
      count(marks(3), 0n),
      count(marks(2), -1n),
      count(times(2n, marks(3)), -1n),
      count(term('y', 'i', [{ reduce: 'ones', size: 3 }]), -1n),
      count([...marks(3), ...term('y', 'i', [{ at: 0, bits: 2 }])], -1n),
    ])
      refused(changed(name, {}, { ties: change }), unpinned);
  });
  it('needs a count that cannot be negative', () => refused(changed(name, { ties: { signed: true, bits: 3 } }), unpinned));
  it('needs marks of 0 and of nothing else', () => {
    const first = (values: readonly number[]): Program => ({ ...p, constants: { ...p.constants, first: values } });
    for (const values of [
      [...new Array<number>(16).fill(0)],
      [1, 1, ...new Array<number>(14).fill(0)],
      [0, 1, ...new Array<number>(14).fill(0)],
    ])
      refused(first(values), unpinned);
    refused({ ...p, tables: p.tables.map((t) => ({ ...t, lo: -1 })) }, unpinned);
  });
  it('bounds the tensor that it is taken of by the table, if the maximum is looked up itself', () => {
    refused(changed(name, { z: { bits: 5 } }), /table distance lets z run from -23 to 7/, { tensor: 'z' });
    refused(changed(name, { top: { range: 'map' } }), /maps and roots bound 0/);
  });
});

describe('sums stay below r/4', () => {
  const big = 1n << 252n;
  for (const [name, change] of [
    ['y', { expr: expr(times(big, term('x', 'i', [{ at: 0, bits: 3 }]))) }],
    ['sum', { expr: expr([], [], big) }],
    ['inv', { num: expr([], [], big) }],
    ['inv', { den: expr([...term('sum', 'i')], [], big >> 39n), bits: 240 }],
    ['iroot', { of: expr(times(big, term('norm', 'i'))), bits: 240 }],
    ['root', { numerator: big, bits: 240 }],
    ['root', { m: times(big >> 20n, term('norm', 'i')), bits: 240 }],
    ['gap', { max: big, bits: 240 }],
    ['act', { x: expr(times(big, term('ax', 'i'))) }],
    ['mant', { of: times(big, term('sum', 'i')) }],
    ['id0', { index: times(big, term('data/id', [{ proof: true, bits: 2 }], 'i')) }],
  ] as const)
    it(`${(sample.relations[written(name)] as Relation).kind} ${Object.keys(change).join(' ')}`, () =>
      refused(relation(name, change), /not below r\/4/, { relation: written(name) }));
  it('assert', () => {
    const last = sample.relations.length - 1;
    const bad = { ...sample.relations[last]!, expr: expr(times(big, term('y', 'l', 'i'))) } as Relation;
    refused({ ...sample, relations: sample.relations.with(last, bad) }, /not below r\/4/);
  });
  it('a product counts the cells that it sums', () => {
    const sum = [{ name: 'k', size: 5 }];
    const square = (coef: bigint): Program =>
      relation('norm', { expr: expr([], [{ coef, factors: [term('x', 'i', 'k'), term('x', 'i', 'k')], sum }]) });
    const max = 128n * 128n * 5n;
    checkProgram(square(((1n << 251n) - (1n << 20n)) / max));
    refused(square((1n << 252n) / max), /not below r\/4/);
  });
});

describe('bits admit one answer, and every right one', () => {
  it('widths are positive and bounded', () => {
    refused(relation('y', { shift: 0 }), /shift is 0/);
    refused(relation('y', { shift: 241 }), /shift is 241/);
    refused(relation('inv', { bits: 0 }), /bits is 0/);
    refused(relation('inv', { bits: 241 }), /bits is 241/);
  });
  for (const [name, bits] of [
    ['inv', 18],
    ['iroot', 9],
    ['root', 23],
    ['max', 15],
    ['gap', 17],
    ['mant', 1],
  ] as const)
    it(`${(sample.relations[written(name)] as Relation).kind} with ${bits} bits is too narrow, one more is not`, () => {
      refused(relation(name, { bits }), /range has \d+ bits/, { relation: written(name) });
      checkProgram(relation(name, { bits: bits + 1 }));
    });
  it('rounding doubles the divisor', () => refused(relation('inv', { round: true, bits: 19 }), /set bits to 20/));
  it('a numerator is not negative', () => refused(relation('root', { numerator: -1n }), /negative/));
});

describe('selectors', () => {
  for (const name of ['hot', 'over', 'exp', 'id0', 'id1']) {
    it(`${name} is one unsigned bit with its own range`, () => {
      refused(tensor(name, { bits: 2 }), /not an unsigned bit/, { tensor: name });
      refused(tensor(name, { signed: true }), /not an unsigned bit/, { tensor: name });
      refused(tensor(name, { range: 'map' }), /not an unsigned bit/, { tensor: name });
    });
  }
  it('the selector of a maximum cannot choose a masked cell', () =>
    refused(tensor('hot', { causal: undefined as unknown as readonly [number, number] }), /hot is not causal/));
  it('the maximum depends on the other variables only', () => {
    refused(relation('max', { over: 'q' }), /no variable q/);
    refused(relation('max', { of: view('sum', 'i') }), /sum does not depend on j/);
  });
  it('the selector of a maximum is read by nothing else', () =>
    refused(
      added({ kind: 'assert', on: n, expr: expr(term('hot', 'i', [{ reduce: 'ones', size: 3 }]), [], -1n), why: 'test' }),
      /not unique at ties/,
      { tensor: 'hot' },
    ));
  it('one-hot digits cannot give one index twice', () => {
    const chunks = (sample.relations[written('id0')] as Extract<Relation, { kind: 'onehot' }>).chunks;
    refused(relation('id0', { chunks: chunks.map((c) => ({ ...c, weight: 1n })) }), /lets two positions give one index/);
    refused(relation('id0', { chunks: [{ ...chunks[0]!, weight: 3n }, chunks[1]!] }), /weight 3/);
    refused(relation('id0', { chunks: chunks.map((c) => ({ ...c, weight: -c.weight })) }), /weight -/);
    refused(relation('id0', { chunks: [] }), /no chunks/);
  });
  it('the axis of a selector has the size of its variable', () =>
    refused(
      tensor('exp', {
        axes: [
          { name: 'n', size: 3 },
          { name: 'e', size: 4 },
        ],
      }),
      /other cells on its axis than e|write 9 of its 12/,
    ));
});

describe('equalities on causal domains', () => {
  const causal = (e: ReturnType<typeof expr>): Program => relation('d', { kind: 'equal', expr: e, shift: undefined });
  it('read causal tensors', () => {
    checkProgram(causal(expr(term('z', 'i', 'j'))));
    refused(causal(expr(term('y', 'i', 'j'))), /reads y, which is not 0 above the diagonal/, { tensor: 'y' });
    refused(causal(expr(term('max', 'i'))), /reads max, which is not 0/, { tensor: 'max' });
    refused(causal(expr(term('z', 'j', 'i'))), /reads z, which is not 0/);
  });
  it('multiply by a causal tensor and do not contract', () => {
    const k = { name: 'k', size: 3 };
    const product = (factors: ReturnType<typeof term>[], sum = [] as { name: string; size: number }[]): Program =>
      causal(expr([], [{ coef: 1n, factors, sum }]));
    checkProgram(product([term('z', 'i', 'j'), term('max', 'i')]));
    refused(product([term('y', 'i', 'k'), term('y', 'j', 'k')], [k]), /product that is not 0 above the diagonal/);
    refused(product([term('max', 'i'), term('max', 'j')]), /product that is not 0 above the diagonal/);
  });
  it('a clamp of what does not vanish', () => {
    const distance = [...term('max', 'i'), ...times(-1n, term('z', 'i', 'j'))];
    refused(relation('gap', { of: distance }), /depend on different variables/);
    refused(relation('gap', { of: term('y', 'i', 'j') }), /reads y, which is not 0/);
  });
  it('an assert', () => refused(added({ kind: 'assert', on: nj, expr: expr(term('y', 'i', 'j')), why: 'test' }), /reads y/));
});

describe('maps', () => {
  it('name a table and take all its columns', () => {
    refused(relation('e', { table: 70 }), /no table 70/);
    refused(relation('act', { out2: undefined }), /two columns|write 0/);
  });
});

describe('what is proven is what was checked', () => {
  const centred = (x: bigint): bigint => (mod(x) > R / 2n ? R - mod(x) : mod(x));
  for (const [name, program] of [
    ['the sample', sample],
    ['a LLaMA program', buildTraining(tinyRecipe).program],
  ] as const)
    it(`every leaf and equality of ${name} has a sum of terms below r/4`, () => {
      const { leaves, equalities, limbs } = lower(program);
      const tensors = new Tensors({ ...program, tensors: [...program.tensors, ...limbs.map((l) => l.tensor)] });
      const at = { where: 'test', relation: -1 };
      const undo = (e: Expr, factor: bigint): Expr => ({
        constant: centred(e.constant * factor),
        linear: e.linear.map((t) => ({ coef: centred(t.coef * factor), view: t.view })),
        products: e.products.map((p) => ({
          ...p,
          coef: centred(p.coef * factor),
          factors: p.factors.map((f) => f.map((t) => ({ ...t, coef: centred(t.coef) }))),
        })),
      });
      for (const leaf of leaves)
        for (const value of leaf.values) {
          const factor = 1n << BigInt(16 * leaf.limbs);
          assert.ok(termSum(tensors, undo(value, factor), at) < R / 4n, leaf.name);
          assert.ok(leaf.id > 16 || factor << BigInt(leaf.id) < R / 4n, leaf.name);
        }
      for (const e of equalities) assert.ok(termSum(tensors, undo(e.expr, 1n), at) < R / 4n, e.name);
    });
});

describe('no cell depends on itself', () => {
  const other = (name: string): Tensor => ({ ...sample.tensors.find((t) => t.name === 'norm')!, name });
  const stacked = (shiftA: number, shiftB: number): Program => {
    const reads = (name: string, shift: number) =>
      expr([{ coef: 1n, view: view(name, [shift === 0 ? { var: 'i' } : { var: 'i', shift }]) }]);
    return {
      ...sample,
      tensors: [...sample.tensors, other('p'), other('q')],
      relations: [
        ...sample.relations,
        { kind: 'equal', on: n, out: view('p', 'i'), expr: reads('q', shiftA) },
        { kind: 'equal', on: n, out: view('q', 'i'), expr: reads('p', shiftB) },
      ],
    };
  };
  it('two relations in a circle', () => refused(stacked(0, 0), /p\), .*q\).* in a circle/));
  it('a stacked axis unrolls a circle, forwards or backwards', () => {
    checkProgram(stacked(-1, 0));
    checkProgram(stacked(0, 1));
    checkProgram(stacked(-2, 1));
    checkProgram(stacked(2, -1));
  });
  it('but not in both directions', () => {
    refused(stacked(-1, 1), /in a circle/);
    refused(stacked(2, -2), /in a circle/);
  });
  it('a relation that reads what it writes', () => {
    refused(relation('norm', { expr: expr(term('norm', 'i')) }), /in a circle/);
    refused(relation('norm', { expr: expr(term('norm', [{ at: 0, bits: 2 }])) }), /in a circle/);
    refused(relation('norm', { expr: expr(term('norm', [{ reduce: 'ones', size: 3 }])) }), /in a circle/);
    checkProgram(relation('norm', { expr: expr([...term('norm', [{ var: 'i', shift: -1 }]), ...term('sum', 'i')]) }));
  });
  it('a selector whose positions bear the name of the stacked axis', () => {
    const selector = { ...other('pick'), bits: 1, signed: false };
    const bad: Program = {
      ...sample,
      tensors: [...sample.tensors, selector, other('p')],
      relations: [
        ...sample.relations,
        // pick marks position p[2] = pick[1]: both 0 and 1 are right.
        {
          kind: 'onehot',
          on: { vars: [] },
          index: term('p', [{ at: 2, bits: 2 }]),
          chunks: [{ hot: view('pick', 'i'), over: { name: 'i', size: 3 }, weight: 1n }],
        },
        { kind: 'equal', on: n, out: view('p', 'i'), expr: expr(term('pick', [{ var: 'i', shift: -1 }])) },
      ],
    };
    refused(bad, /in a circle/);
  });
  it('a maximum along the stacked axis', () => {
    const hot = {
      ...sample.tensors.find((t) => t.name === 'hot')!,
      name: 'choice',
      causal: undefined,
      axes: [{ name: 'n', size: 3 }],
    } as unknown as Tensor;
    const single = { ...other('p'), axes: [] };
    const bad: Program = {
      ...sample,
      tensors: [...sample.tensors, hot, single, other('q')],
      relations: [
        ...sample.relations,
        { kind: 'rowmax', on: n, over: 'i', out: view('p'), hot: view('choice', 'i'), of: view('q', 'i'), bits: 17 },
        { kind: 'equal', on: n, out: view('q', 'i'), expr: expr(term('p')) },
      ],
    };
    refused(bad, /in a circle/);
  });
});
