/** Kernels of partial evaluations: sums of runs of terms, sums of these, and what adds them to the result. */
import type { Axis } from '../axes.ts';
import { cellsOfWord, KINDS, type Kind } from './ints.ts';
import { invocations, type Kernel } from './kernel.ts';
import { dotsCode, termsBetweenCarries } from './wgsl/dots.ts';
import type { LimbBits } from './wgsl/field.ts';

/** What an invocation reads at a time: a cell; a word, of neighbouring outputs; a word, of neighbouring terms; such words of several outputs. */
const MODES = ['cell', 'outputs', 'terms', 'tiles'] as const;
export type Mode = (typeof MODES)[number];

/** Outputs of a tile, which share the weights that are read. */
const TILE = 4;

/** Outputs of an invocation, and terms that it reads at a time. */
export const stepsOf = (kind: Kind, mode: Mode): { readonly outputs: number; readonly terms: number } => ({
  outputs: { cell: 1, outputs: cellsOfWord(kind), terms: 1, tiles: TILE }[mode],
  terms: mode === 'terms' || mode === 'tiles' ? cellsOfWord(kind) : 1,
});

/** Cells side by side at the inner end of axes. */
function runOf(axes: readonly Axis[]): number {
  let run = 1;
  for (const a of axes.toReversed()) {
    if (a.stride !== run) break;
    run *= a.count;
  }
  return run;
}

/** Axes of more than one cell, as what lies side by side allows. */
export function chooseMode(kind: Kind, kept: readonly Axis[], near: readonly Axis[], far: readonly Axis[]): Mode {
  const each = cellsOfWord(kind);
  if (each === 1) return 'cell';
  const aligned = (axes: readonly Axis[], run: number): boolean => axes.every((a) => a.stride < run || a.stride % each === 0);
  for (const [mode, own] of [
    ['outputs', kept],
    ['terms', near],
  ] as const) {
    const run = runOf(own);
    const others = own === kept ? [...near, ...far] : [...kept, ...far];
    if (run === 1 || run % each !== 0 || !aligned(own, run) || !aligned(others, 0)) continue;
    const outputs = kept.reduce((n, a) => n * a.count, 1);
    return mode === 'terms' && outputs % TILE === 0 ? 'tiles' : mode;
  }
  return 'cell';
}

/** Adds to `at` (to `to`) the offsets of an output, by axes from the innermost on: pairs of words (cells, stride) from `from` on. */
const place = (name: string, from: number, axes: number): string => `
  for (var k = 0u; k < word(${axes}u); k++) {
    let cells = word(${from}u + 2u * k);
    ${name} += (rest % cells) * word(${from + 1}u + 2u * k);
    rest /= cells;
  }`;

/**
 * Item (n, o), o fastest: the sum n of group o of outputs. Words: the first group, groups, sums a far term, terms, terms a sum, axes, whether
 * far terms weigh, and (cells, stride) of the kept axes.
 */
