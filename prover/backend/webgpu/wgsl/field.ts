/**
 * WGSL of a prime field of at most 254 bits, Montgomery form, as unrolled limbs of 13, 14 or 15 bits: WGSL has no 64-bit integers and no
 * high product, but the product of two such limbs fits a word, and sums of several do (G. Mitscha-Baude, "WebAssembly and WebGPU for
 * Montgomery multiplication", 2022). In memory an element is eight words, least significant first, always the canonical representative in [0, p).
 */
import { power, Q, R } from '../../../../verifier/field.ts';

/** Bits of a limb. */
export type LimbBits = 13 | 14 | 15;
export const LIMB_BITS: readonly LimbBits[] = [13, 14, 15];

/** The scalar field, of proofs, and the base field, of points' coordinates; WGSL names of one end in its letter. */
export type FieldName = 'F' | 'Q';

const MODULI: Readonly<Record<FieldName, bigint>> = { F: R, Q };

/** Limbs of an element. */
export const limbCount = (bits: LimbBits): number => Math.ceil(254 / bits);

/** The Montgomery radix 2^(bits · limbs). */
export const radix = (bits: LimbBits): bigint => 1n << BigInt(bits * limbCount(bits));

/** Limbs of a word pair. */
const SHORT_LIMBS = 5;
/** What `mulShort` divides by. */
export const shortRadix = (bits: LimbBits): bigint => 1n << BigInt(bits * SHORT_LIMBS);

/** Numbers into and out of Montgomery form, on the host. */
export interface Montgomery {
  readonly modulus: bigint;
  to(x: bigint): bigint;
  from(x: bigint): bigint;
}

const forms = new Map<string, Montgomery>();

export function montgomery(field: FieldName, bits: LimbBits): Montgomery {
  const key = `${field}${bits}`;
  const known = forms.get(key);
  if (known) return known;
  const modulus = MODULI[field];
  const r = radix(bits) % modulus;
  const back = power(r, modulus - 2n, modulus);
  const made: Montgomery = { modulus, to: (x) => (x * r) % modulus, from: (x) => (x * back) % modulus };
  forms.set(key, made);
  return made;
}

/** Eight words of 32 bits, least significant first. */
export const words = (x: bigint): number[] => Array.from({ length: 8 }, (_, i) => Number((x >> BigInt(32 * i)) & 0xffffffffn));

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

/** Rows of a product after which its columns must be carried, lest a sum pass 2^32: a row adds two products of limbs to each. */
const ROWS: Readonly<Record<LimbBits, number>> = { 13: Infinity, 14: 7, 15: 2 };

/**
 * Functions of a field F (or Q): struct `F` of limbs; `mulF`, `addF`, `subF`, `doubleF`, `negF`; `zeroF`, `oneF`; `isZeroF`, `equalF`; `selectF(a, b, c)` is b
 * where c; `unpackF(lo, hi)` from the eight words, `lowF`, `highF` back to them; `intF(lo, hi)` is a signed 64-bit integer in Montgomery form;
 * `mulShortF(x, lo, hi)` is x times an unsigned 64-bit integer over `shortRadix`; `toMontgomeryF`, `fromMontgomeryF` convert canonical values.
 */
