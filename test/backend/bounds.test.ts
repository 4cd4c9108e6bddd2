/** The curve kernels' arithmetic at the ends of its bounds, which points of the curve reach too rarely to be tested by sums of points. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { fieldSource } from '../../prover/backend/wasm/generate.ts';
import { DeviceMemory } from '../../prover/backend/wasm/memory.ts';
import { compileAssembly, fieldOptions } from '../../scripts/lib/assembly.ts';
import { power, Q } from '../../verifier/field.ts';
import { Random } from './random.ts';

/** Lanes 0 and 1 of limbs, and the packed elements at an address and 32 bytes behind it, belong together. */
const SOURCE = `
import { difference2, differenceSum2, mul4, pack2, packDifference2, packMinus2, signedDifference2, sqr4 } from './field';
import { FQ } from './shared';
export { fused } from './field';
function signs(first: f64, second: f64): v128 {
  return f64x2.replace_lane(f64x2.splat(first), 1, second);
}
export function square(o: usize, a: usize): void {
  sqr4(o, a, o + 80, a + 80, FQ);
}
export function multiply(o: usize, a: usize, b: usize): void {
  mul4(o, a, b, o + 80, a + 80, b + 80, FQ);
}
export function pack(o: usize, a: usize): void {
  pack2(o, o + 32, a, FQ);
}
export function difference(o: usize, a: usize, b: usize): void {
  difference2(o, a, a + 32, b, b + 32, FQ);
}
export function differenceSum(o: usize, sum: usize, a: usize, b: usize): void {
  differenceSum2(o, sum, a, a + 32, b, b + 32, FQ);
}
export function signedDifference(o: usize, a: usize, b: usize, s: f64, s2: f64, t: f64, t2: f64): void {
  signedDifference2(o, a, a + 32, signs(s, s2), b, b + 32, signs(t, t2), FQ);
}
export function packDifference(packed: usize, o: usize, a: usize, b: usize, x: usize): void {
  packDifference2(packed, packed + 32, o, a, b, x, x + 32, FQ);
}
export function packMinus(o: usize, a: usize, y: usize, s: f64, s2: f64): void {
  packMinus2(o, o + 32, a, y, y + 32, signs(s, s2), FQ);
}
`;

const FOLDER = join(import.meta.dirname, '../../prover/backend/wasm');
const mod = (x: bigint): bigint => ((x % Q) + Q) % Q;
const RADIX_INVERSE = power((1n << 255n) % Q, Q - 2n, Q);
const MOST = 2 ** 51;

