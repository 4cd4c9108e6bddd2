/** The encoding of relations: a kind, the domain, then the kind's fields in the order of types.ts. */
import type { Reader, Writer } from './bytes.ts';
import { LIMITS, NAME, TEXT } from './limits.ts';
import type { Domain, Expr, Linear, Part, Product, Relation, Var, View } from './types.ts';

const KINDS: readonly Relation['kind'][] = [
  'rescale',
  'equal',
  'assert',
  'map',
  'divide',
  'rsqrt',
  'isqrt',
  'rowmax',
  'clamp',
  'mantissa',
  'onehot',
];
const REDUCTIONS = ['ones', 'index', 'powers'] as const;

/** Kinds of a part: a variable, a shifted variable, a constant, the index of the proof, then a sum with each of REDUCTIONS. */
const PART = { var: 0, shifted: 1, at: 2, proof: 3, reduce: 4 } as const;

class RelationWriter {
  readonly #w: Writer;
  readonly #tensors: ReadonlyMap<string, number>;

  constructor(w: Writer, tensors: ReadonlyMap<string, number>) {
    this.#w = w;
    this.#tensors = tensors;
  }

  #vars(vars: readonly Var[], field: string): void {
    this.#w.list(vars, LIMITS.variables, field, (v, at) => this.variable(v, at));
  }

  variable(v: Var, field: string): void {
    this.#w.text(v.name, NAME, `${field}.name`);
    this.#w.unsigned(v.size, LIMITS.size, `${field}.size`);
  }

  domain(on: Domain, field: string): void {
    this.#vars(on.vars, `${field}.vars`);
    this.#w.byte(on.causal ? 1 : 0);
    on.causal?.forEach((name) => {
      const i = on.vars.findIndex((v) => v.name === name);
      if (i < 0) throw new Error(`program: ${field}.causal: there is no variable ${name}`);
      this.#w.unsigned(i, LIMITS.variables, `${field}.causal`);
    });
  }

  #part(p: Part, field: string): void {
    const w = this.#w;
    if ('var' in p) {
      const shift = p.shift ?? 0;
      w.byte(shift === 0 ? PART.var : PART.shifted);
      w.text(p.var, NAME, `${field}.var`);
      if (shift !== 0) w.signed(shift, LIMITS.size, `${field}.shift`);
    } else if ('at' in p) {
      w.byte(PART.at);
      w.unsigned(p.at, LIMITS.size, `${field}.at`);
      w.unsigned(p.bits, 32, `${field}.bits`);
    } else if ('proof' in p) {
      w.byte(PART.proof);
      w.unsigned(p.bits, 32, `${field}.bits`);
    } else {
      w.byte(PART.reduce + REDUCTIONS.indexOf(p.reduce));
      w.unsigned(p.size, LIMITS.size, `${field}.size`);
    }
  }

  view(v: View, field: string): void {
    const w = this.#w;
    const tensor = this.#tensors.get(v.tensor);
    if (tensor === undefined) throw new Error(`program: ${field}: there is no tensor ${v.tensor}`);
    w.unsigned(tensor, LIMITS.tensors, `${field}.tensor`);
    w.list(v.index, LIMITS.axes, `${field}.index`, (parts, at) => w.list(parts, LIMITS.variables, at, (p, q) => this.#part(p, q)));
    w.list(v.when ?? [], LIMITS.variables, `${field}.when`, (c, at) => {
      w.text(c.var, NAME, `${at}.var`);
      w.unsigned(c.is, LIMITS.size, `${at}.is`);
    });
  }

  linear(l: Linear, field: string): void {
    this.#w.list(l, LIMITS.terms, field, (t, at) => {
      this.#w.integer(t.coef, `${at}.coef`);
      this.view(t.view, `${at}.view`);
    });
  }

  expr(e: Expr, field: string): void {
    this.#w.integer(e.constant, `${field}.constant`);
    this.linear(e.linear, `${field}.linear`);
    this.#w.list(e.products, LIMITS.terms, `${field}.products`, (p, at) => {
      this.#w.integer(p.coef, `${at}.coef`);
      this.#w.list(p.factors, LIMITS.terms, `${at}.factors`, (l, q) => this.linear(l, q));
      this.#vars(p.sum, `${at}.sum`);
    });
  }
}

