/**
 * WGSL of sums of small integers times field elements, without a reduction a product: a weight's limbs are signed, below 2^(bits − 1) in magnitude, an
 * integer is one limb (8 and 16 bits) or few, and products of limbs are added up in words, which are carried only as often as they must. The one
 * reduction is at the end: limbs from the radix on are a 64-bit integer times the radix, that is its Montgomery form.
 */
import { readCell, type Kind } from '../ints.ts';
import { R } from '../../../../verifier/field.ts';
import { limbCount, radix, type LimbBits } from './field.ts';

/** Words of a weight: its limbs, and zeros. */
export const WEIGHT_WORDS = 20;
/** Bytes of a weight in memory. */
export const WEIGHT = 4 * WEIGHT_WORDS;
/** Terms of a sum at most: what is then above the radix fits 64 bits, whatever the cells and the width. */
export const MOST_TERMS = 2 ** 10;

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

/** Limbs of an integer of a kind: signed numbers of this magnitude at most. */
export function digitLimits(kind: Kind, bits: LimbBits): number[] {
  if (kind < 32) return [2 ** (kind - 1)];
  // Doubles are below 2^53.
  const width = kind === 32 ? 32 : 54;
  const count = Math.ceil(width / bits);
  return range(count).map((k) => (k < count - 1 ? 2 ** bits - 1 : 2 ** (width - 1 - bits * k)));
}

/** Terms after which limbs must be carried, lest a sum pass 2^31: each term adds to a limb a product with every limb of the integer. */
export function termsBetweenCarries(kind: Kind, bits: LimbBits): number {
  const term = digitLimits(kind, bits).reduce((n, limit) => n + limit * 2 ** (bits - 1), 0);
  return Math.floor((2 ** 31 - 1 - 2 ** bits - 2 ** (31 - bits)) / term);
}

/** `weightOf(x)`: the words of a weight from its field element, whose limbs lie in [0, 2^bits): signed limbs. */
export function recodeCode(bits: LimbBits): string {
  const n = limbCount(bits);
  const half = 2 ** (bits - 1);
  return [
    `fn weightOf(x: F) -> array<vec4u, ${WEIGHT_WORDS / 4}> {`,
    '  var c = 0; var t = 0;',
    ...range(n).map((j) => {
      const sum = `t = i32(x.l${j}) + c;`;
      return j === n - 1 ? `  ${sum} let d${j} = t;` : `  ${sum} c = (t + ${half}) >> ${bits}u; let d${j} = t - (c << ${bits}u);`;
    }),
    `  return array<vec4u, ${WEIGHT_WORDS / 4}>(${range(WEIGHT_WORDS / 4).map(
      (a) => `bitcast<vec4u>(vec4i(${range(4).map((b) => (4 * a + b < n ? `d${4 * a + b}` : '0'))}))`,
    )});`,
    '}',
  ].join('\n');
}

/**
 * `Sums`: a sum in progress. `weightAt(t)` loads weight t of the argument `weights`; `plusCell(s, w, at)` adds the cell at `at` of `source` times a
 * weight, `plusLow(s, w, v)` (8 and 16 bits) an integer; `carried(s)`; `elementOf(s, y, b)` is a carried sum, times y where b, in Montgomery form.
 */
