/**
 * The inner loop of a matrix product with 128-bit vectors, as a WebAssembly module assembled here: for M rows of a and N rows of b
 * (both with K contiguous float64) it writes the M × N dot products. M is a multiple of 4, N and K are even.
 */

const I32 = 0x7f;
const V128 = 0x7b;

const leb = (n: number): number[] => {
  const out: number[] = [];
  for (;;) {
    const byte = n & 0x7f;
    n >>= 7;
    if ((n === 0 && (byte & 0x40) === 0) || (n === -1 && (byte & 0x40) !== 0)) return [...out, byte];
    out.push(byte | 0x80);
  }
};
const uleb = (n: number): number[] => (n < 128 ? [n] : [(n & 0x7f) | 0x80, ...uleb(n >>> 7)]);
const vector = (items: readonly (readonly number[])[]): number[] => [...uleb(items.length), ...items.flat()];
const section = (id: number, body: readonly number[]): number[] => [id, ...uleb(body.length), ...body];
const text = (s: string): number[] => [...uleb(s.length), ...new TextEncoder().encode(s)];

const get = (local: number): number[] => [0x20, ...uleb(local)];
const set = (local: number): number[] => [0x21, ...uleb(local)];
const constant = (n: number): number[] => [0x41, ...leb(n)];
const add = [0x6a];
const simd = (op: number): number[] => [0xfd, ...uleb(op)];
const load = (offset: number): number[] => [...simd(0), 3, ...uleb(offset)];
const zero = [...simd(12), ...new Array<number>(16).fill(0)];
const multiplyAdd = [...simd(0xf2), ...simd(0xf0)];
const lane = (i: number): number[] => [...simd(0x21), i];
const addFloats = [0xa0];
const storeFloat = (offset: number): number[] => [0x39, 3, ...uleb(offset)];
const increase = (local: number, by: readonly number[]): number[] => [...get(local), ...by, ...add, ...set(local)];
/** Repeats `body` while local `at` is below local `end`; the body runs at least once. */
const loop = (body: readonly number[], at: number, end: number): number[] => [
  0x03,
  0x40,
  ...body,
  ...get(at),
  ...get(end),
  0x49,
  0x0d,
  0,
  0x0b,
];

/** Parameters: byte addresses of a, of b and of c, bytes of a row of a and b, of c, and the ends of a and b. */
const [A, B, C, ROW, ROW_C, A_END, B_END] = [0, 1, 2, 3, 4, 5, 6];
const [PB, PC, OFFSET, K_END] = [7, 8, 9, 10];
const ROWS = [11, 12, 13];
const COLUMN = 14;
const SUMS = [0, 1, 2, 3, 4, 5, 6, 7].map((i) => 15 + i);
const X = 23;
const Y = [24, 25];

function body(): number[] {
  const address = (base: number): number[] => [...get(base), ...get(OFFSET), ...add];
  const step = (offset: number): number[] => [
    ...address(PB),
    ...load(offset),
    ...set(Y[0]),
    ...address(COLUMN),
    ...load(offset),
    ...set(Y[1]),
    ...[A, ...ROWS].flatMap((row, i) => [
      ...address(row),
      ...load(offset),
      ...set(X),
      ...Y.flatMap((y, j) => [...get(SUMS[2 * i + j]), ...get(X), ...get(y), ...multiplyAdd, ...set(SUMS[2 * i + j])]),
    ]),
  ];
  const inner = loop([...step(0), ...increase(OFFSET, constant(16))], OFFSET, K_END);
  const stores = [0, 1, 2, 3].flatMap((i) => [
    ...[0, 1].flatMap((j) => {
      const s = SUMS[2 * i + j];
      return [...get(PC), ...get(s), ...lane(0), ...get(s), ...lane(1), ...addFloats, ...storeFloat(8 * j)];
    }),
    ...increase(PC, get(ROW_C)),
  ]);
  const columns = loop(
    [
      ...SUMS.flatMap((s) => [...zero, ...set(s)]),
      ...get(PB),
      ...get(ROW),
      ...add,
      ...set(COLUMN),
      ...constant(0),
      ...set(OFFSET),
      ...inner,
      ...stores,
      // Back to the first of the four rows, two columns on.
      ...get(PC),
      ...get(ROW_C),
      ...constant(4),
      0x6c,
      0x6b,
      ...constant(16),
      ...add,
      ...set(PC),
      ...increase(PB, [...get(ROW), ...constant(2), 0x6c]),
    ],
    PB,
    B_END,
  );
  return loop(
    [
      ...ROWS.flatMap((r, i) => [...get(i === 0 ? A : ROWS[i - 1]), ...get(ROW), ...add, ...set(r)]),
      ...get(B),
      ...set(PB),
      ...get(C),
      ...set(PC),
      ...get(ROW),
      ...set(K_END),
      ...columns,
      ...increase(A, [...get(ROW), ...constant(4), 0x6c]),
      ...increase(C, [...get(ROW_C), ...constant(4), 0x6c]),
    ],
    A,
    A_END,
  );
}

