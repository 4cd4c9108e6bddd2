/** Kernels of a layer's sumcheck. A cell is two neighbouring nodes, p0, q0, p1, q1; a pair is the two cells that a round combines. */
import type { Kernel } from './kernel.ts';
import { GROUP_SUM } from './sums.ts';

/** Bytes of a cell. */
export const CELL = 128;
/** Groups of the point's coordinates with eq tables of their own, the last coordinates first. */
export const EQ_GROUPS = 3;

/**
 * Item g: tables T_0 … T_m of eq at the g-th group of coordinates, T_k over its last k ones from element 2^k − 1 of the group's part on.
 * Words: coordinates, those of a group, elements of a group's part.
 */
export const EQ_SUFFIXES: Kernel = {
  name: 'tables of eq over suffixes of a point',
  fields: ['F'],
  slots: [
    { name: 'point', type: 'vec4u', access: 'read' },
    { name: 'out', type: 'vec4u', access: 'write' },
  ],
  size: 256,
  per: 'workgroup',
  body: `
  let begin = item * word(2u);
  let after = item * word(1u);
  let size = select(0u, min(word(1u), word(0u) - after), after < word(0u));
  if (local == 0u) { storeF_out(begin, oneF()); }
  for (var k = 0u; k < size; k++) {
    storageBarrier();
    let r = loadF_point(word(0u) - 1u - after - k);
    let below = begin + (1u << k) - 1u;
    let above = begin + (2u << k) - 1u;
    for (var x = local; x < (1u << k); x += 256u) {
      let t = loadF_out(below + x);
      let high = mulF(t, r);
      storeF_out(above + x, subF(t, high));
      storeF_out(above + (1u << k) + x, high);
    }
  }`,
};

/** Words of LAYER. */
export interface LayerWords {
  /** Pairs of an item, a power of two. */
  readonly pairs: number;
  /** The first pair of the first item. */
  readonly first: number;
  /** By argument a, b, c, d: pairs whose cells are there; from then on cells are 0/1 twice. */
  readonly limits: readonly number[];
  readonly binds: boolean;
  /** Cells of an argument that belong to one pair: 1, or 2 (b and d are the second ones of a and c). */
  readonly stride: 1 | 2;
  /** Whether h(1) is wanted. */
  readonly all: boolean;
  /** Whether p1 has yet to become p1 + λ·q1. */
  readonly fold: boolean;
  /** Coordinates in the eq tables of each group, elements of a group's part. */
  readonly eq: readonly [number, number, number, number];
  /** In Montgomery form. */
  readonly challenge: bigint;
  readonly lambda: bigint;
}

export const layerWords = (w: LayerWords): (number | bigint)[] => [
  w.pairs,
  w.first,
  ...w.limits,
  Number(w.binds),
  w.stride,
  Number(w.all),
  Number(w.fold),
  ...w.eq,
  w.challenge,
  w.lambda,
];

/**
 * A round: binds a challenge, cells a to b and c to d, if it is to; writes the pairs; and leaves an item's sums of eq·(h − λ) at 0 and 1 and eq times
 * the coefficient of t² in h, where h(t) is p0·q1 + q0·(p1 + λ·q1) on the line through the pair. λ is the value of a cell of 0/1 twice, so that
 * those add nothing. Products are loops over few instances of `mulF`, as code that is longer than a core's instruction memory is slow.
 */
