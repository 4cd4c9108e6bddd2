/**
 * Validity of one relation: its views resolve, its sums stay integers, its bits give exactly one answer, and its equalities
 * hold where nothing is looked up.
 *
 * Why an answer is the only one: a leaf shows that a value mod r lies in [0, 2^b). Where Σ|terms| < r/4 and 2^b < r/4, the value is that
 * integer itself. The rest is arithmetic over the integers, kind by kind (comments below; searched exhaustively in the tests).
 */
import { R } from '../field.ts';
import { dependsOn } from '../program/compile.ts';
import { reduceView } from '../program/lower.ts';
import { ProgramError } from '../program/errors.ts';
import { outputsOf, readsOf, type Output } from './reads.ts';
import {
  bitsOf,
  type Domain,
  type Expr,
  type Linear,
  type Part,
  type Product,
  type Program,
  type Relation,
  type Tensor,
  type Var,
  type View,
} from '../program/types.ts';
import {
  checkView,
  declared,
  exprInterval,
  linearInterval,
  linearSum,
  magnitude,
  termSum,
  vanishes,
  viewInterval,
  without,
  type Place,
  type Tensors,
} from './views.ts';

const LIMIT = R / 4n;
/** Largest width of a look-up leaf, in bits. */
const MAX_BITS = 240;
/** Address bits of a domain, and of the cells that a product sums. */
const MAX_DOMAIN_BITS = 32;
/** Positions that one one-hot chunk may have. */
const MAX_CHUNK = 256;

const pow2 = (n: number): bigint => 1n << BigInt(n);

/** floor of the square root. */
function isqrt(n: bigint): bigint {
  if (n < 2n) return n < 0n ? 0n : n;
  let x = 1n << BigInt((n.toString(2).length + 1) >> 1);
  for (;;) {
    const y = (x + n / x) >> 1n;
    if (y >= x) return x;
    x = y;
  }
}

/** Checks relation number `index` of a program whose tensors and tables are valid. */
export function checkRelation(program: Program, tensors: Tensors, index: number): void {
  const r = program.relations[index] as Relation;
  new RelationCheck(program, tensors, r, index).run();
}

class RelationCheck {
  readonly #program: Program;
  readonly #tensors: Tensors;
  readonly #r: Relation;
  readonly #at: Place;

  constructor(program: Program, tensors: Tensors, r: Relation, index: number) {
    this.#program = program;
    this.#tensors = tensors;
    this.#r = r;
    const written = outputsOf(r)[0]?.view.tensor;
    this.#at = { where: `relation ${index} (${r.kind}${written === undefined ? '' : ` of ${written}`})`, relation: index };
  }

  #fail(what: string, cure: string, tensor = ''): never {
    throw new ProgramError(this.#at.where, what, cure, { relation: this.#at.relation, tensor });
  }

  run(): void {
    const r = this.#r;
    this.#domain(r.on);
    if (r.kind === 'rowmax' && !r.on.vars.some((v) => v.name === r.over))
      this.#fail(`there is no variable ${r.over}`, 'name a variable of the domain');
    if (r.kind === 'mantissa') this.#newVar(r.over, r.on);
    if (r.kind === 'onehot')
      r.chunks.forEach((c, i) => this.#newVar(c.over, { vars: [...r.on.vars, ...r.chunks.slice(0, i).map((x) => x.over)] }));
    const { exprs, linears } = readsOf(r);
    for (const e of exprs) this.#expr(e, r.on);
    for (const l of linears) this.#linear(l, r.on.vars);
    for (const o of outputsOf(r)) this.#output(o);
    this.#kind();
  }

  #variable(v: Var): void {
    if (!Number.isSafeInteger(v.size) || v.size < 1 || v.size > 2 ** 30)
      this.#fail(`variable ${v.name} has size ${v.size}`, 'sizes are whole numbers from 1 to 2^30');
  }

