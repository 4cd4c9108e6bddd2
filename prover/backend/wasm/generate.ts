/**
 * Writes the AssemblyScript of the field kernels: straight-line code over two elements at a time. Every function takes the address
 * `K` of a modulus's constants (constants.ts). `limbs` means five f64x2 words (80 bytes) whose lanes are two elements.
 */
import { OFFSET } from './constants.ts';

const five = [0, 1, 2, 3, 4];
const ten = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
const constant = (offset: number): string => `v128.load(K, ${offset})`;

/** How a limb product is split: `h` = C1 plus the product to the nearest multiple of X, `l` = C3 plus the rest. */
interface Halves {
  readonly variables: string;
  /** Once for a factor x. */
  readonly prepare: (x: string) => string;
  readonly of: (x: string, y: string) => string;
  /** x·y + z where the product is exact. */
  readonly madd: string;
  /** Whether this machine computes so. */
  readonly probe: string;
}

const FUSED: Halves = {
  variables: '',
  prepare: () => '',
  of: (x, y) => `h = f64x2.relaxed_madd(${x}, ${y}, C1); l = f64x2.relaxed_madd(${x}, ${y}, f64x2.sub(C2, h));`,
  madd: 'return f64x2.relaxed_madd(x, y, z);',
  // (1 + e)² − (1 + 2e) = e², which rounding the product first would lose.
  probe: `
  const x = f64x2.splat(1.000000059604644775390625);
  return f64x2.extract_lane(f64x2.relaxed_madd(x, x, f64x2.splat(-1.00000011920928955078125)), 0) == 3.552713678800501e-15;`,
};

/** Without fused multiply-add: factors split at 26 bits, so that all partial products and sums are exact (T. J. Dekker, 1971). */
const SPLIT = `f64x2.splat(${3n * 2n ** 77n}.0)`;
const PORTABLE: Halves = {
  variables: 'let u: v128, w: v128, f: v128, g: v128, m: v128, c: v128;',
  prepare: (x) => `u = f64x2.sub(f64x2.add(${x}, ${SPLIT}), ${SPLIT}); w = f64x2.sub(${x}, u);`,
  of: (_, y) =>
    `f = f64x2.sub(f64x2.add(${y}, ${SPLIT}), ${SPLIT}); g = f64x2.sub(${y}, f); m = f64x2.add(f64x2.mul(u, g), f64x2.mul(w, f)); ` +
    `c = f64x2.sub(f64x2.add(m, C1), C1); h = f64x2.add(f64x2.add(f64x2.mul(u, f), c), C1); ` +
    `l = f64x2.add(f64x2.add(f64x2.sub(m, c), f64x2.mul(w, g)), f64x2.splat(${3n * 2n ** 51n}.0));`,
  madd: 'return f64x2.add(f64x2.mul(x, y), z);',
  probe: 'return true;',
};

