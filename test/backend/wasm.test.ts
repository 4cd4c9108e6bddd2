/**
 * The WebAssembly kernels where the comparison with the reference (parity.test.ts) is too small to reach: limb arithmetic at its bounds,
 * long accumulations, special cases of point addition, large tables checked by the sumcheck's own identities, workers.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { readKernels, startThread } from '#wasm-threads';
import { createWasmBackend, type WasmBackend } from '../../prover/backend/wasm/index.ts';
import { LAMBDA } from '../../prover/backend/wasm/endomorphism.ts';
import { DeviceMemory } from '../../prover/backend/wasm/memory.ts';
import { CONTROL, Pool, type Exports, type Thread } from '../../prover/backend/wasm/pool.ts';
import { createReferenceBackend } from '../../prover/backend/reference.ts';
import type { Backend, ContractDim, LeafBlock, SumcheckRounds } from '../../prover/backend/types.ts';
import { add, msm, multiply, type Affine } from '../../verifier/curve.ts';
import { Q, R, inverse, mod } from '../../verifier/field.ts';
import { H, generators } from '../../verifier/generators.ts';
import { Random } from './random.ts';

/** The polynomial of degree < values.length through (t, values[t]), at x. */
function interpolate(values: readonly bigint[], x: bigint): bigint {
  let sum = 0n;
  values.forEach((v, i) => {
    let term = v;
    for (let j = 0; j < values.length; j++) if (j !== i) term = mod(term * mod(x - BigInt(j)) * inverse(mod(BigInt(i - j))));
    sum += term;
  });
  return mod(sum);
}

/** Runs all rounds, demands s(0) + s(1) = claim in each; the claim that is left, the challenges and the final values. */
async function run(rounds: SumcheckRounds, variables: number, claim: bigint | null, random: Random) {
  const point: bigint[] = [];
  let challenge: bigint | null = null;
  let left = claim;
  for (let i = 0; i < variables; i++) {
    const s = await rounds.round(challenge);
    const sum = mod((s[0] as bigint) + (s[1] as bigint));
    if (left !== null) assert.equal(sum, left, `round ${i} of ${variables}`);
    challenge = random.field();
    point.push(challenge);
    left = interpolate(s, challenge);
  }
  return { left: left as bigint, point, final: await rounds.finish(challenge as bigint) };
}

const chain: Affine[] = [H];
/** H, 2H, 3H, … */
function multiples(count: number): readonly Affine[] {
  while (chain.length < count) chain.push(add(chain[chain.length - 1] as Affine, H) as Affine);
  return chain.slice(0, count);
}

const eq = (a: readonly bigint[], b: readonly bigint[]): bigint =>
  a.reduce((product, x, i) => mod(product * mod(1n - x - (b[i] as bigint) + 2n * x * (b[i] as bigint))), 1n);