  #newVar(v: Var, on: Domain): void {
    this.#variable(v);
    if (on.vars.some((x) => x.name === v.name)) this.#fail(`variable ${v.name} occurs twice`, 'give every variable a name of its own');
  }

  #domain(on: Domain): void {
    on.vars.forEach((v, i) => {
      this.#variable(v);
      if (on.vars.findIndex((x) => x.name === v.name) < i)
        this.#fail(`variable ${v.name} occurs twice`, 'give every variable a name of its own');
    });
    const bits = on.vars.reduce((n, v) => n + bitsOf(v.size), 0);
    if (bits > MAX_DOMAIN_BITS) this.#fail(`the domain has ${bits} address bits`, `at most ${MAX_DOMAIN_BITS}`);
    if (!on.causal) return;
    const [i, j] = on.causal.map((name) => on.vars.find((v) => v.name === name));
    if (!i || !j || i === j || i.size !== j.size)
      this.#fail(`the causal pair ${on.causal.join(', ')} is not two variables of equal size`, 'name two variables of the domain');
  }

  #linear(l: Linear, vars: readonly Var[]): void {
    for (const t of l) checkView(this.#tensors, t.view, vars, this.#at);
  }

  #expr(e: Expr, on: Domain): void {
    this.#linear(e.linear, on.vars);
    for (const p of e.products) {
      for (const v of p.sum) this.#newVar(v, on);
      p.sum.forEach((v, i) => {
        if (p.sum.findIndex((x) => x.name === v.name) < i)
          this.#fail(`variable ${v.name} is summed twice`, 'give every variable a name of its own');
      });
      const bits = p.sum.reduce((n, v) => n + bitsOf(v.size), 0);
      if (bits > MAX_DOMAIN_BITS) this.#fail(`a product sums over ${bits} address bits`, `at most ${MAX_DOMAIN_BITS}`);
      for (const f of p.factors) this.#linear(f, [...on.vars, ...p.sum]);
      this.#product(p.factors, p.sum);
    }
  }

  /** Two or three factors, each over one set of variables, and every summed variable in one of them. */
  #product(factors: readonly Linear[], sum: readonly Var[]): void {
    if (factors.length < 2 || factors.length > 3)
      this.#fail(`a product has ${factors.length} factors`, 'a product has two or three; commit an intermediate tensor');
    const used = factors.map((f) => {
      if (f.length === 0) this.#fail('a factor of a product is empty', 'leave the product out');
      const sets = f.map((t) => dependsOn(t.view));
      const union = new Set(sets.flatMap((s) => [...s]));
      if (sets.some((s) => s.size !== union.size))
        this.#fail('the views of one factor depend on different variables', 'split the product, or commit the sum');
      return union;
    });
    for (const v of sum)
      if (!used.some((u) => u.has(v.name)))
        this.#fail(`the summed variable ${v.name} occurs in no factor`, 'multiply the coefficient instead');
  }

  /** An output assigns one cell of a written tensor to every index of its domain. */
  #output({ view, on }: Output): void {
    checkView(this.#tensors, view, on.vars, this.#at);
    const t = this.#tensors.get(view.tensor, this.#at);
    const role = this.#tensors.role(t);
    const bad = (what: string, cure: string): never => this.#fail(`the output ${t.name} ${what}`, cure, t.name);
    if (role !== 'witness' && role !== 'stateOut') bad(`is a tensor of ${t.poly}, which is given`, 'write a witness or state-out tensor');
    if (view.when && view.when.length > 0) bad('has a condition', 'restrict the domain instead');
    const names = dependsOn(view);
    for (const v of on.vars)
      if (v.size > 1 && !names.has(v.name))
        bad(`does not depend on ${v.name}: one cell would get ${v.size} values`, 'index it by every variable of the domain');
    view.index.forEach((parts, a) => {
      const axis = t.axes[a] as Tensor['axes'][number];
      for (const p of parts) {
        if ('reduce' in p || 'proof' in p) bad('is indexed by a sum or by the proof', 'index outputs by variables and constants');
        if (!('var' in p) || parts.length > 1) continue;
        const v = on.vars.find((x) => x.name === p.var) as Var;
        const from = p.shift ?? 0;
        if (from < 0 || from + v.size > axis.size)
          bad(`reaches outside axis ${axis.name} of size ${axis.size}`, 'shrink the variable or correct the shift');
      }
    });
    const triangle = on.causal !== undefined && vanishes(this.#tensors, view, on.causal, this.#at);
    const whole =
      !t.causal ||
      t.causal.every((a) =>
        (view.index[a] as readonly Part[]).every((p) => 'var' in p && on.vars.find((v) => v.name === p.var)?.size === t.axes[a]?.size),
      );
    if (t.causal ? !triangle || !whole : on.causal !== undefined)
      bad(
        `${t.causal ? 'is' : 'is not'} causal, unlike the relation’s domain`,
        'give domain and output the same causal pair, over the whole axes',
      );
  }

  /** The sum of |terms| of a leaf or an equality. */
  #small(sum: bigint, what: string): void {
    if (sum >= LIMIT)
      this.#fail(
        `the terms of ${what} add up to 2^${sum.toString(2).length}, not below r/4`,
        'narrow the declared widths or rescale in two steps',
      );
  }

  #bits(bits: number, name: string): void {
    if (!Number.isSafeInteger(bits) || bits < 1 || bits > MAX_BITS)
      this.#fail(`${name} is ${bits}`, `choose a width from 1 to ${MAX_BITS}`);
  }

  /** Every value up to `max` must fit `bits`. */
  #fits(max: bigint, bits: number, what: string): void {
    if (max < pow2(bits)) return;
    this.#fail(
      `${what} can reach 2^${(max.toString(2).length - 1).toString()}, its range has ${bits} bits`,
      `set bits to ${max.toString(2).length}`,
    );
  }

  /** A selector: one bit, ranged by its own leaf. Anything else could select with other numbers than 0 and 1. */
  #hot(view: View): void {
    const t = this.#tensors.get(view.tensor, this.#at);
    if (t.bits !== 1 || t.signed || t.range !== 'leaf' || this.#tensors.role(t) !== 'witness')
      this.#fail(
        `the selector ${t.name} is not an unsigned bit with a range of its own`,
        'declare a witness tensor with bits 1, unsigned, range leaf',
        t.name,
      );
  }

  /** The axis of `hot` that `over` indexes is summed whole: unshifted, and of the variable's size where it is alone. */
  #reducible(view: View, over: Var): void {
    const t = this.#tensors.get(view.tensor, this.#at);
    view.index.forEach((parts, a) => {
      for (const p of parts) {
        if (!('var' in p) || p.var !== over.name) continue;
        if ((p.shift ?? 0) !== 0 || (parts.length === 1 && t.axes[a]?.size !== over.size))
          this.#fail(
            `the selector ${t.name} has other cells on its axis than ${over.name}`,
            'give axis and variable one size, without a shift',
            t.name,
          );
      }
    });
  }

  /** An equality holds on the domain only if each of its terms is 0 elsewhere: pads may hold anything. */
  #equality(on: Domain, linear: readonly View[], products: readonly Pick<Product, 'factors' | 'sum'>[]): void {
    const { causal } = on;
    if (!causal) return;
    const zero = (view: View): boolean => vanishes(this.#tensors, view, causal, this.#at);
    const cure =
      'read causal tensors only, multiply by a causal constant of ones, or use a rescale, which is looked up on the domain alone';
    for (const view of linear)
      if (!zero(view))
        this.#fail(`an equality on a causal domain reads ${view.tensor}, which is not 0 above the diagonal`, cure, view.tensor);
    for (const p of products) {
      const contracted = p.sum.some((v) => causal.includes(v.name));
      if (contracted || !p.factors.some((f) => f.every((t) => zero(t.view))))
        this.#fail(
          'an equality on a causal domain has a product that is not 0 above the diagonal',
          cure,
          p.factors[0]?.[0]?.view.tensor ?? '',
        );
    }
  }

  #kind(): void {
    const r = this.#r;
    const at = this.#at;
    const tensors = this.#tensors;
    const views = (l: Linear): readonly View[] => l.map((t) => t.view);
    const read = (view: View): Linear => [{ coef: 1n, view }];
    const sum = (e: Expr): bigint => termSum(tensors, e, at);
    const sumOf = (l: Linear): bigint => linearSum(tensors, l, at);
    const cell = (view: View): bigint => magnitude(declared(tensors.get(view.tensor, at)));
    if ('bits' in r) this.#bits(r.bits, 'bits');
    switch (r.kind) {
      case 'rescale':
        // 0 <= expr + 2^(s−1) − 2^s·out < 2^s has one solution.
        this.#bits(r.shift, 'shift');
        this.#small(sum(r.expr) + pow2(r.shift - 1) + pow2(r.shift) * cell(r.out), 'the remainder');
        return;
      case 'equal':
        this.#small(sum(r.expr) + cell(r.out), 'the equality');
        this.#equality(r.on, [r.out, ...views(r.expr.linear)], r.expr.products);
        return;
      case 'assert':
        this.#small(sum(r.expr), 'the equality');
        this.#equality(r.on, views(r.expr.linear), r.expr.products);
        return;
      case 'map': {
        const table = this.#program.tables.find((t) => t.id === r.table);
        if (!table) return this.#fail(`there is no table ${r.table}`, 'declare it');
        if ((table.y2 === undefined) !== (r.out2 === undefined))
          this.#fail(
            `table ${table.name} has ${table.y2 ? 'two columns' : 'one column'} of values`,
            'give as many outputs as the table has columns',
          );
        this.#small(sum(r.x), 'x');
        return;
      }
      case 'divide': {
        // Both leaves add up to den − 1 >= 0, so den >= 1; then 0 <= num − out·den <= den − 1 has one solution.
        if (r.den.products.length > 0) this.#fail('the divisor has products', 'commit the divisor first');
        if (r.den.linear.length > 0) this.#product([read(r.out), r.den.linear], []);
        const two = r.round ? 2n : 1n;
        const num = two * sum(r.num) + (r.round ? sum(r.den) : 0n);
        this.#small(num + cell(r.out) * two * sum(r.den) + two * sum(r.den) + 1n, 'the remainder');
        this.#fits(two * exprInterval(tensors, r.den, at).hi - 1n, r.bits, 'the remainder');
        return;
      }
      case 'rsqrt': {
        // N >= 0 with m·q² <= N < m·(q + 1)² forces m >= 1 and q >= 0, and then has one solution.
        if (r.numerator < 0n) this.#fail('the numerator is negative', 'choose a power of two');
        this.#product([r.m, read(r.square)], []);
        this.#product([r.m, read(r.out)], []);
        const m = sumOf(r.m);
        this.#small(r.numerator + 1n + m * (cell(r.square) + 2n * cell(r.out) + 1n), 'the remainder');
        this.#small(cell(r.square) + cell(r.out) ** 2n, 'the square');
        const top = linearInterval(tensors, r.m, at).hi;
        const byOut = top * (2n * cell(r.out) + 1n) - 1n;
        const byRoot = 2n * isqrt(r.numerator * top) + 1n + top;
        this.#fits(byOut < byRoot ? byOut : byRoot, r.bits, 'the remainder');
        this.#equality(r.on, [r.square], [{ factors: [read(r.out), read(r.out)], sum: [] }]);
        return;
      }
      case 'isqrt': {
        // q² <= v < (q + 1)² forces v >= 0 and q >= 0, and then has one solution.
        const q = cell(r.out);
        this.#small(q * q + 2n * q + sum(r.of), 'the remainder');
        const root = isqrt(exprInterval(tensors, r.of, at).hi);
        this.#fits(2n * (q < root ? q : root), r.bits, 'the remainder');
        return;
      }
      case 'rowmax':
        this.#rowmax(r);
        return;
      case 'clamp': {
        // h = 0: x <= max, out = x. h = 1: x >= max + 1, out = max. So both are determined.
        this.#hot(r.hot);
        this.#product([read(r.hot), r.of], []);
        const x = sumOf(r.of);
        const max = r.max < 0n ? -r.max : r.max;
        this.#small(3n * (max + x) + 1n + cell(r.out), 'the difference');
        const { lo, hi } = linearInterval(tensors, r.of, at);
        this.#fits(r.max - lo, r.bits, 'the distance below the maximum');
        this.#fits(hi - r.max - 1n, r.bits, 'the distance above the maximum');
        this.#equality(r.on, [r.out, r.hot, ...views(r.of)], [{ factors: [read(r.hot), r.of], sum: [] }]);
        return;
      }
      case 'mantissa': {
        // Σ hot = 1 over bits picks one e; 2^15 <= out < 2^16 and 0 <= of − out·2^e < 2^e leave one e and one out.
        this.#hot(r.hot);
        this.#reducible(r.hot, r.over);
        if (r.over.size > 128) this.#fail(`${r.over.size} exponents`, 'use at most 128');
        const out = tensors.get(r.out.tensor, at);
        if (out.signed) this.#fail(`the mantissa ${out.name} is signed`, 'declare it unsigned', out.name);
        this.#product([read(r.out), read(r.hot)], [r.over]);
        const powers = pow2(r.over.size) - 1n;
        this.#small(sumOf(r.of) + powers * (cell(r.out) + 1n) + 1n, 'the remainder');
        this.#fits(pow2(r.over.size - 1) - 1n, r.bits, 'the remainder');
        this.#equality(r.on, [r.hot], []);
        return;
      }
      case 'onehot':
        this.#onehot(r);
        return;
    }
  }

  /** out >= of everywhere, and one cell of `hot` is 1 in each row and shows a cell where out = of. Only `hot` at ties is free. */
  #rowmax(r: Extract<Relation, { kind: 'rowmax' }>): void {
    const over = r.on.vars.find((v) => v.name === r.over) as Var;
    const row = without(r.on, r.over);
    if (dependsOn(r.out).has(r.over))
      this.#fail(`the maximum ${r.out.tensor} depends on ${r.over}`, 'index it by the other variables', r.out.tensor);
    if (!dependsOn(r.of).has(r.over))
      this.#fail(`${r.of.tensor} does not depend on ${r.over}`, 'take the maximum over a variable of it', r.of.tensor);
    if (!r.hot) return this.#pinned(r, over);
    this.#hot(r.hot);
    this.#reducible(r.hot, over);
    if (r.on.causal?.includes(r.over) && !vanishes(this.#tensors, r.hot, r.on.causal, this.#at))
      this.#fail(`the selector ${r.hot.tensor} could choose a masked cell`, 'declare it causal', r.hot.tensor);
    const { lo, hi } = viewInterval(this.#tensors, r.of, this.#at);
    const out = declared(this.#tensors.get(r.out.tensor, this.#at));
    this.#small(magnitude(out) + BigInt(over.size) * magnitude({ lo, hi }) + 1n, 'the maximum');
    this.#fits((hi < out.hi ? hi : out.hi) - lo, r.bits, 'the distance to the maximum');
    this.#product([[{ coef: 1n, view: r.hot }], [{ coef: 1n, view: r.of }]], [over]);
    const product = { factors: [[{ coef: 1n, view: r.hot }], [{ coef: 1n, view: r.of }]], sum: [over] };
    this.#equality(row, [r.out, r.hot], [product]);
  }

  /**
   * Without a selector: a map on the same domain looks up out − of, so that out >= of everywhere, in a table from 0 on whose second column is 1
   * at 0 alone; and an equality gives a ranged unsigned tensor Σ − 1 over each row of that column, so that out = of somewhere.
   */
  #pinned(r: Extract<Relation, { kind: 'rowmax' }>, over: Var): void {
    const { tables, relations, constants } = this.#program;
    const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);
    const domain = (on: Domain): unknown => [on.vars.map((v) => [v.name, v.size]).sort(), on.causal];
    const marksZero = (column: ArrayLike<number> | undefined): boolean =>
      column !== undefined && column[0] === 1 && Array.prototype.every.call(column, (v, i) => i === 0 || v === 0);
    const counted = (marks: View): boolean =>
      relations.some((e) => {
        if (e.kind !== 'equal' || !same(domain(e.on), domain(without(r.on, r.over)))) return false;
        const [sum, ...more] = e.expr.linear;
        const t = this.#tensors.get(e.out.tensor, this.#at);
        const ranged = !t.signed && t.range === 'leaf' && this.#tensors.role(t) === 'witness';
        const alone = sum !== undefined && more.length === 0 && e.expr.products.length === 0;
        return (
          ranged && alone && e.expr.constant === -1n && sum.coef === 1n && same(sum.view, reduceView(marks, over.name, over.size, 'ones'))
        );
      });
    const pins = relations.some((m) => {
      if (m.kind !== 'map' || !m.out2 || !same(domain(m.on), domain(r.on))) return false;
      const table = tables.find((t) => t.id === m.table);
      const [out, of, ...more] = m.x.linear;
      const difference = out?.coef === 1n && same(out.view, r.out) && of?.coef === -1n && same(of.view, r.of);
      if (!difference || more.length > 0 || m.x.constant !== 0n || m.x.products.length > 0) return false;
      if (table?.lo !== 0 || !marksZero(constants[table.y2 ?? ''])) return false;
      this.#reducible(m.out2, over);
      return counted(m.out2);
    });
    if (!pins)
      this.#fail(
        `nothing shows that ${r.out.tensor} is a maximum of ${r.of.tensor}`,
        'give it a selector, or look out − of up in a table that marks 0, and count the marks of each row',
        r.out.tensor,
      );
  }

  /** Σ hot = 1 over bits gives each chunk one position; positions are digits of the index, so their weights must be those of digits. */
  #onehot(r: Extract<Relation, { kind: 'onehot' }>): void {
    if (r.chunks.length === 0) this.#fail('there are no chunks', 'give at least one');
    let reach = 0n;
    for (const c of [...r.chunks].sort((a, b) => (a.weight < b.weight ? -1 : 1))) {
      this.#hot(c.hot);
      this.#reducible(c.hot, c.over);
      if (c.over.size > MAX_CHUNK) this.#fail(`a chunk has ${c.over.size} positions`, `use chunks of at most ${MAX_CHUNK}`);
      if (c.weight <= reach)
        this.#fail(`weight ${c.weight} of a chunk lets two positions give one index`, `choose a weight above ${reach}`);
      reach += c.weight * BigInt(c.over.size - 1);
    }
    this.#small(linearSum(this.#tensors, r.index, this.#at) + 256n * reach + 256n, 'the index');
    this.#equality(r.on, [...r.chunks.map((c) => c.hot), ...r.index.map((t) => t.view)], []);
  }
}