/** The source of the field's kernels: for machines with fused multiply-add and relaxed SIMD, or for all. */
export function fieldSource(fused: boolean): string {
  const halves = fused ? FUSED : PORTABLE;
  /** Adds the halves of x·y, x prepared, to the limbs k and k + 1. */
  const addHalves = (x: string, y: string, k: number): string =>
    `${halves.of(x, y)} s${k} = i64x2.add(s${k}, l); s${k + 1} = i64x2.add(s${k + 1}, h);`;
  /** Adds the halves of x·y_j (j = 0…4) to limbs `at + j`. */
  const addProduct = (x: string, y: (j: number) => string, at: number): string =>
    `${halves.prepare(x)}\n${five.map((j) => addHalves(x, y(j), at + j)).join('\n')}`;

  const begin = `
  const C1 = ${constant(OFFSET.c1)}; const C2 = ${constant(OFFSET.c2)};
  let h: v128, l: v128; ${halves.variables}`;
  const reductionConstants = `
  const M = ${constant(OFFSET.mask)}; const MAGIC = ${constant(OFFSET.magic)}; const UNCENTER = ${constant(OFFSET.uncenter)};
  const C3 = ${constant(OFFSET.c3)};`;

  const product = `
  ${five.map((j) => `const b${j} = v128.load(b, ${16 * j});`).join(' ')}
  ${five.map((i) => `const a${i} = v128.load(a, ${16 * i});\n${addProduct(`a${i}`, (j) => `b${j}`, i)}`).join('\n')}`;

  /** a·d + b·c of the four values (80 bytes each) at a. */
  const cross = ([x, y]: readonly [number, number]): string => `{
  ${five.map((j) => `const b${j} = v128.load(a, ${y + 16 * j});`).join(' ')}
  ${five.map((i) => `const a${i} = v128.load(a, ${x + 16 * i});\n${addProduct(`a${i}`, (j) => `b${j}`, i)}`).join('\n')} }`;
  const crossed = `${cross([0, 240])} ${cross([80, 160])}`;

  /** Products i < j are taken once, with a factor doubled. */
  const square = `
  ${five.map((j) => `const a${j} = v128.load(a, ${16 * j}); const b${j} = f64x2.add(a${j}, a${j});`).join(' ')}
  ${five
    .map(
      (i) =>
        `${halves.prepare(`a${i}`)}\n${five
          .slice(i)
          .map((j) => addHalves(`a${i}`, j === i ? `a${i}` : `b${j}`, i + j))
          .join('\n')}`,
    )
    .join('\n')}`;

  /** The limb s_k as a centered double; its carry goes to s_{k+1}. */
  const extract = (k: number): string => `
  const d${k} = f64x2.sub(v128.or(v128.and(s${k}, M), MAGIC), UNCENTER);
  s${k + 1} = i64x2.add(s${k + 1}, i64x2.shr_u(s${k}, 51));`;

  /** s9 holds the value's top limb plus C3's bits and a carry of 2^11; a multiple of p near it is taken off all limbs. */
  const takeOff = `
  const top = i64x2.sub(s9, i64x2.splat(0x4338000000000000));
  const k0 = i64x2.extract_lane(top, 0) / <i64>(load<u64>(K, ${OFFSET.p64 + 24}) >> 12), k1 = i64x2.extract_lane(top, 1) / <i64>(load<u64>(K, ${OFFSET.p64 + 24}) >> 12);
  const k = i64x2.replace_lane(i64x2.splat(k0), 1, k1);
  ${five.map((j) => `s${5 + j} = i64x2.sub(s${5 + j}, i64x2.mul(k, ${`v128.load(K, ${OFFSET.pWords + 16 * j})`}));`).join(' ')}`;

  const load = (offset: number) => (j: number) => constant(offset + 16 * j);

  /** Montgomery's step for the limb s_at. */
  const lastStep = (at: number): string => `
  const d${at} = f64x2.sub(v128.or(v128.and(s${at}, M), MAGIC), UNCENTER);
  ${halves.prepare(`d${at}`)} ${halves.of(`d${at}`, constant(OFFSET.mu))}
  const q = f64x2.sub(l, C3);
  ${addProduct('q', load(OFFSET.p), at)}
  s${at + 1} = i64x2.add(s${at + 1}, i64x2.shr_u(s${at}, 51));`;

  /** Five limbs from s_from, carried and stored. */
  const storeLimbs = (from: number): string => `
  ${[0, 1, 2, 3].map((k) => extract(from + k)).join('')}
  ${[0, 1, 2, 3].map((k) => `v128.store(o, d${from + k}, ${16 * k});`).join(' ')}
  v128.store(o, f64x2.sub(s${from + 4}, C3), 64);`;

  /** Digits v0 … v3 and the top one as packed elements at oa and ob. */
  const words = (top: string): string => `const w0 = v128.or(v0, i64x2.shl(v1, 51)), w1 = v128.or(i64x2.shr_u(v1, 13), i64x2.shl(v2, 38));
  const w2 = v128.or(i64x2.shr_u(v2, 26), i64x2.shl(v3, 25)), w3 = v128.or(i64x2.shr_u(v3, 39), i64x2.shl(${top}, 12));
  v128.store(oa, v128.shuffle<i64>(w0, w1, 0, 2)); v128.store(oa, v128.shuffle<i64>(w2, w3, 0, 2), 16);
  v128.store(ob, v128.shuffle<i64>(w0, w1, 1, 3)); v128.store(ob, v128.shuffle<i64>(w2, w3, 1, 3), 16);`;

  /** The reduction in stages, each a chain that the next one waits for. */
  const reductionStages = [
    `${extract(0)} ${extract(1)}
  ${addProduct('d0', load(OFFSET.x2), 2)}
  ${addProduct('d1', load(OFFSET.x1), 2)}`,
    `${extract(2)} ${extract(3)}
  ${addProduct('d2', load(OFFSET.x2), 4)}
  ${addProduct('d3', load(OFFSET.x1), 4)}`,
    lastStep(4),
    storeLimbs(5),
  ];
  const [stage0, stage1, stage2, stage3] = reductionStages as [string, string, string, string];
  const reduction = (wide: boolean): string => `${reductionConstants} ${stage0} ${stage1} ${stage2} ${wide ? takeOff : ''} ${stage3}`;

  const start = (offset: number): string => ten.map((k) => `let s${k} = ${constant(offset + 16 * k)};`).join(' ');
  const startFrom = (offset: number): string =>
    ten.map((k) => `let s${k} = i64x2.add(v128.load(a, ${16 * k}), ${constant(offset + 16 * k)});`).join(' ');

  const mulStages = [`${start(OFFSET.biasMul)} ${product}`, ...reductionStages];
  const squareStages = [`${start(OFFSET.biasSquare)} ${square}`, ...reductionStages];
  const reduceStages = [startFrom(OFFSET.biasReduce), ...reductionStages];

  /** Limbs s_{last + 1} … s_{last + 5}, a value below 16·p in size, as packed elements: a multiple of p is taken off, then digits. */
  const packStages = (last: number): string[] => [
    `const top = i64x2.add(i64x2.add(s${last + 5}, i64x2.shr_u(s${last + 4}, 51)), i64x2.splat(1 << 54));
  const eighth = f64x2.sub(v128.or(i64x2.shr_u(top, 3), MAGIC), C3);
  const k = f64x2.floor(f64x2.sub(f64x2.mul(eighth, f64x2.mul(${constant(OFFSET.invP)}, f64x2.splat(8))), ${constant(OFFSET.tiny)}));
  ${five
    .map(
      (j) =>
        `s${last + j + 1} = i64x2.sub(s${last + j + 1}, i64x2.add(i64x2.sub(madd(k, ${constant(OFFSET.pLow + 16 * j)}, C3), B), ` +
        `i64x2.shl(i64x2.sub(madd(k, ${constant(OFFSET.pHigh + 16 * j)}, C3), B), 26)));`,
    )
    .join('\n')}`,
    `${[1, 2, 3, 4].map((k) => `const v${k - 1} = v128.and(s${last + k}, M); s${last + k + 1} = i64x2.add(s${last + k + 1}, i64x2.shr_u(s${last + k}, 51));`).join('\n')}
  ${words(`s${last + 5}`)}`,
  ];

  const mulPackStages = [`${start(OFFSET.biasMulPack)} ${product}`, stage0, stage1, stage2, ...packStages(4)];
  const crossStages = [`${start(OFFSET.biasCross)} ${crossed}`, ...reductionStages];
  const crossPackStages = [`${start(OFFSET.biasCrossPack)} ${crossed}`, stage0, stage1, stage2, ...packStages(4)];

  const affineConstants = 'const B = i64x2.splat(0x4338000000000000);';
  const affineStages = [
    `${[0, 1, 2, 3, 4, 5].map((k) => `let s${k} = ${constant(OFFSET.biasAffine + 16 * k)};`).join(' ')}
  ${five.map((i) => `const a${i} = v128.load(x, ${16 * i});\n${addProduct(`a${i}`, (j) => `v128.load(table, ${80 * i + 16 * j})`, 0)}`).join('\n')}`,
    `${lastStep(0)}
  ${five.map((j) => `s${j + 1} = i64x2.add(s${j + 1}, f64x2.add(v128.load(y, ${16 * j}), C3));`).join('\n')}`,
    ...packStages(0),
  ];

  /** Digits in [0, X) of two packed elements at a and b, as integers v0 … v4, by way of the words w0 … w3. */
  const digits = (a: string, b: string, v: string, w: number, load: number): string => `
  const b${load} = v128.load(${a}), b${load + 1} = v128.load(${a}, 16), b${load + 2} = v128.load(${b}), b${load + 3} = v128.load(${b}, 16);
  const w${w} = v128.shuffle<i64>(b${load}, b${load + 2}, 0, 2), w${w + 1} = v128.shuffle<i64>(b${load}, b${load + 2}, 1, 3);
  const w${w + 2} = v128.shuffle<i64>(b${load + 1}, b${load + 3}, 0, 2), w${w + 3} = v128.shuffle<i64>(b${load + 1}, b${load + 3}, 1, 3);
  const ${v}0 = v128.and(w${w}, M);
  const ${v}1 = v128.and(v128.or(i64x2.shr_u(w${w}, 51), i64x2.shl(w${w + 1}, 13)), M);
  const ${v}2 = v128.and(v128.or(i64x2.shr_u(w${w + 1}, 38), i64x2.shl(w${w + 2}, 26)), M);
  const ${v}3 = v128.and(v128.or(i64x2.shr_u(w${w + 2}, 25), i64x2.shl(w${w + 3}, 39)), M);
  const ${v}4 = i64x2.shr_u(w${w + 3}, 12);`;
  const bothDigits = `${digits('a', 'b', 'v', 0, 0)} ${digits('x', 'y', 'd', 4, 4)}`;
  /** v + c·x by c's table, the limbs of x as `limb` says. */
  const packedAffine = (limb: (i: number) => string): string[] => [
    `${[0, 1, 2, 3, 4, 5].map((k) => `let s${k} = ${constant(OFFSET.biasBind + 16 * k)};`).join(' ')}
  { ${bothDigits}
  ${five.map((j) => `s${j + 1} = i64x2.add(s${j + 1}, v${j});`).join(' ')}
  ${five
    .map(
      (i) =>
        `const a${i} = f64x2.sub(i64x2.add(${limb(i)}, B), C3);\n` + addProduct(`a${i}`, (j) => `v128.load(table, ${80 * i + 16 * j})`, 0),
    )
    .join('\n')} }`,
    lastStep(0),
    ...packStages(0),
  ];
  const bindStages = packedAffine((i) => `i64x2.sub(d${i}, v${i})`);
  const foldStages = packedAffine((i) => `d${i}`);

  /** Gives the variables of a computation a suffix. */
  const named = (code: string, suffix: string): string =>
    code.replace(/\b(s\d|d\d|a\d|b\d|v\d|w\d|oa|ob|top|eighth|[hlqoabuwfgmckxy])\b/g, (name) => `${name}_${suffix}`);

  /** Two independent computations, stage by stage, so that one's latency hides behind the other. Names get the suffix 1 or 2. */
  const interleave = (first: readonly string[], second: readonly string[]): string => {
    const stages = first.map((code, k) => `${named(code, '1')} ${named(second[k] as string, '2')}`);
    return `
  const C1 = ${constant(OFFSET.c1)}; const C2 = ${constant(OFFSET.c2)};
  let h_1: v128, l_1: v128, h_2: v128, l_2: v128; ${named(halves.variables, '1')} ${named(halves.variables, '2')} ${reductionConstants}
  ${stages.join('\n')}`;
  };

  const each = (f: (j: number) => string): string => five.map(f).join('\n  ');

  /** Zero, as limbs that bring sums of two limbs in [0, 2^51) into [−2^51, 2^51]. */
  const CENTERS = [-(2n ** 51n), 1n - 2n ** 51n, 1n - 2n ** 51n, 1n - 2n ** 51n, 1n].map((c) => `${c}.0`);
  /** Limb j of a sum of limbs in [0, 2^51), as a limb in [−2^51, 2^51]. */
  const centeredSum = (x: string, y: string, j: number): string => `f64x2.add(f64x2.add(${x}, ${y}), f64x2.splat(${CENTERS[j]}))`;

  const unpackConstants = `const M = ${constant(OFFSET.mask)}; const MAGIC = ${constant(OFFSET.magic)}; const T52 = f64x2.splat(4503599627370496.0);`;
  /** Limbs x0 … x4 in [0, 2^51) of the packed elements at a and b. */
  const unpacked = (x: string, a: string, b: string): string => {
    const w = `w${x}`;
    return `
  const ${w}a0 = v128.load(${a}), ${w}a1 = v128.load(${a}, 16), ${w}b0 = v128.load(${b}), ${w}b1 = v128.load(${b}, 16);
  const ${w}0 = v128.shuffle<i64>(${w}a0, ${w}b0, 0, 2), ${w}1 = v128.shuffle<i64>(${w}a0, ${w}b0, 1, 3);
  const ${w}2 = v128.shuffle<i64>(${w}a1, ${w}b1, 0, 2), ${w}3 = v128.shuffle<i64>(${w}a1, ${w}b1, 1, 3);
  const ${x}0 = f64x2.sub(v128.or(v128.and(${w}0, M), MAGIC), T52);
  const ${x}1 = f64x2.sub(v128.or(v128.and(v128.or(i64x2.shr_u(${w}0, 51), i64x2.shl(${w}1, 13)), M), MAGIC), T52);
  const ${x}2 = f64x2.sub(v128.or(v128.and(v128.or(i64x2.shr_u(${w}1, 38), i64x2.shl(${w}2, 26)), M), MAGIC), T52);
  const ${x}3 = f64x2.sub(v128.or(v128.and(v128.or(i64x2.shr_u(${w}2, 25), i64x2.shl(${w}3, 39)), M), MAGIC), T52);
  const ${x}4 = f64x2.sub(v128.or(i64x2.shr_u(${w}3, 12), MAGIC), T52);`;
  };

  const packConstants = `
  const M = ${constant(OFFSET.mask)}; const C1 = ${constant(OFFSET.c1)}; const C3 = ${constant(OFFSET.c3)};
  const S = f64x2.splat(4.440892098500626e-16);`;
  /** Limbs a0 … a4 to digits v0 … v4 and to packed elements at oa and ob. */
  const pack = `
  const top = f64x2.add(a4, f64x2.mul(a3, S));
  const k = f64x2.neg(f64x2.floor(f64x2.sub(f64x2.mul(top, ${constant(OFFSET.invP)}), ${constant(OFFSET.tiny)})));
  ${each((j) => `const r${j} = madd(k, ${constant(OFFSET.p + 16 * j)}, a${j});`)}
  ${[0, 1, 2, 3].map((j) => `const c${j} = f64x2.sub(f64x2.add(r${j}, C1), C1);`).join('\n  ')}
  const B = i64x2.splat((1 << 62) - 0x4338000000000000); const D = i64x2.splat(-(1 << 11));
  let t = i64x2.add(f64x2.add(f64x2.sub(r0, c0), C3), B);
  const v0 = v128.and(t, M);
  ${[1, 2, 3]
    .map(
      (j) =>
        `t = i64x2.add(i64x2.add(f64x2.add(madd(c${j - 1}, S, f64x2.sub(r${j}, c${j})), C3), B), i64x2.add(i64x2.shr_u(t, 51), D)); const v${j} = v128.and(t, M);`,
    )
    .join('\n  ')}
  const v4 = i64x2.add(i64x2.sub(f64x2.add(madd(c3, S, r4), C3), i64x2.splat(0x4338000000000000)), i64x2.add(i64x2.shr_u(t, 51), D));
  ${words('v4')}`;

  return `
// @ts-ignore: decorator
@inline
export function madd(x: v128, y: v128, z: v128): v128 {
  ${halves.madd}
}
export function fused(): bool {
  ${halves.probe}
}
/** o = a·b / R. Limbs of a and b with |a_i·b_j| <= 2^102, |a·b| <= 4.3·p²; result in (a·b/R - p, a·b/R + p), limbs centered, within 2.65·p. */
export function mul2(o: usize, a: usize, b: usize, K: usize): void {${begin}
  ${start(OFFSET.biasMul)}
  ${product}
  ${reduction(false)}
}
/** As mul2, two at once. */
export function mul4(o_1: usize, a_1: usize, b_1: usize, o_2: usize, a_2: usize, b_2: usize, K: usize): void {
  ${interleave(mulStages, mulStages)}
}
/** o = a²/R, two at once. Limbs of a centered, a within 2·p; result as of mul2. */
export function sqr4(o_1: usize, a_1: usize, o_2: usize, a_2: usize, K: usize): void {
  ${interleave(squareStages, squareStages)}
}
/** As reduce2, two at once. */
export function reduce4(o_1: usize, a_1: usize, o_2: usize, a_2: usize, K: usize): void {
  ${interleave(reduceStages, reduceStages)}
}
/** o = (v0·v3 + v1·v2) / R of four values (80 bytes each) at a, two at once. */
export function cross4(o_1: usize, a_1: usize, o_2: usize, a_2: usize, K: usize): void {
  ${interleave(crossStages, crossStages)}
}
/** (v0·v3 + v1·v2) / R of four values at a_1, and a_2·b_2 / R, as packed elements. */
export function crossMulPack(oa_1: usize, ob_1: usize, a_1: usize, oa_2: usize, ob_2: usize, a_2: usize, b_2: usize, K: usize): void {
  ${affineConstants} ${interleave(crossPackStages, mulPackStages)}
}
/** Packed y + acc / X; sums of |v| below 2^51 in all, limbs of y below 2^51. */
export function packSmall2(oa: usize, ob: usize, y: usize, acc: usize, K: usize): void {${begin} ${reductionConstants} ${affineConstants}
  ${[0, 1, 2, 3, 4, 5].map((k) => `let s${k} = i64x2.add(v128.load(acc, ${16 * k}), ${constant(OFFSET.biasPackSmall + 16 * k)});`).join(' ')}
  ${lastStep(0)}
  ${five.map((j) => `s${j + 1} = i64x2.add(s${j + 1}, f64x2.add(v128.load(y, ${16 * j}), C3));`).join('\n')}
  ${packStages(0).join('\n')}
}
/** Six accumulators (96 bytes) = v·b, exact integers v with |v| <= 2^50. */
export function setSmall2(acc: usize, v: v128, b: usize, K: usize): void {${begin}
  let s0 = i64x2.splat(0), s1 = s0, s2 = s0, s3 = s0, s4 = s0, s5 = s0;
  ${addProduct('v', (j) => `v128.load(b, ${16 * j})`, 0)}
  ${[0, 1, 2, 3, 4, 5].map((k) => `v128.store(acc, i64x2.add(s${k}, ${constant(OFFSET.biasSmall + 16 * k)}), ${16 * k});`).join(' ')}
}
/** The six accumulators += v·b. At most 256 products before a reduction or \`spill2\`. */
export function macSmall2(acc: usize, v: v128, b: usize, K: usize): void {${begin}
  ${[0, 1, 2, 3, 4, 5].map((k) => `let s${k} = v128.load(acc, ${16 * k});`).join(' ')}
  ${addProduct('v', (j) => `v128.load(b, ${16 * j})`, 0)}
  ${[0, 1, 2, 3, 4, 5].map((k) => `v128.store(acc, i64x2.add(s${k}, ${constant(OFFSET.biasSmall + 16 * k)}), ${16 * k});`).join(' ')}
}
/** o = acc / X; sums of |v| below 2^51 in all. */
export function reduceSmall2(o: usize, acc: usize, K: usize): void {${begin} ${reductionConstants}
  ${[0, 1, 2, 3, 4, 5].map((k) => `let s${k} = i64x2.add(v128.load(acc, ${16 * k}), ${constant(OFFSET.biasReduceSmall + 16 * k)});`).join(' ')}
  ${lastStep(0)}
  ${storeLimbs(1)}
}
/**
 * Packed y + c·x for a constant c, whose table holds c·X, c·X², … c·X⁵ modulo p, limbs centered (400 bytes): six limbs instead of ten,
 * and one step of reduction. Limbs of x and y up to 2^51 in size; sums below 16·p. Result in [0, p + 2^-40·p).
 */
export function affine2(oa: usize, ob: usize, y: usize, x: usize, table: usize, K: usize): void {${begin} ${reductionConstants} ${affineConstants}
  ${affineStages.join('\n')}
}
/** As affine2, two at once. */
export function affine4(oa_1: usize, ob_1: usize, y_1: usize, x_1: usize, oa_2: usize, ob_2: usize, y_2: usize, x_2: usize, table: usize, K: usize): void {
  ${affineConstants} ${interleave(affineStages, affineStages)}
}
/** Packed v + c·(w − v), v at a and b, w at x and y; c's table as for affine2; two at once. */
export function bind4(
  oa_1: usize, ob_1: usize, a_1: usize, b_1: usize, x_1: usize, y_1: usize, oa_2: usize, ob_2: usize, a_2: usize, b_2: usize, x_2: usize, y_2: usize,
  table: usize, K: usize,
): void {
  ${affineConstants} ${interleave(bindStages, bindStages)}
}
/** Packed v + c·w, as bind4. */
export function fold4(
  oa_1: usize, ob_1: usize, a_1: usize, b_1: usize, x_1: usize, y_1: usize, oa_2: usize, ob_2: usize, a_2: usize, b_2: usize, x_2: usize, y_2: usize,
  table: usize, K: usize,
): void {
  ${affineConstants} ${interleave(foldStages, foldStages)}
}
/** Limbs of packed elements at a and b, and of those at x and y minus them. */
export function unpackPair2(o: usize, e: usize, a: usize, b: usize, x: usize, y: usize, K: usize): void {
  const M = ${constant(OFFSET.mask)}; const C3 = ${constant(OFFSET.c3)}; ${affineConstants}
  ${bothDigits}
  ${five.map((j) => `v128.store(o, f64x2.sub(i64x2.add(v${j}, B), C3), ${16 * j}); v128.store(e, f64x2.sub(i64x2.add(i64x2.sub(d${j}, v${j}), B), C3), ${16 * j});`).join('\n  ')}
}
/** The accumulators (ten limbs and an overflow word, 176 bytes) += a·b. At most 256 products before a reduction or \`spill2\`. */
export function mac2(acc: usize, a: usize, b: usize, K: usize): void {${begin}
  ${ten.map((k) => `let s${k} = i64x2.add(v128.load(acc, ${16 * k}), ${constant(OFFSET.biasMac + 16 * k)});`).join(' ')}
  ${product}
  ${ten.map((k) => `v128.store(acc, s${k}, ${16 * k});`).join(' ')}
}
/** The accumulators = a·b; the overflow word is not written. */
export function set2(acc: usize, a: usize, b: usize, K: usize): void {${begin}
  ${ten.map((k) => `let s${k} = ${constant(OFFSET.biasMac + 16 * k)};`).join(' ')}
  ${product}
  ${ten.map((k) => `v128.store(acc, s${k}, ${16 * k});`).join(' ')}
}
/** o = a / R, for sums of at most four products. */
export function reduce2(o: usize, a: usize, K: usize): void {${begin}
  ${startFrom(OFFSET.biasReduce)}
  ${reduction(false)}
}
/** o = a / R mod p, for sums of up to 256 products: also takes off a multiple of p estimated from the top limb. */
export function reduceWide2(o: usize, a: usize, K: usize): void {${begin}
  ${startFrom(OFFSET.biasReduce)}
  ${reduction(true)}
}
/** Carries of the accumulators' ten limbs, so that 256 more products fit. */
export function spill2(acc: usize, K: usize): void {
  const M = ${constant(OFFSET.mask)}; const P = i64x2.splat(1 << 62); const B = i64x2.splat(-(1 << 11));
  let c = i64x2.splat(0), t: v128;
  ${ten
    .map(
      (k) =>
        `t = i64x2.add(i64x2.add(v128.load(acc, ${16 * k}), c), P); v128.store(acc, v128.and(t, M), ${16 * k}); c = i64x2.add(i64x2.shr_u(t, 51), B);`,
    )
    .join('\n  ')}
  v128.store(acc, i64x2.add(v128.load(acc, 160), c), 160);
}
/** The accumulators = 0. */
export function clear2(acc: usize): void {
  memory.fill(acc, 0, 176);
}
/** Two packed elements (32 bytes each, four 64-bit words) to limbs in [0, 2^51). */
export function unpack2(o: usize, a: usize, b: usize, K: usize): void {
  ${unpackConstants} ${unpacked('x', 'a', 'b')}
  ${each((j) => `v128.store(o, x${j}, ${16 * j});`)}
}
/** o = b − a for packed elements (second lane: b2 − a2). */
export function difference2(o: usize, a: usize, a2: usize, b: usize, b2: usize, K: usize): void {
  ${unpackConstants} ${unpacked('x', 'a', 'a2')} ${unpacked('y', 'b', 'b2')}
  ${each((j) => `v128.store(o, f64x2.sub(y${j}, x${j}), ${16 * j});`)}
}
/** o = b − a for packed elements, and the same sum = a + b as of sum2. */
export function differenceSum2(o: usize, sum: usize, a: usize, a2: usize, b: usize, b2: usize, K: usize): void {
  ${unpackConstants} ${unpacked('x', 'a', 'a2')} ${unpacked('y', 'b', 'b2')}
  ${each((j) => `v128.store(o, f64x2.sub(y${j}, x${j}), ${16 * j}); v128.store(sum, ${centeredSum(`x${j}`, `y${j}`, j)}, ${16 * j});`)}
}
/** o = a + b for limbs in [0, 2^51), limbs of the sum in [−2^51, 2^51]. */
export function sum2(o: usize, a: usize, b: usize): void {
  ${each((j) => `v128.store(o, ${centeredSum(`v128.load(a, ${16 * j})`, `v128.load(b, ${16 * j})`, j)}, ${16 * j});`)}
}
/** As difference2, with signs: o = sb·b − sa·a, where each lane of sa and sb is 1 or −1, modulo p; in (−p, p), limbs in ±1.3·2^51. */
export function signedDifference2(o: usize, a: usize, a2: usize, sa: v128, b: usize, b2: usize, sb: v128, K: usize): void {
  ${unpackConstants} ${unpacked('x', 'a', 'a2')} ${unpacked('y', 'b', 'b2')}
  // 1 where the difference is a sum, −1 where it is minus one: lanes up to 2·p in size, with limbs up to 2^52.
  const sum = f64x2.mul(f64x2.sub(sb, sa), f64x2.splat(0.5));
  ${each((j) => `v128.store(o, madd(sum, ${constant(OFFSET.center + 16 * j)}, f64x2.sub(f64x2.mul(y${j}, sb), f64x2.mul(x${j}, sa))), ${16 * j});`)}
}
/** Limbs (|limb| <= 2^52 + 2^50, value within 2^40·p of 0) to packed elements in [0, p + 2^-40·p). */
export function pack2(oa: usize, ob: usize, a: usize, K: usize): void {
  ${packConstants} ${each((j) => `const a${j} = v128.load(a, ${16 * j});`)}
  ${pack}
}
/** Packs a − b for a square a of sqr4 or mul2 and b of sum2; then o = x − (a − b) for packed elements x and x2, |limb| <= 2^51. */
export function packDifference2(oa: usize, ob: usize, o: usize, a: usize, b: usize, x: usize, x2: usize, K: usize): void {
  ${packConstants} const T52 = f64x2.splat(4503599627370496.0); const MAGIC = ${constant(OFFSET.magic)};
  ${each((j) => `const a${j} = f64x2.sub(v128.load(a, ${16 * j}), v128.load(b, ${16 * j}));`)}
  ${unpacked('f', 'x', 'x2')}
  ${pack}
  ${each((j) => `v128.store(o, f64x2.sub(f${j}, f64x2.sub(v128.or(v${j}, MAGIC), T52)), ${16 * j});`)}
}
/** Packs a − s·y for limbs a and packed elements y and y2, each lane of s 1 or −1. */
export function packMinus2(oa: usize, ob: usize, a: usize, y: usize, y2: usize, s: v128, K: usize): void {
  ${packConstants} const T52 = f64x2.splat(4503599627370496.0); const MAGIC = ${constant(OFFSET.magic)};
  ${unpacked('f', 'y', 'y2')}
  ${each((j) => `const a${j} = f64x2.sub(v128.load(a, ${16 * j}), f64x2.mul(s, f${j}));`)}
  ${pack}
}
/** Limbwise sum, no carries. */
export function add2(o: usize, a: usize, b: usize): void {
  ${each((j) => `v128.store(o, f64x2.add(v128.load(a, ${16 * j}), v128.load(b, ${16 * j})), ${16 * j});`)}
}
/** Limbwise difference, no carries. */
export function sub2(o: usize, a: usize, b: usize): void {
  ${each((j) => `v128.store(o, f64x2.sub(v128.load(a, ${16 * j}), v128.load(b, ${16 * j})), ${16 * j});`)}
}
/** The same value with the lower limbs centered (|limb| <= 2^50); limbs of a below 2^53. */
export function carry2(o: usize, a: usize): void {
  const C = f64x2.splat(15211807202738752817960438464512.0);
  let t = v128.load(a), c: v128;
  ${[0, 1, 2, 3]
    .map(
      (j) =>
        `c = f64x2.sub(f64x2.add(t, C), C); v128.store(o, f64x2.sub(t, c), ${16 * j}); t = f64x2.add(v128.load(a, ${16 * (j + 1)}), f64x2.mul(c, f64x2.splat(4.440892098500626e-16)));`,
    )
    .join('\n  ')}
  v128.store(o, t, 64);
}
`;
}