for (const portable of [false, true])
  describe(`wasm kernels ${portable ? 'for every machine' : 'with fused multiply-add'}`, () => {
    let backend: WasmBackend;
    before(async () => {
      backend = await createWasmBackend({ workers: 2, portable });
    });
    after(() => backend.close());

    it('products at the bounds of limbs', async () => {
      const random = new Random(1);
      // Elements whose Montgomery forms have limbs of all zeros or all ones, or lie at the ends of the range.
      const radixInverse = inverse((1n << 255n) % R);
      const ones = (from: number, to: number): bigint => (1n << BigInt(51 * to)) - (1n << BigInt(51 * from));
      const forms = [0n, 1n, R - 1n, R - 2n, (R - 1n) / 2n, (R + 1n) / 2n];
      for (let from = 0; from < 5; from++)
        for (let to = from + 1; to <= 5; to++) forms.push(ones(from, to) % R, R - 1n - (ones(from, to) % R));
      for (let k = 0; k < 204; k++) forms.push(1n << BigInt(k), R - (1n << BigInt(k)));
      const values = [...forms.map((f) => mod(f * radixInverse)), ...random.fields(500)];
      const partners = [...forms.slice(0, 40).map((f) => mod(f * radixInverse)), ...random.fields(8)];
      const n = values.length;
      const out = backend.zeros(1024 * 64);
      const bits = [6, 10];
      await backend.accumulateOuter(out, 0, [partners, values], bits, 1n);
      const got = await backend.toField(out);
      backend.free(out);
      partners.forEach((a, i) => values.forEach((b, j) => assert.equal(got[1024 * i + j], (a * b) % R, `${i}·${j}`)));
      assert.ok(n <= 1024);
    });

    it('large product sumchecks of extreme and small cells agree with themselves', async () => {
      const random = new Random(2);
      const variables = 16;
      const cells = random.integers(2 ** variables, 17);
      const extreme = new Array<bigint>(2 ** variables).fill(R - 1n);
      const start = async () =>
        [
          [await backend.fromInts(cells), await backend.eqTable(random.fields(variables), 1n)],
          [backend.fromField(extreme), backend.fromField(extreme)],
          [backend.fromField(extreme), await backend.fromInts(cells)],
        ] as const;
      for (const count of [1, 2, 3]) {
        const pairs = await start();
        pairs.slice(0, -count).forEach((pair) => pair.forEach((v) => backend.free(v)));
        const { left, final } = await run(await backend.productSum(pairs.slice(-count)), variables, null, random);
        assert.equal(left, mod(final.reduce((sum, x, k) => (k % 2 ? sum : sum + x * (final[k + 1] as bigint)), 0n)), `${count} pairs`);
      }
      const on = new Array<boolean>(variables).fill(true);
      const factors = (await start()).flat().map((table) => ({ table, on }));
      for (const own of [factors.slice(0, 3), factors.slice(3)]) {
        const { left, final } = await run(await backend.formProduct(own, [], 5n), variables, null, random);
        assert.equal(left, mod(5n * final.reduce((product, x) => mod(product * x), 1n)));
      }
    });

    it('a large fraction tree proves itself down to its leaves', async () => {
      const random = new Random(3);
      const depth = 16;
      const size = 2 ** (depth - 2);
      const block = (k: number, numerators: 'ones' | Float64Array, tuple: number): LeafBlock => ({
        offset: k * size,
        domain: { sizes: [4, 3, size / 16] },
        numerators,
        values: Array.from({ length: tuple }, () => random.integers((3 * size) / 4, 17)),
        id: 3 + k,
      });
      const blocks = [block(0, 'ones', 1), block(1, random.integers((3 * size) / 4, 20).map(Math.abs), 3), block(2, 'ones', 2)];
      const [alpha, beta] = [random.field(), random.field()];
      const tree = await backend.fractionTree(depth, blocks, alpha, beta);
      const [p0, p1, q0, q1] = await tree.root();
      let point = [random.field()];
      let p = mod(p0 + (point[0] as bigint) * (p1 - p0));
      let q = mod(q0 + (point[0] as bigint) * (q1 - q0));
      for (let l = 1; l < depth; l++) {
        const lambda = random.field();
        const layer = await run(await tree.layer(l, point, lambda), l, mod(p + lambda * q), random);
        const [a, b, c, d] = layer.final as [bigint, bigint, bigint, bigint];
        assert.equal(layer.left, mod(eq(point, layer.point) * mod(a * d + b * c + lambda * mod(c * d))), `end of layer ${l}`);
        const mu = random.field();
        point = [...layer.point, mu];
        p = mod(a + mu * (b - a));
        q = mod(c + mu * (d - c));
      }
      tree.free();
      const weights = await backend.toField(await backend.eqTable(point, 1n));
      let wantP = 0n;
      let wantQ = 0n;
      weights.forEach((w, i) => {
        const leaf = blocks[Math.floor(i / size)];
        const pad = (i % (size / 4)) - 3 * (size / 16) >= 0;
        if (leaf === undefined || pad) {
          wantQ += leaf === undefined ? w : w * alpha;
          return;
        }
        const k = Math.floor((i % size) / (size / 4)) * 3 * (size / 16) + (i % (size / 4));
        wantP += w * (leaf.numerators === 'ones' ? 1n : -BigInt(leaf.numerators[k] as number));
        const tuple = leaf.values.reduceRight((sum, v) => beta * (sum + BigInt(v[k] as number)), 0n);
        wantQ += w * mod(alpha - BigInt(leaf.id) - tuple);
      });
      assert.equal(p, mod(wantP), 'numerators at the leaves');
      assert.equal(q, mod(wantQ), 'denominators at the leaves');
    });

    it('integers in product sumchecks, and outer products added up together, equal the reference', async () => {
      const random = new Random(5);
      const reference = createReferenceBackend();
      const both = async (run: (b: Backend) => Promise<unknown>, what: string): Promise<void> =>
        assert.deepEqual(await run(backend), await run(reference), what);
      for (const variables of [1, 2, 3, 6, 9])
        for (const bits of [1, 17, 47, 48, 52])
          for (const first of [true, false]) {
            const cells = random.integers(2 ** variables, bits);
            const field = random.fields(2 ** variables);
            const challenges = random.fields(variables);
            const on = new Array<boolean>(variables).fill(true);
            for (const sum of [true, false])
              await both(
                async (b) => {
                  const other = bits === 1 ? await b.fromInts(cells) : b.fromField(field);
                  const ints = await b.fromInts(cells);
                  const [u, v] = first ? [ints, other] : [other, ints];
                  const rounds = sum
                    ? await b.productSum([[u, v]])
                    : await b.formProduct(
                        [u, v].map((table) => ({ table, on })),
                        [],
                        3n,
                      );
                  const out: bigint[][] = [];
                  for (let i = 0; i < variables; i++) out.push(await rounds.round(i === 0 ? null : (challenges[i - 1] as bigint)));
                  return [...out, await rounds.finish(challenges[variables - 1] as bigint)];
                },
                `${variables} variables, ${bits} bits, ${sum ? 'sum of products' : 'product of factors'}`,
              );
          }
      const dims = [3, 2, 3];
      const calls = Array.from({ length: 11 }, (_, k) => ({
        offset: k % 5 === 4 ? 3 : 256,
        weights: dims.map((n) => random.fields(2 ** n - (k % 2))),
        scale: random.field(),
        ...(k % 3 === 0 ? { causal: [0, 2] as const } : {}),
      }));
      const start = random.fields(600);
      await both(async (b) => {
        const out = b.fromField(start);
        for (const c of calls) await b.accumulateOuter(out, c.offset, c.weights, dims, c.scale, c.causal);
        return b.toField(out);
      }, 'outer products');
    });

    it('long sums of the widest integers, over rows and over columns', async () => {
      const n = 2 ** 13;
      const widest = 2 ** 53 - 1;
      const weights = new Array<bigint>(n).fill(R - 1n);
      const kept = { bits: 2, kind: 'keep', size: 3, shift: 0, limit: 4, stride: 1 } as const;
      const sum = { bits: 13, kind: 'sum', weights } as const;
      for (const [Kind, values] of [
        [Float64Array, [widest, -widest, 2 ** 15, 2 ** 16, -(2 ** 15), 3 * 2 ** 15, 2 ** 48 + 2 ** 31, -(2 ** 32)]],
        [Int32Array, [2 ** 31 - 1, -(2 ** 31), 2 ** 16]],
        [Int16Array, [2 ** 15 - 1, -(2 ** 15)]],
        [Int8Array, [127, -128]],
      ] as const)
        for (const value of values)
          for (const dims of [[sum], [kept, sum], [sum, kept]]) {
            const out = backend.zeros(4);
            await backend.contract({ cells: new Kind(dims.length === 1 ? n : 4 * n).fill(value), offset: 0 }, dims, 1n, out);
            const want = mod(-BigInt(n) * BigInt(value));
            assert.deepEqual(
              await backend.toField(out),
              dims.length === 1 ? [want, 0n, 0n, 0n] : [want, want, want, 0n],
              `${Kind.name} ${value}`,
            );
          }
    });

    it('sums over many dimensions of two cells', async () => {
      const bits = 19;
      const value = -(2 ** 15);
      const point = new Random(6).fields(bits);
      const out = backend.zeros(1);
      const dims = point.map((x): ContractDim => ({ bits: 1, kind: 'sum', weights: [mod(-x), mod(x - 1n)] }));
      await backend.contract({ cells: new Int16Array(2 ** bits).fill(value), offset: 0 }, dims, 1n, out);
      assert.deepEqual(await backend.toField(out), [mod((-1n) ** BigInt(bits) * BigInt(value))]);
    });

    it('partial evaluations of more cells than are uploaded at a time, and of more terms than one accumulation takes', async () => {
      const random = new Random(5);
      const [high, middle, low] = [4, 17, 3];
      const cells = new Int16Array(2 ** (high + middle + low));
      const busy = Array.from({ length: 60 }, () => random.below(cells.length)).concat(0, cells.length - 1);
      for (const at of busy) cells[at] = random.integer(15);
      const lists = [high, middle, low].map((bits) => random.fields(2 ** bits - (bits === middle ? 5 : 0)));
      const keep = (bits: number, stride: number): ContractDim => ({
        bits,
        kind: 'keep',
        size: 2 ** bits,
        shift: 0,
        limit: 2 ** bits,
        stride,
      });
      const sizes = [high, middle, low];
      for (const kept of [[0], [2], [0, 2], []]) {
        let stride = 1;
        const dims = sizes.map((bits, d): ContractDim => {
          if (!kept.includes(d)) return { bits, kind: 'sum', weights: lists[d] as bigint[] };
          stride *= 2 ** bits;
          return keep(bits, stride / 2 ** bits);
        });
        const want = new Array<bigint>(stride).fill(0n);
        for (const at of new Set(busy)) {
          const y = [at >>> (middle + low), (at >>> low) & (2 ** middle - 1), at & (2 ** low - 1)];
          let weight = 1n;
          let to = 0;
          dims.forEach((d, k) => {
            if (d.kind === 'sum') weight = mod(weight * (d.weights[y[k] as number] ?? 0n));
            else to += (y[k] as number) * d.stride;
          });
          want[to] = mod((want[to] as bigint) + weight * BigInt(cells[at] as number));
        }
        const out = backend.zeros(stride);
        await backend.contract({ cells, offset: 0 }, dims, 1n, out);
        assert.deepEqual(await backend.toField(out), want, `kept ${kept.join(' ')}`);
        backend.free(out);
      }
    });

    it('sums of points with every special case in one bucket', async () => {
      const g = generators(6) as readonly Affine[];
      const minus = (p: Affine): Affine => ({ x: p.x, y: Q - p.y });
      const [a, b] = g as [Affine, Affine];
      const lists: (Affine | null)[][] = [
        [a, a],
        [a, minus(a)],
        [a, a, minus(a)],
        [a, minus(a), a, minus(a)],
        [a, minus(a), b],
        [a, a, a, a, a, a, a, a],
        [a, b, minus(a), minus(b)],
        [a, a, minus(a), minus(a), b, b, null, b],
      ];
      for (const [k, points] of lists.entries())
        for (const scalar of [1n, 255n, 256n, 257n, 511n, R - 1n]) {
          const scalars = points.map(() => scalar);
          assert.deepEqual(await backend.msm(scalars, points), msm(scalars, points), `list ${k}, scalar ${scalar}`);
        }
    });

    it('multi-exponentiations of many points that are known multiples of one', async () => {
      const random = new Random(8);
      const n = 5000;
      const points = multiples(n);
      const widths: ((i: number) => bigint)[] = [
        (i) => BigInt(i % 2),
        () => BigInt(random.below(2 ** 16)),
        (i) => [0n, 1n, R - 1n, (R - 1n) / 2n, (R + 1n) / 2n, 2n ** 127n - 1n, 2n ** 127n, 2n ** 128n, 2n ** 253n][i % 9] as bigint,
        () => random.field(),
        () => mod(-BigInt(random.below(2 ** 20))),
        (i) => mod((i % 2 ? -1n : 1n) * LAMBDA * BigInt(i % 5) + BigInt((i % 3) - 1)),
        (i) => mod(([0n, LAMBDA, -LAMBDA, LAMBDA * LAMBDA][i % 4] as bigint) + (1n << BigInt(120 + (i % 12)))),
      ];
      for (const [k, width] of widths.entries())
        for (const count of [1, 2, 17, 300, n]) {
          const scalars = Array.from({ length: count }, (_, i) => width(i));
          const want = multiply(H, mod(scalars.reduce((sum, s, i) => sum + s * BigInt(i + 1), 0n)));
          assert.deepEqual(await backend.msm(scalars, points.slice(0, count)), want, `${count} scalars of kind ${k}`);
        }
    });

    it('generators are the verifier’s, also when more are asked for', async () => {
      for (const count of [0, 3, 2, 70, 301]) assert.deepEqual(await backend.generators(count), generators(count));
    });

    it('commitments to rows of all types and lengths are sums over the generators', async () => {
      const random = new Random(9);
      const columns = 700;
      const g = [...generators(columns), H];
      for (const cells of [
        Int8Array.from(random.integers(columns, 7)),
        Int16Array.from(random.integers(columns, 15)),
        Int32Array.from(random.integers(columns, 31)).fill(-(2 ** 31), 4, 9),
        random.integers(columns, 52),
        Float64Array.from({ length: columns }, (_, i) => (i % 97 === 5 ? -1 : 0)),
      ]) {
        const [blind] = random.fields(1) as [bigint];
        const want = await backend.msm([...Array.from(cells, (v) => mod(BigInt(v))), blind], g);
        assert.deepEqual(await backend.commitRows(cells, columns, [blind]), [want], cells.constructor.name);
      }
      for (const length of [0, 1, 31, 32, 33, 600]) {
        const values = random.fields(length);
        assert.deepEqual(
          await backend.commit(values, 5n),
          await backend.msm([...values, 5n], [...g.slice(0, length), H]),
          `${length} scalars`,
        );
      }
    });

    it('more rows than are uploaded at a time, and some of them in another order', async () => {
      const random = new Random(10);
      const [columns, rows] = [1024, 2100];
      const cells = new Float64Array(columns * rows);
      const busy = [0, 1, 1023, 2046, 2047, 2048, 2099];
      for (const row of busy) cells.set(random.integers(columns, 3 * (row % 7)), row * columns);
      const blinds = Array.from({ length: rows }, (_, i) => BigInt(i + 1));
      const points = multiples(rows);
      const committed = await backend.commitRows(cells, columns, blinds);
      const g = [...generators(columns), H];
      for (const [row, got] of committed.entries()) {
        const values = Array.from(cells.subarray(row * columns, (row + 1) * columns), (v) => mod(BigInt(v)));
        const want = busy.includes(row) ? await backend.msm([...values, blinds[row] as bigint], g) : points[row];
        assert.deepEqual(got, want, `row ${row}`);
      }
      const some = [2048, 1, 2099, 0];
      const again = await backend.commitRows(
        cells,
        columns,
        some.map((row) => blinds[row] as bigint),
        some,
      );
      assert.deepEqual(
        again,
        some.map((row) => committed[row]),
      );
    });

    it('rows without cells, equal rows, and rows of the widest cells', async () => {
      const columns = 32;
      const g = generators(columns);
      const rows = [0, 0, 1, -1, 256, -256, 257, 2 ** 53 - 1, -(2 ** 53 - 1)];
      const cells = Float64Array.from({ length: rows.length * columns }, (_, i) => rows[Math.floor(i / columns)] as number);
      const blinds = rows.map((_, i) => (i < 2 ? 7n : R - BigInt(i)));
      const want = rows.map((v, i) => msm([...g.map(() => BigInt(v)), blinds[i] as bigint], [...g, H]));
      assert.deepEqual(await backend.commitRows(cells, columns, blinds), want);
      await assert.rejects(backend.commitRows(new Float64Array(columns), columns, [0n]), /point at infinity/);
      for (const wrong of [0.5, NaN, Infinity, 2 ** 53])
        await assert.rejects(backend.commitRows(Float64Array.of(1, wrong, 3, 4), 4, [1n]), /cell 1 is not an exact integer/);
    });
  });