export function fieldCode(field: FieldName, bits: LimbBits): string {
  const n = limbCount(bits);
  const p = MODULI[field];
  const mask = 2 ** bits - 1;
  const limbs = (x: bigint): number[] => range(n).map((i) => Number((x >> BigInt(bits * i)) & BigInt(mask)));
  const literal = (x: bigint): string => `${field}(${limbs(x).join('u,')}u)`;
  const P = limbs(p);
  const word = 1n << BigInt(bits);
  // −p^(−1) modulo the limb.
  let mu = 1n;
  for (let k = 0; k < 5; k++) mu = (mu * (2n + p * mu)) % word;
  const one = radix(bits) % p;
  const lines: string[] = [];
  const emit = (...code: string[]): void => void lines.push(...code);
  const name = (f: string): string => `${f}${field}`;

  emit(`struct ${field} {${range(n).map((i) => `l${i}: u32`)}}`);
  emit(`fn ${name('zero')}() -> ${field} { return ${literal(0n)}; }`);
  emit(`fn ${name('one')}() -> ${field} { return ${literal(one)}; }`);
  emit(`fn ${name('select')}(a: ${field}, b: ${field}, c: bool) -> ${field} {`);
  emit(`  return ${field}(${range(n).map((i) => `select(a.l${i}, b.l${i}, c)`)});`, '}');
  emit(
    `fn ${name('isZero')}(a: ${field}) -> bool { return (${range(n)
      .map((i) => `a.l${i}`)
      .join(' | ')}) == 0u; }`,
  );
  emit(`fn ${name('equal')}(a: ${field}, b: ${field}) -> bool {`);
  emit(
    `  return (${range(n)
      .map((i) => `(a.l${i} ^ b.l${i})`)
      .join(' | ')}) == 0u;`,
    '}',
  );

  /** s_0 … are limbs of a value below 2p: returns it modulo p. */
  const reduce = (): void => {
    emit('  var b = 0u;');
    for (const j of range(n)) emit(`  t = s${j} - ${P[j]}u - b; let d${j} = t & ${mask}u; b = t >> 31u;`);
    emit(`  return ${field}(${range(n).map((j) => `select(d${j}, s${j}, b != 0u)`)});`, '}');
  };

  emit(`fn ${name('add')}(x: ${field}, y: ${field}) -> ${field} {`, '  var t = 0u;');
  for (const j of range(n)) emit(`  t = x.l${j} + y.l${j} + (t >> ${bits}u); let s${j} = t & ${mask}u;`);
  reduce();
  emit(`fn ${name('double')}(x: ${field}) -> ${field} { return ${name('add')}(x, x); }`);

  emit(`fn ${name('sub')}(x: ${field}, y: ${field}) -> ${field} {`, '  var t = 0u; var b = 0u;');
  for (const j of range(n)) emit(`  t = x.l${j} - y.l${j} - b; let s${j} = t & ${mask}u; b = t >> 31u;`);
  emit('  let m = 0u - b; t = 0u;');
  for (const j of range(n)) emit(`  t = s${j} + (${P[j]}u & m) + (t >> ${bits}u); let d${j} = t & ${mask}u;`);
  emit(`  return ${field}(${range(n).map((j) => `d${j}`)});`, '}');
  emit(`fn ${name('neg')}(x: ${field}) -> ${field} { return ${name('sub')}(${name('zero')}(), x); }`);

  /** The product of x and `rows` limbs, the i-th of them `y(i)`, over 2^(bits · rows). */
  const product = (rows: number, y: (i: number) => string): void => {
    emit('  var t: u32; var q: u32; var c: u32;');
    emit(
      `  ${range(n)
        .map((j) => `var s${j} = 0u;`)
        .join(' ')}`,
    );
    for (const i of range(rows)) {
      emit(`  t = s0 + x.l0 * ${y(i)}; q = ((t & ${mask}u) * ${mu}u) & ${mask}u; c = (t + q * ${P[0]}u) >> ${bits}u;`);
      for (let j = 1; j < n; j++) emit(`  s${j - 1} = s${j} + x.l${j} * ${y(i)} + q * ${P[j]}u${j === 1 ? ' + c' : ''};`);
      emit(`  s${n - 1} = 0u;`);
      if ((i + 1) % ROWS[bits] !== 0 || i === rows - 1) continue;
      emit('  c = 0u;');
      for (const j of range(n - 1)) emit(`  t = s${j} + c; s${j} = t & ${mask}u; c = t >> ${bits}u;`);
      emit(`  s${n - 1} = c;`);
    }
    emit('  c = 0u;');
    for (const j of range(n)) emit(`  t = s${j} + c; s${j} = t & ${mask}u; c = t >> ${bits}u;`);
    reduce();
  };
  emit(`fn ${name('mul')}(x: ${field}, y: ${field}) -> ${field} {`);
  product(n, (i) => `y.l${i}`);

  /** Bits [from, from + width) of eight words w0 … w7. */
  const cut = (from: number): string => {
    const [at, shift] = [from >> 5, from & 31];
    if (at > 7) return '0u';
    const spill = shift + bits > 32 && at < 7 ? ` | (w${at + 1} << ${32 - shift}u)` : '';
    return `((w${at} >> ${shift}u)${spill}) & ${mask}u`;
  };
  emit(`fn ${name('mulShort')}(x: ${field}, w0: u32, w1: u32) -> ${field} {`, '  let w2 = 0u;');
  emit(
    `  ${range(SHORT_LIMBS)
      .map((i) => `let y${i} = ${cut(bits * i)};`)
      .join(' ')}`,
  );
  product(SHORT_LIMBS, (i) => `y${i}`);
  emit(`fn ${name('unpack')}(lo: vec4u, hi: vec4u) -> ${field} {`);
  emit(
    `  ${range(8)
      .map((i) => `let w${i} = ${i < 4 ? 'lo' : 'hi'}[${i % 4}];`)
      .join(' ')}`,
  );
  emit(`  return ${field}(${range(n).map((j) => cut(bits * j))});`, '}');
  const packed = (a: number): string =>
    range(n)
      .flatMap((j) => {
        const shift = bits * j - 32 * a;
        if (shift <= -bits || shift >= 32) return [];
        return [shift >= 0 ? `(x.l${j} << ${shift}u)` : `(x.l${j} >> ${-shift}u)`];
      })
      .join(' | ');
  emit(`fn ${name('low')}(x: ${field}) -> vec4u { return vec4u(${range(4).map(packed)}); }`);
  emit(`fn ${name('high')}(x: ${field}) -> vec4u { return vec4u(${range(4).map((a) => packed(a + 4))}); }`);

  emit(`fn ${name('toMontgomery')}(x: ${field}) -> ${field} { return ${name('mul')}(x, ${literal((one * one) % p)}); }`);
  emit(`fn ${name('fromMontgomery')}(x: ${field}) -> ${field} { return ${name('mul')}(x, ${literal(1n)}); }`);
  emit(`fn ${name('int')}(lo: u32, hi: u32) -> ${field} {`);
  emit('  let minus = (hi >> 31u) == 1u;');
  emit('  let w0 = select(lo, 0u - lo, minus); let w1 = select(hi, ~hi + select(0u, 1u, lo == 0u), minus);');
  emit(
    `  ${range(6)
      .map((i) => `let w${i + 2} = 0u;`)
      .join(' ')}`,
  );
  emit(`  let m = ${name('toMontgomery')}(${field}(${range(n).map((j) => cut(bits * j))}));`);
  emit(`  return ${name('select')}(m, ${name('neg')}(m), minus);`, '}');
  return lines.join('\n');
}