export const LAYER: Kernel = {
  name: 'round of a layer',
  fields: ['F'],
  slots: [
    ...(['a', 'b', 'c', 'd'] as const).map((name) => ({ name, type: 'vec4u' as const, access: 'read' as const })),
    { name: 'out', type: 'vec4u', access: 'write' },
    { name: 'eq', type: 'vec4u', access: 'read' },
    { name: 'partials', type: 'vec4u', access: 'write' },
  ],
  size: 64,
  per: 'workgroup',
  code: `${GROUP_SUM}
struct Cell { p0: F, q0: F, p1: F, q1: F }
fn load(k: u32, i: u32) -> F {
  var low: vec4u;
  var high: vec4u;
  switch k {
    case 0u: { low = a[2u * i]; high = a[2u * i + 1u]; }
    case 1u: { low = b[2u * i]; high = b[2u * i + 1u]; }
    case 2u: { low = c[2u * i]; high = c[2u * i + 1u]; }
    default: { low = d[2u * i]; high = d[2u * i + 1u]; }
  }
  return unpackF(low, high);
}
fn pick(low: F, high: F, t: u32) -> F {
  let value = selectF(low, high, t != 0u);
  return subF(value, selectF(zeroF(), low, t == 2u));
}
// λ where a cell is 0/1 twice and p1 is p1 + λ·q1.
fn nothing(part: u32, folded: bool) -> F {
  return selectF(selectF(zeroF(), constantF(22u), part == 2u && folded), oneF(), (part & 1u) == 1u);
}`,
  body: `
  let pairs = word(0u);
  let begin = word(1u) + (parameter(1u) + item) * pairs;
  let binds = word(6u) == 1u;
  let stride = 4u * word(7u);
  let fold = word(9u) == 1u;
  let at = vec4u(at_a, at_b, at_c, at_d) + item;
  var sum0 = zeroF();
  var sum1 = zeroF();
  var sum2 = zeroF();
  for (var i = local; i < pairs; i += 64u) {
    let pair = begin + i;
    if (pair >= word(2u)) { break; }
    var low: Cell;
    var high: Cell;
    for (var e = 0u; e < 8u; e++) {
      // p0, q0, q1, p1 of the lower cell, then of the upper one.
      let k = 2u * (e >> 2u);
      let part = (e & 3u) ^ ((e & 2u) >> 1u);
      var value = nothing(part, !fold);
      if (binds) {
        var other = value;
        if (pair < word(3u + k)) { other = load(k + 1u, (at[k + 1u] * pairs + i) * stride + stride - 4u + part); }
        if (pair < word(2u + k)) { value = load(k, (at[k] * pairs + i) * stride + part); }
        value = addF(value, mulF(constantF(14u), subF(other, value)));
      } else if (pair < word(2u + k)) {
        value = load(k, (at[k] * pairs + i) * stride + part);
      }
      if (fold && part == 2u) { value = addF(value, mulF(constantF(22u), high.q1)); }
      if (binds) { storeF_out(((at_out + item) * pairs + i) * 8u + 2u * k + part, value); }
      switch part {
        case 0u: { low.p0 = selectF(value, low.p0, k == 2u); high.p0 = value; }
        case 1u: { low.q0 = selectF(value, low.q0, k == 2u); high.q0 = value; }
        case 2u: { low.p1 = selectF(value, low.p1, k == 2u); high.p1 = value; }
        default: { low.q1 = selectF(value, low.q1, k == 2u); high.q1 = value; }
      }
    }
    let mask = (1u << word(10u)) - 1u;
    let weight = loadF_eq(mask + (pair & mask));
    for (var t = 0u; t < 3u; t++) {
      if (t == 1u && word(8u) == 0u) { continue; }
      let product = mulF(pick(low.p0, high.p0, t), pick(low.q1, high.q1, t));
      let h = addF(product, mulF(pick(low.q0, high.q0, t), pick(low.p1, high.p1, t)));
      let term = mulF(weight, subF(h, selectF(constantF(22u), zeroF(), t == 2u)));
      if (t == 0u) { sum0 = addF(sum0, term); } else if (t == 1u) { sum1 = addF(sum1, term); } else { sum2 = addF(sum2, term); }
    }
  }
  var own = zeroF();
  for (var t = 0u; t < 3u; t++) {
    let total = groupSumF(selectF(selectF(sum0, sum1, t == 1u), sum2, t == 2u), local);
    if (local == t) { own = total; }
  }
  if (local < 3u) {
    let upper = begin >> word(10u);
    let middle = (1u << word(11u)) - 1u;
    let top = (1u << word(12u)) - 1u;
    own = mulF(own, loadF_eq(word(13u) + middle + (upper & middle)));
    own = mulF(own, loadF_eq(2u * word(13u) + top + (upper >> word(11u))));
    storeF_partials((at_partials + item) * 3u + local, own);
  }`,
};

export const KERNELS: readonly Kernel[] = [EQ_SUFFIXES, LAYER];