describe('wasm workers', () => {
  it('gives the same for one, two and four workers', async () => {
    const digest = async (workers: number) => {
      const random = new Random(4);
      const b = await createWasmBackend({ workers });
      const cells = random.integers(2 ** 15, 17);
      const rows = await b.commitRows(cells, 2 ** 10, random.fields(32));
      const table = await b.fromInts(cells);
      const other = await b.eqTable(random.fields(15), 1n);
      const rounds = await b.productSum([[table, other]]);
      const first = [await rounds.round(null), await rounds.round(random.field())];
      await b.close();
      return { rows, first };
    };
    const one = await digest(1);
    assert.deepEqual(await digest(2), one);
    assert.deepEqual(await digest(4), one);
    const { waitAsync } = Atomics;
    Reflect.deleteProperty(Atomics, 'waitAsync');
    try {
      assert.deepEqual(await digest(2), one, 'told by messages');
    } finally {
      Object.assign(Atomics, { waitAsync });
    }
  });

  it('less memory where the engine refuses to reserve 4 GiB, up to its last page', async () => {
    const { Memory } = WebAssembly;
    const tried: number[] = [];
    class Small extends Memory {
      constructor(descriptor: WebAssembly.MemoryDescriptor) {
        tried.push(descriptor.maximum as number);
        if ((descriptor.maximum as number) > limit) throw new RangeError('could not allocate memory');
        super(descriptor);
      }
    }
    let limit = 2 ** 14;
    WebAssembly.Memory = Small;
    try {
      const b = await createWasmBackend({ workers: 2 });
      assert.deepEqual(tried, [2 ** 16, 2 ** 15, 2 ** 14]);
      const point = new Random(7).fields(15);
      const full = await createReferenceBackend();
      assert.deepEqual(await b.toField(await b.eqTable(point, 1n)), await full.toField(await full.eqTable(point, 1n)));
      await b.close();
      limit = 2 ** 12;
      const memory = new DeviceMemory();
      // The last piece is smaller than what the memory would like to grow by.
      for (let pages = 256; pages < 2 ** 12 - 8; pages += 160) memory.alloc(160 * 65536);
      assert.throws(() => memory.alloc(2 ** 28), /out of memory/);
      limit = 2 ** 11;
      assert.throws(() => new DeviceMemory(), /no addresses for 256 MiB of shared memory/);
    } finally {
      WebAssembly.Memory = Memory;
    }
  });

  it('a closed backend refuses jobs, and ends those that it has', async () => {
    const b = await createWasmBackend({ workers: 2 });
    const table = b.eqTable(new Random(6).fields(15), 1n);
    await b.close();
    assert.equal((await table).length, 2 ** 15);
    await assert.rejects(b.eqTable(new Random(6).fields(15), 1n), /closed/);
    await b.close();
  });

  it('a worker that is woken again after its job does not report it twice', async () => {
    const { memory } = new DeviceMemory();
    const module = await WebAssembly.compile(await readKernels(false));
    const start = { module, memory, scratch: 65536, index: 1, kernels: ['fillVector'], tells: false };
    const die = (error: Error) => {
      throw error;
    };
    const words = new Int32Array(memory.buffer);
    // Before the worker is there, so that it never sleeps without a job.
    Atomics.store(words, CONTROL.job, 1);
    const thread = startThread(start, die, () => {});
    /** Wakes the worker once it sleeps. */
    const wake = async () => {
      while (Atomics.notify(words, CONTROL.job) === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    };
    // The first finds the worker asleep after its job of no chunks, the second after what it made of the first.
    await wake();
    await wake();
    assert.equal(Atomics.load(words, CONTROL.done), 1);
    Atomics.store(words, CONTROL.job, -1);
    Atomics.notify(words, CONTROL.job);
    await thread.stop();
  });

  it('a worker that dies ends its job and all later ones with an error', async () => {
    const memory = new DeviceMemory();
    let die: (error: Error) => void = () => {};
    const thread: Thread = { hold: () => {}, stop: async () => {} };
    const pool = new Pool(
      memory,
      { setThread: () => {}, fused: () => 1, idle: () => {} } as unknown as Exports,
      ['idle'],
      [
        (onError) => {
          die = onError;
          return thread;
        },
      ],
    );
    const job = pool.dispatch('idle', 0, 1);
    setTimeout(() => die(new Error('killed')), 10);
    await assert.rejects(job, /a worker has died/);
    await assert.rejects(pool.dispatch('idle', 0, 1), /a worker has died/);
  });
});