export function dotsCode(kind: Kind, bits: LimbBits): string {
  const n = limbCount(bits);
  const digits = digitLimits(kind, bits).length;
  // Products reach limb n + digits − 2; one more takes their carries.
  const limbs = n + digits;
  const mask = 2 ** bits - 1;
  const lines: string[] = [];
  const emit = (...code: string[]): void => void lines.push(...code);
  emit(`struct Sums {${range(limbs).map((j) => `s${j}: i32`)}}`);
  emit(`struct Weight {${range(WEIGHT_WORDS / 4).map((k) => `v${k}: vec4i`)}}`);
  emit(
    `fn weightAt(t: u32) -> Weight { let i = ${WEIGHT_WORDS / 4}u * t; return Weight(${range(WEIGHT_WORDS / 4).map(
      (k) => `bitcast<vec4i>(weights[i + ${k}u])`,
    )}); }`,
  );
  const w = (j: number): string => `w.v${j >> 2}[${j & 3}]`;
  emit(`fn plusDigits(s: Sums, w: Weight, ${range(digits).map((k) => `x${k}: i32`)}) -> Sums {`);
  emit(
    `  return Sums(${range(limbs).map((j) =>
      [`s.s${j}`, ...range(digits).flatMap((k) => (j - k >= 0 && j - k < n ? [`x${k} * ${w(j - k)}`] : []))].join(' + '),
    )});`,
    '}',
  );
  if (kind < 32) emit('fn plusLow(s: Sums, w: Weight, v: i32) -> Sums { return plusDigits(s, w, v); }');
  emit('fn plusCell(s: Sums, w: Weight, at: u32) -> Sums {', `  ${readCell(kind, 'source', 'at')}`);
  const digit = (k: number): string => {
    if (digits === 1) return 'bitcast<i32>(low)';
    const [from, top] = [bits * k, k === digits - 1];
    if (top) return from >= 32 ? `(bitcast<i32>(high) >> ${from - 32}u)` : `(bitcast<i32>(low) >> ${from}u)`;
    if (from >= 32) return `bitcast<i32>((high >> ${from - 32}u) & ${mask}u)`;
    const spill = from + bits > 32 ? ` | (high << ${32 - from}u)` : '';
    return `bitcast<i32>(((low >> ${from}u)${spill}) & ${mask}u)`;
  };
  emit(`  return plusDigits(s, w, ${range(digits).map(digit)});`, '}');

  // Every limb's carry at once, from the top, so that each is read before it is replaced.
  emit('fn carried(s: Sums) -> Sums {');
  emit(
    `  return Sums(${range(limbs).map((j) => {
      const own = j === limbs - 1 ? `s.s${j}` : `(s.s${j} & ${mask})`;
      return j === 0 ? own : `${own} + (s.s${j - 1} >> ${bits}u)`;
    })});`,
    '}',
  );
  emit('fn elementOf(s: Sums, by: F, weighed: bool) -> F {', '  var t = 0; var c = 0;');
  for (const j of range(limbs - 1)) emit(`  t = s.s${j} + c; let d${j} = bitcast<u32>(t & ${mask}); c = t >> ${bits}u;`);
  emit(`  let d${limbs - 1} = bitcast<u32>(s.s${limbs - 1} + c);`);
  const above = range(digits).map((k) => ({ name: `d${n + k}`, from: bits * k, top: k === digits - 1 }));
  const shifted = (x: (typeof above)[number], by: number): string =>
    by >= 0 ? `(${x.name} << ${by}u)` : x.top ? `bitcast<u32>(bitcast<i32>(${x.name}) >> ${Math.min(31, -by)}u)` : `(${x.name} >> ${-by}u)`;
  const words = [0, 1].map((word) =>
    above.flatMap((x) => {
      const by = x.from - 32 * word;
      return by >= 32 || (!x.top && by <= -bits) ? [] : [shifted(x, by)];
    }),
  );
  emit(`  let low = F(${range(n).map((j) => `d${j}`)});`);
  const square = radix(bits) ** 2n % R;
  emit(`  let w0 = ${(words[0] as string[]).join(' | ')}; let w1 = ${(words[1] as string[]).join(' | ')};`);
  // One product in a loop, for the time that it takes to compile: what is above the radix in Montgomery form; what is below it; the sum of both times `by`.
  emit(
    '  let minus = (w1 >> 31u) == 1u;',
    '  let a0 = select(w0, 0u - w0, minus); let a1 = select(w1, ~w1 + select(0u, 1u, w0 == 0u), minus);',
    '  var x = unpackF(vec4u(a0, a1, 0u, 0u), vec4u());',
    `  var y = F(${range(n).map((j) => `${(square >> BigInt(bits * j)) & BigInt(mask)}u`)});`,
    '  var above = zeroF();',
    '  for (var k = 0u; k < select(2u, 3u, weighed); k++) {',
    '    x = mulF(x, y);',
    '    if (k == 0u) { above = selectF(x, negF(x), minus); x = low; y = oneF(); }',
    '    if (k == 1u) { x = addF(x, above); y = by; }',
    '  }',
    '  return x;',
    '}',
  );
  return lines.join('\n');
}