function makeDotKernel(kind: Kind, mode: Mode, bits: LimbBits): Kernel {
  const { outputs, terms } = stepsOf(kind, mode);
  const run = terms * Math.floor(termsBetweenCarries(kind, bits) / terms);
  const shift = kind === 8 ? 2 : 1;
  const cell = (name: string, k: number): string => `extractBits(${name}, ${k * kind}u, ${kind}u)`;
  const all = Array.from({ length: outputs }, (_, k) => k);
  // Where outputs lie in one word, the first one's place is enough.
  const places = mode === 'tiles' ? all : [0];
  const read = places.map((k) => `let c${k} = bitcast<i32>(source[(at${k} + offsets[t]) >> ${shift}u]);`).join(' ');
  const plus = (k: number, value: string): string => `a${k} = plusLow(a${k}, w, ${value});`;
  const byTerm = Array.from(
    { length: terms },
    (_, j) => `{ let w = weightAt(t + ${j}u); ${all.map((k) => plus(k, cell(`c${k}`, j))).join(' ')} }`,
  );
  const add =
    mode === 'cell'
      ? 'a0 = plusCell(a0, weightAt(t), at0 + offsets[t]);'
      : mode === 'outputs'
        ? `${read} let w = weightAt(t); ${all.map((k) => plus(k, cell('c0', k))).join(' ')}`
        : `${read} ${byTerm.join(' ')}`;
  const body = `
  let sets = word(1u);
  let o = item % sets;
  let n = item / sets;
  let distant = n / word(2u);
  var t = (n % word(2u)) * word(4u);
  let end = min(word(3u), t + word(4u));
  let first = (word(0u) + o) * ${outputs}u;
  ${places.map((k) => `let at${k} = offsets[word(3u) + distant] + placeOf(first + ${k}u);`).join(' ')}
  ${all.map((k) => `var a${k} = Sums();`).join(' ')}
  while (t < end) {
    let stop = min(end, t + ${run}u);
    for (; t < stop; t += ${terms}u) { ${add} }
    ${all.map((k) => `a${k} = carried(a${k});`).join(' ')}
  }
  for (var c = 0u; c < ${outputs}u; c++) {
    var own = a0;
    ${all
      .slice(1)
      .map((k) => `if (c == ${k}u) { own = a${k}; }`)
      .join(' ')}
    storeF_partials((n * sets + o) * ${outputs}u + c, elementOf(own, loadF_far(distant), word(6u) == 1u));
  }`;
  return invocations(
    `sums of ${kind}-bit cells by ${mode}`,
    ['F'],
    [
      { name: 'source', type: 'u32', access: 'read' },
      { name: 'offsets', type: 'u32', access: 'read' },
      { name: 'weights', type: 'vec4u', access: 'read' },
      { name: 'far', type: 'vec4u', access: 'read' },
      { name: 'partials', type: 'vec4u', access: 'write' },
    ],
    body,
    `${dotsCode(kind, bits)}
fn placeOf(output: u32) -> u32 {
  var at = 0u;
  var rest = output;
  ${place('at', 7, 5)}
  return at;
}`,
  );
}

const made = new Map<string, Kernel>();

export function dotKernel(kind: Kind, mode: Mode, bits: LimbBits): Kernel {
  const key = `${kind} ${mode} ${bits}`;
  const kernel = made.get(key) ?? makeDotKernel(kind, mode, bits);
  made.set(key, kernel);
  return kernel;
}

/** Partial sums that one invocation adds up. */
export const FOLDED = 32;

/** Item (n, o), o fastest: the sum of partial sums FOLDED·n … of output o. Words: outputs, partial sums of each. */
export const FOLD: Kernel = invocations(
  'sums of partial evaluations',
  ['F'],
  [
    { name: 'partials', type: 'vec4u', access: 'read' },
    { name: 'out', type: 'vec4u', access: 'write' },
  ],
  `
  let o = item % word(0u);
  let begin = (item / word(0u)) * ${FOLDED}u;
  let end = min(word(1u), begin + ${FOLDED}u);
  var x = loadF_partials(begin * word(0u) + o);
  for (var n = begin + 1u; n < end; n++) { x = addF(x, loadF_partials(n * word(0u) + o)); }
  storeF_out(item, x);`,
);

/**
 * Item o: adds the partial sums of output o to its element, if it lies in this part of the result. Words: the first output, partial sums of each, outputs, the
 * part's first element, its elements, the first output's element, axes, and (cells, step) of the kept axes.
 */
export const FINISH: Kernel = invocations(
  'partial evaluations to their places',
  ['F'],
  [
    { name: 'partials', type: 'vec4u', access: 'read' },
    { name: 'out', type: 'vec4u', access: 'write' },
  ],
  `
  var to = word(5u);
  var rest = word(0u) + item;
  ${place('to', 7, 6)}
  let own = to - word(3u);
  if (to >= word(3u) && own < word(4u)) {
    var x = loadF_out(own);
    for (var n = 0u; n < word(1u); n++) { x = addF(x, loadF_partials(n * word(2u) + item)); }
    storeF_out(own, x);
  }`,
);

/** All for a width of limbs. */
export const dotKernels = (bits: LimbBits): readonly Kernel[] => [
  ...KINDS.flatMap((kind) => (cellsOfWord(kind) === 1 ? (['cell'] as const) : MODES).map((mode) => dotKernel(kind, mode, bits))),
  FOLD,
  FINISH,
];
