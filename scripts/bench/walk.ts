/**
 * `npm run bench -- walk`: the trainer alone. Matrix products by type and layout of the stored factor, then the first step of a model walked in
 * integers (with the values of its look-ups, as for a proof) and in float64, without helper threads and with them, and where the time goes.
 */
import { Command } from 'commander';
import { asTensors } from '../../prover/run/training.ts';
import { calibrate } from '../../prover/trainer/calibrate.ts';
import { Products } from '../../prover/trainer/kernels/products.ts';
import type { Right } from '../../prover/trainer/kernels/right.ts';
import { Walker, type Tensors } from '../../prover/trainer/walk.ts';
import { fromHex } from '../../verifier/input.ts';
import { buildTraining } from '../../verifier/models/build.ts';
import { initialState } from '../../verifier/models/initial-state.ts';
import type { Program, Relation } from '../../verifier/program/types.ts';
import { action, table, type Report } from '../lib/command.ts';
import { integerOption } from '../lib/options.ts';
import { outputOf, PARTS, partOf, type Part } from './parts.ts';
import { prepare, recipeOptions, type Prepared, type RecipeOptions } from './recipe.ts';
import { best, bytes, count, machine, machineText, peakResident, seconds, Stopwatch, total, type Cost } from './report.ts';

interface Options extends RecipeOptions {
  readonly helpers?: number;
  readonly runs: number;
}

const EXAMPLES = `
Examples:
  npm run bench -- walk
  npm run bench -- walk --model gpt2 --precision real
  npm run bench -- walk --model gpt2 --layers 2 --helpers 1 --json`;

/** `bench walk` */
export function walkCommand(): Command {
  const command = recipeOptions(new Command('walk').description('walk a training step without proving it'))
    .option('--helpers <n>', 'threads beside the calling one (default: one for each further core)', integerOption(0, 64))
    .option('--runs <n>', 'runs of everything; the best counts', integerOption(1, 100), 3)
    .addHelpText('after', EXAMPLES);
  return action<Options>(command, async (_args, options) => {
    const most = options.helpers ?? new Products().helpers;
    const prepared = prepare(options);
    const { program, inputs, calibration } = setUp(prepared);
    const variants: Variant[] = [];
    for (const helpers of most === 0 ? [0] : [0, most]) {
      const products = new CountedProducts(helpers);
      variants.push({
        helpers,
        products: await rates(products, prepared, options.runs),
        ...walks(program, inputs, products, options.runs),
      });
      await products.close();
    }
    return report(program, calibration, variants);
  });
}

/** Counts multiply-adds, and the time from a product's operands to its result. */
class CountedProducts extends Products {
  work = 0;
  milliseconds = 0;

  override multiply(left: Float64Array, right: Right, out: Float64Array, M: number, N: number, K: number): void {
    const begin = performance.now();
    super.multiply(left, right, out, M, N, K);
    this.milliseconds += performance.now() - begin;
    this.work += M * N * K;
  }
}

/** Rate of one product, multiply-adds a second. */
interface Rate {
  readonly cells: string;
  /** Which index of the stored factor is contiguous: that of the sum, or that of the result. */
  readonly along: 'terms' | 'columns';
  readonly rate: number;
}

interface Variant {
  readonly helpers: number;
  readonly products: readonly Rate[];
  readonly integer: Cost;
  readonly float: Cost;
  /** Multiply-adds of the integer walk, and seconds in them. */
  readonly work: number;
  readonly inProducts: number;
  /** Seconds of the integer walk by part of the program, and by relation. */
  readonly parts: Readonly<Record<Part, number>>;
  readonly relations: Readonly<Record<string, number>>;
}

export function setUp({ recipe, model, data }: Prepared): { program: Program; inputs: Tensors; calibration: Cost } {
  const fixed = Object.fromEntries([...model, ...data].map((t) => [t.name, t.values]));
  const seed = fromHex(`0x${'11'.repeat(32)}`);
  const given = (p: Program): Tensors => asTensors(fixed, initialState(p, seed));
  const watch = new Stopwatch();
  watch.mark('calibration');
  const calibrated = calibrate(recipe, given);
  const calibration = total(watch.parts());
  const { program } = buildTraining(calibrated);
  return { program, inputs: given(program), calibration };
}

const ARRAYS = [Int8Array, Int16Array, Int32Array, Float64Array] as const;