/** Appends one relation; `tensors` are the program's tensor names in order. */
export function encodeRelation(w: Writer, r: Relation, tensors: ReadonlyMap<string, number>, field: string): void {
  const x = new RelationWriter(w, tensors);
  const at = (name: string): string => `${field}.${name}`;
  w.byte(KINDS.indexOf(r.kind));
  x.domain(r.on, at('on'));
  switch (r.kind) {
    case 'rescale':
      x.view(r.out, at('out'));
      x.expr(r.expr, at('expr'));
      w.unsigned(r.shift, LIMITS.bits, at('shift'));
      return;
    case 'equal':
      x.view(r.out, at('out'));
      x.expr(r.expr, at('expr'));
      return;
    case 'assert':
      x.expr(r.expr, at('expr'));
      w.text(r.why, TEXT, at('why'));
      return;
    case 'map':
      w.unsigned(r.table, LIMITS.tableId, at('table'));
      x.expr(r.x, at('x'));
      x.view(r.out, at('out'));
      w.byte(r.out2 ? 1 : 0);
      if (r.out2) x.view(r.out2, at('out2'));
      return;
    case 'divide':
      x.view(r.out, at('out'));
      x.expr(r.num, at('num'));
      x.expr(r.den, at('den'));
      w.unsigned(r.bits, LIMITS.bits, at('bits'));
      w.byte(r.round ? 1 : 0);
      return;
    case 'rsqrt':
      x.view(r.out, at('out'));
      x.view(r.square, at('square'));
      w.integer(r.numerator, at('numerator'));
      x.linear(r.m, at('m'));
      w.unsigned(r.bits, LIMITS.bits, at('bits'));
      return;
    case 'isqrt':
      x.view(r.out, at('out'));
      x.expr(r.of, at('of'));
      w.unsigned(r.bits, LIMITS.bits, at('bits'));
      return;
    case 'rowmax':
      w.text(r.over, NAME, at('over'));
      x.view(r.out, at('out'));
      x.view(r.hot, at('hot'));
      x.view(r.of, at('of'));
      w.unsigned(r.bits, LIMITS.bits, at('bits'));
      return;
    case 'clamp':
      x.view(r.out, at('out'));
      x.view(r.hot, at('hot'));
      x.linear(r.of, at('of'));
      w.integer(r.max, at('max'));
      w.unsigned(r.bits, LIMITS.bits, at('bits'));
      return;
    case 'mantissa':
      x.variable(r.over, at('over'));
      x.view(r.out, at('out'));
      x.view(r.hot, at('hot'));
      x.linear(r.of, at('of'));
      w.unsigned(r.bits, LIMITS.bits, at('bits'));
      return;
    case 'onehot':
      x.linear(r.index, at('index'));
      w.list(r.chunks, LIMITS.terms, at('chunks'), (c, q) => {
        x.view(c.hot, `${q}.hot`);
        x.variable(c.over, `${q}.over`);
        w.integer(c.weight, `${q}.weight`);
      });
      return;
  }
}

class RelationReader {
  readonly #r: Reader;
  readonly #tensors: readonly string[];

  constructor(r: Reader, tensors: readonly string[]) {
    this.#r = r;
    this.#tensors = tensors;
  }

  variable(field: string): Var {
    const name = this.#r.text(NAME, LIMITS.nameBytes, `${field}.name`);
    return { name, size: this.#r.unsigned(LIMITS.size, `${field}.size`) };
  }

  #vars(field: string): Var[] {
    const vars = this.#r.list(LIMITS.variables, field, (at) => this.variable(at));
    vars.forEach((v, i) => {
      if (vars.findIndex((x) => x.name === v.name) < i) this.#r.refuse(`${field}[${i}].name`, `${v.name} occurs twice`);
    });
    return vars;
  }