for (const fused of [true, false])
  describe(`curve arithmetic ${fused ? 'with fused multiply-add' : 'for every machine'}`, () => {
    const memory = new DeviceMemory();
    const [a, b, o, p, x] = [0, 1, 2, 3, 4].map(() => memory.alloc(160)) as [number, number, number, number, number];
    const random = new Random(17);
    let kernel: (name: string, ...args: readonly number[]) => void;
    let usable = true;

    before(async () => {
      const generated = { 'assembly/index.ts': SOURCE, 'assembly/field.ts': fieldSource(fused) };
      const module = await WebAssembly.compile(await compileAssembly(FOLDER, fieldOptions(fused), generated));
      const { exports } = await WebAssembly.instantiate(module, { env: { memory: memory.memory } });
      const functions = exports as Record<string, (...args: readonly number[]) => number>;
      usable = (functions['fused'] as () => number)() === 1;
      kernel = (name, ...args) => void (functions[name] as (...args: readonly number[]) => number)(...args);
    });

    /** The number that a lane's limbs stand for. */
    const value = (at: number, lane: number): bigint => {
      let v = 0n;
      for (let j = 4; j >= 0; j--) v = (v << 51n) + BigInt(memory.floats[at / 8 + 2 * j + lane] as number);
      return v;
    };
    /** Limbs of extreme and of random size in both lanes, the value within `times`·q. */
    const limbs = (at: number, most: number, times: number): void => {
      const top = times * Number(Q >> 204n) - 3;
      for (let k = 0; k < 10; k++) {
        const bound = k < 8 ? most : Math.floor(top);
        const kind = random.below(5);
        const limb = kind < 3 ? ([bound, -bound, 0][kind] as number) : Math.round((random.below(2 ** 32) / 2 ** 31 - 1) * bound);
        memory.floats[at / 8 + k] = limb;
      }
    };
    /** Two packed elements in [0, q): limbs of zeros and ones, the ends of the range, random ones. */
    const element = (): bigint => {
      const kind = random.below(4);
      if (kind === 0) return Q - 1n - BigInt(random.below(3));
      let v = 0n;
      for (let k = 0; k < 5; k++)
        v = (v << 51n) | (kind === 1 ? (random.below(2) ? (1n << 51n) - 1n : 0n) : BigInt(random.below(2 ** 32)) << 19n);
      return v % Q;
    };
    const packed = (at: number): [bigint, bigint] => {
      const values: [bigint, bigint] = [element(), element()];
      values.forEach((v, lane) => memory.write(at + 32 * lane, v));
      return values;
    };
    const samePacked = (at: number, lane: number, want: bigint, what: string): void => {
      const got = memory.read(at + 32 * lane);
      assert.ok(got <= Q + (Q >> 39n), `${what}: not packed`);
      assert.equal(mod(got), mod(want), what);
    };
    const eachLane = (f: (lane: 0 | 1) => void): void => [0 as const, 1 as const].forEach(f);
    const check = (what: string, f: () => void): void =>
      void it(what, (t) => {
        if (!usable) return t.skip('this machine has no fused multiply-add');
        for (let i = 0; i < 4000; i++) f();
      });

    check('products and squares', () => {
      limbs(a, Math.floor(MOST * 1.27), 1);
      limbs(a + 80, MOST, 1);
      limbs(b, MOST / 2, 2);
      limbs(b + 80, MOST / 2, 2);
      kernel('multiply', o, a, b);
      for (const k of [0, 80])
        eachLane((lane) => assert.equal(mod(value(o + k, lane)), mod(value(a + k, lane) * value(b + k, lane) * RADIX_INVERSE)));
      kernel('square', o, b);
      for (const k of [0, 80]) eachLane((lane) => assert.equal(mod(value(o + k, lane)), mod(value(b + k, lane) ** 2n * RADIX_INVERSE)));
    });

    check('packing within 3·q', () => {
      limbs(a, MOST, 2.99);
      kernel('pack', o, a);
      eachLane((lane) => samePacked(o, lane, value(a, lane), 'pack'));
    });

    check('differences, with signs too', () => {
      const [u, v] = [packed(x), packed(x + 64)];
      kernel('difference', o, x, x + 64);
      eachLane((lane) => assert.equal(value(o, lane), v[lane] - u[lane]));
      kernel('differenceSum', o, b, x, x + 64);
      eachLane((lane) => {
        assert.equal(value(o, lane), v[lane] - u[lane]);
        assert.equal(value(b, lane), v[lane] + u[lane]);
      });
      const s = [0, 1, 2, 3].map(() => (random.below(2) ? 1 : -1)) as [number, number, number, number];
      kernel('signedDifference', o, x, x + 64, ...s);
      eachLane((lane) => {
        assert.equal(mod(value(o, lane)), mod(BigInt(s[2 + lane] as number) * v[lane] - BigInt(s[lane] as number) * u[lane]));
        assert.ok(value(o, lane) <= Q && value(o, lane) >= -Q);
        for (let j = 0; j < 5; j++) assert.ok(Math.abs(memory.floats[o / 8 + 2 * j + lane] as number) <= 1.3 * MOST);
      });
    });

    check('coordinates of a sum', () => {
      const [u] = [packed(x), packed(x + 64)];
      kernel('differenceSum', o, b, x, x + 64);
      limbs(a, MOST / 2, 2.65);
      for (const k of [8, 9]) if ((memory.floats[a / 8 + k] as number) < -Number(Q >> 204n)) memory.floats[a / 8 + k] = 0;
      const want = [0, 1].map((lane) => value(a, lane) - value(b, lane)) as [bigint, bigint];
      kernel('packDifference', p, o, a, b, x);
      eachLane((lane) => {
        samePacked(p, lane, want[lane], 'x');
        assert.equal(value(o, lane), u[lane] - memory.read(p + 32 * lane));
      });
      limbs(a, MOST / 2, 1.95);
      const s = [random.below(2) ? 1 : -1, random.below(2) ? 1 : -1] as const;
      kernel('packMinus', p, a, x, ...s);
      eachLane((lane) => samePacked(p, lane, value(a, lane) - BigInt(s[lane]) * u[lane], 'y'));
    });
  });