function assemble(): Uint8Array<ArrayBuffer> {
  const locals = [
    [8, I32],
    [11, V128],
  ];
  const code = [...vector(locals.map(([n, t]) => [...uleb(n), t])), ...body(), 0x0b];
  return Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, vector([[0x60, ...vector(new Array(7).fill([I32])), 0]])),
    ...section(3, vector([[0]])),
    ...section(5, vector([[0, 1]])),
    ...section(
      7,
      vector([
        [...text('memory'), 2, 0],
        [...text('dots'), 0, 0],
      ]),
    ),
    ...section(10, vector([[...uleb(code.length), ...code]])),
  ]);
}

interface Kernel {
  readonly memory: WebAssembly.Memory;
  readonly dots: (a: number, b: number, c: number, row: number, rowC: number, aEnd: number, bEnd: number) => void;
}

const kernel = new WebAssembly.Instance(new WebAssembly.Module(assemble())).exports as unknown as Kernel;

const PAGE = 65536;
let cells = new Float64Array(kernel.memory.buffer);

/** The first `length` cells of the kernel's memory; what an earlier call returned is no longer valid. */
function memory(length: number): Float64Array {
  const missing = Math.ceil((length * 8 - kernel.memory.buffer.byteLength) / PAGE);
  if (missing > 0) kernel.memory.grow(missing);
  if (cells.buffer !== kernel.memory.buffer) cells = new Float64Array(kernel.memory.buffer);
  return cells;
}

/** Cells of the rows of b that stay in a core's cache while a's rows pass by. */
const CACHE = 2 ** 14;
/** Cells of one factor that are in the kernel's memory at once. */
const CHUNK = 2 ** 21;

/** Rows first … first+count−1 of a matrix with K columns, each followed by zeros up to `row` cells. */
function place(into: Float64Array, at: number, from: Float64Array, first: number, count: number, K: number, row: number): void {
  if (K === row) return into.set(from.subarray(first * K, (first + count) * K), at);
  for (let i = 0; i < count; i++) {
    into.set(from.subarray((first + i) * K, (first + i + 1) * K), at + i * row);
    into[at + i * row + K] = 0;
  }
}

/** c[m][n] = Σ_k a[m][k]·b[n][k]. */
export function simdMatmul(a: Float64Array, b: Float64Array, c: Float64Array, M: number, N: number, K: number): void {
  const row = K + (K & 1);
  const tile = Math.max(2, Math.floor(CACHE / row / 2) * 2);
  const most = Math.max(4, Math.floor(CHUNK / row / 4) * 4);
  const [m1, n1] = [Math.min(most, Math.ceil(M / 4) * 4), Math.min(most, Math.ceil(N / 2) * 2)];
  const [atB, atC] = [m1 * row, (m1 + n1) * row];
  const heap = memory(atC + m1 * n1);
  for (let n0 = 0; n0 < N; n0 += n1) {
    const n = Math.min(n1, N - n0);
    place(heap, atB, b, n0, n, K, row);
    for (let m0 = 0; m0 < M; m0 += m1) {
      const m = Math.min(m1, M - m0);
      place(heap, 0, a, m0, m, K, row);
      const [mPadded, nPadded] = [Math.ceil(m / 4) * 4, Math.ceil(n / 2) * 2];
      for (let t = 0; t < nPadded; t += tile) {
        const tEnd = Math.min(nPadded, t + tile);
        kernel.dots(0, 8 * (atB + t * row), 8 * (atC + t), 8 * row, 8 * nPadded, 8 * mPadded * row, 8 * (atB + tEnd * row));
      }
      if (n === N && n === nPadded) c.set(heap.subarray(atC, atC + m * N), m0 * N);
      else for (let i = 0; i < m; i++) c.set(heap.subarray(atC + i * nPadded, atC + i * nPadded + n), (m0 + i) * N + n0);
    }
  }
}