  domain(field: string): Domain {
    const vars = this.#vars(`${field}.vars`);
    if (!this.#r.flag(`${field}.causal`)) return { vars };
    const name = (): string => (vars[this.#r.index(vars.length, `${field}.causal`)] as Var).name;
    return { vars, causal: [name(), name()] };
  }

  #part(field: string): Part {
    const r = this.#r;
    const kind = r.index(PART.reduce + REDUCTIONS.length, `${field}.kind`);
    if (kind === PART.var) return { var: r.text(NAME, LIMITS.nameBytes, `${field}.var`) };
    if (kind === PART.shifted) {
      const name = r.text(NAME, LIMITS.nameBytes, `${field}.var`);
      const shift = r.signed(LIMITS.size, `${field}.shift`);
      if (shift === 0) r.refuse(`${field}.shift`, 'is 0, which is written without a shift');
      return { var: name, shift };
    }
    if (kind === PART.at) {
      const at = r.unsigned(LIMITS.size, `${field}.at`);
      return { at, bits: r.unsigned(32, `${field}.bits`) };
    }
    if (kind === PART.proof) return { proof: true, bits: r.unsigned(32, `${field}.bits`) };
    const reduce = REDUCTIONS[kind - PART.reduce] as (typeof REDUCTIONS)[number];
    return { reduce, size: r.unsigned(LIMITS.size, `${field}.size`) };
  }

  view(field: string): View {
    const r = this.#r;
    const tensor = this.#tensors[r.index(this.#tensors.length, `${field}.tensor`)] as string;
    const index = r.list(LIMITS.axes, `${field}.index`, (at) => r.list(LIMITS.variables, at, (q) => this.#part(q)));
    const when = r.list(LIMITS.variables, `${field}.when`, (at) => {
      const name = r.text(NAME, LIMITS.nameBytes, `${at}.var`);
      return { var: name, is: r.unsigned(LIMITS.size, `${at}.is`) };
    });
    return when.length > 0 ? { tensor, index, when } : { tensor, index };
  }

  linear(field: string): Linear {
    return this.#r.list(LIMITS.terms, field, (at) => {
      const coef = this.#r.integer(`${at}.coef`);
      return { coef, view: this.view(`${at}.view`) };
    });
  }

  expr(field: string): Expr {
    const constant = this.#r.integer(`${field}.constant`);
    const linear = this.linear(`${field}.linear`);
    const products = this.#r.list(LIMITS.terms, `${field}.products`, (at): Product => {
      const coef = this.#r.integer(`${at}.coef`);
      const factors = this.#r.list(LIMITS.terms, `${at}.factors`, (q) => this.linear(q));
      return { coef, factors, sum: this.#vars(`${at}.sum`) };
    });
    return { constant, linear, products };
  }
}

/** Reads one relation; `tensors` are the program's tensor names in order. */
export function decodeRelation(r: Reader, tensors: readonly string[], field: string): Relation {
  const x = new RelationReader(r, tensors);
  const at = (name: string): string => `${field}.${name}`;
  const bits = (): number => r.unsigned(LIMITS.bits, at('bits'));
  const kind = KINDS[r.index(KINDS.length, at('kind'))] as Relation['kind'];
  const on = x.domain(at('on'));
  // Properties of an object literal are evaluated in the order in which they are written: the order of the fields.
  switch (kind) {
    case 'rescale':
      return { kind, on, out: x.view(at('out')), expr: x.expr(at('expr')), shift: r.unsigned(LIMITS.bits, at('shift')) };
    case 'equal':
      return { kind, on, out: x.view(at('out')), expr: x.expr(at('expr')) };
    case 'assert':
      return { kind, on, expr: x.expr(at('expr')), why: r.text(TEXT, LIMITS.textBytes, at('why')) };
    case 'map': {
      const base = { kind, on, table: r.unsigned(LIMITS.tableId, at('table')), x: x.expr(at('x')), out: x.view(at('out')) };
      return r.flag(at('out2')) ? { ...base, out2: x.view(at('out2')) } : base;
    }
    case 'divide':
      return { kind, on, out: x.view(at('out')), num: x.expr(at('num')), den: x.expr(at('den')), bits: bits(), round: r.flag(at('round')) };
    case 'rsqrt':
      return {
        kind,
        on,
        out: x.view(at('out')),
        square: x.view(at('square')),
        numerator: r.integer(at('numerator')),
        m: x.linear(at('m')),
        bits: bits(),
      };
    case 'isqrt':
      return { kind, on, out: x.view(at('out')), of: x.expr(at('of')), bits: bits() };
    case 'rowmax': {
      const over = r.text(NAME, LIMITS.nameBytes, at('over'));
      return { kind, on, over, out: x.view(at('out')), hot: x.view(at('hot')), of: x.view(at('of')), bits: bits() };
    }
    case 'clamp':
      return { kind, on, out: x.view(at('out')), hot: x.view(at('hot')), of: x.linear(at('of')), max: r.integer(at('max')), bits: bits() };
    case 'mantissa': {
      const over = x.variable(at('over'));
      return { kind, on, over, out: x.view(at('out')), hot: x.view(at('hot')), of: x.linear(at('of')), bits: bits() };
    }
    case 'onehot': {
      const index = x.linear(at('index'));
      const chunks = r.list(LIMITS.terms, at('chunks'), (q) => {
        const hot = x.view(`${q}.hot`);
        const over = x.variable(`${q}.over`);
        return { hot, over, weight: r.integer(`${q}.weight`) };
      });
      return { kind, on, index, chunks };
    }
  }
}