/** Activations by the widest matrix of a layer. */
async function rates(products: Products, { recipe }: Prepared, runs: number): Promise<Rate[]> {
  const [M, N, K] = [recipe.batch * recipe.sequence, recipe.model.ffn, recipe.model.width];
  const left = Float64Array.from({ length: M * K }, (_, i) => ((i * 7919) % 2001) - 1000);
  const out = new Float64Array(M * N);
  const all: Rate[] = [];
  for (const make of ARRAYS)
    for (const along of ['terms', 'columns'] as const) {
      const cells = new make(N * K);
      for (let i = 0; i < cells.length; i++) cells[i] = ((i * 31) % 255) - 127;
      const right = { cells, base: 0, strideK: along === 'terms' ? 1 : N, strideN: along === 'terms' ? K : 1 };
      const time = await best(runs + 1, () => products.multiply(left, right, out, M, N, K));
      all.push({ cells: make.name.replace('Array', ''), along, rate: (1000 * M * N * K) / time });
    }
  return all;
}

const label = (r: Relation): string => `${r.kind} ${outputOf(r)}`;

function walks(program: Program, inputs: Tensors, products: CountedProducts, runs: number): Omit<Variant, 'helpers' | 'products'> {
  const walker = new Walker(program, products);
  /** The fastest of the runs, and what `run` said of it. */
  const fastest = <T>(run: () => T): { readonly cost: Cost; readonly said: T } => {
    const all = Array.from({ length: runs }, () => {
      const watch = new Stopwatch();
      watch.mark('walk');
      const said = run();
      return { cost: total(watch.parts()), said };
    });
    return all.reduce((least, x) => (x.cost.wall < least.cost.wall ? x : least));
  };
  const float = fastest(() => void walker.walkFloat(0, inputs));
  const integer = fastest(() => {
    const parts = Object.fromEntries(PARTS.map((p) => [p, 0])) as Record<Part, number>;
    const relations = new Map<string, number>();
    [products.work, products.milliseconds] = [0, 0];
    let since = performance.now();
    walker.walk(0, inputs, {
      leaves: true,
      onProgress: (_, index) => {
        const time = (performance.now() - since) / 1000;
        const relation = program.relations[index] as Relation;
        parts[partOf(outputOf(relation))] += time;
        relations.set(label(relation), (relations.get(label(relation)) ?? 0) + time);
        since = performance.now();
      },
    });
    return { parts, relations: Object.fromEntries(relations), work: products.work, inProducts: products.milliseconds / 1000 };
  });
  return { float: float.cost, integer: integer.cost, ...integer.said };
}

function report(program: Program, calibration: Cost, variants: readonly Variant[]): Report {
  const machineOf = machine();
  const cells = program.tensors
    .filter((t) => t.poly === 'witness' || t.poly === 'state.out')
    .reduce((n, t) => n + t.axes.reduce((p, a) => p * a.size, 1), 0);
  const first = variants[0] as Variant;
  const heads = variants.map((v) => (v.helpers === 0 ? 'one thread' : `${v.helpers + 1} threads`));
  const row = (name: string, of: (v: Variant) => string): string[] => [name, ...variants.map(of)];
  const both = (s: Cost): string => `${seconds(s.wall)} (${seconds(s.cpu)})`;
  const slowest = Object.entries(first.relations)
    .sort((a, b) => b[1] - a[1])
    .slice(0, 8);
  const giga = (n: number): string => (n / 1e9).toFixed(2);
  return {
    json: { bench: 'walk', machine: machineOf, program: program.name, cells, calibration, variants, peak: peakResident() },
    text: [
      table([
        ['matrix products, 10^9 multiply-adds a second', ...heads],
        ...first.products.map(({ cells: kind, along }, i) =>
          row(`${kind}, ${along} contiguous`, (v) => giga((v.products[i] as Rate).rate)),
        ),
      ]),
      '',
      table([
        ['one proof’s steps, clock (all threads)', ...heads],
        row('integers, with look-ups', (v) => both(v.integer)),
        row('float64', (v) => both(v.float)),
      ]),
      '',
      table([
        ['of the integer walk, clock', ...heads],
        row(`in matrix products (${giga(first.work)} · 10^9 multiply-adds)`, (v) => seconds(v.inProducts)),
        ...PARTS.filter((p) => first.parts[p] > 0).map((p) => row(p, (v) => seconds(v.parts[p]))),
        ...slowest.map(([name]) => row(name, (v) => seconds(v.relations[name] as number))),
      ]),
      '',
      table([
        ['cells', count(cells)],
        ['calibration, clock (all threads)', both(calibration)],
        ['peak memory', bytes(peakResident())],
        ['machine', machineText(machineOf)],
      ]),
    ].join('\n'),
  };
}
