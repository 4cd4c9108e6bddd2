/** `npm run bench -- lora`: one LoRA module on its own (verifier/models/module.ts), beside ZKLoRA's published figures. */
import { Command, InvalidArgumentError } from 'commander';
import type { Backend } from '../../prover/backend/types.ts';
import { weightExponent } from '../../prover/model/import.ts';
import { commitInputs, proveInputs } from '../../prover/prove/inputs.ts';
import { systemRandom } from '../../prover/prove/random.ts';
import { encodeProgram } from '../../prover/program/encode.ts';
import { Walker, type Walk } from '../../prover/trainer/walk.ts';
import { buildModule, pieces, shiftsOf, type ModuleRecipe, type ModuleShape } from '../../verifier/models/module.ts';
import type { Engine } from '../../verifier/engine.ts';
import { digestOf } from '../../verifier/input.ts';
import { compile } from '../../verifier/program/compile.ts';
import { verifyInputs } from '../../verifier/verify.ts';
import { action, table, type Report } from '../lib/command.ts';
import { integerOption } from '../lib/options.ts';
import { progressBar } from '../lib/progress.ts';
import { generator, normals } from './models.ts';
import { programSize } from './parts.ts';
import {
  backendOptions,
  bytes,
  clockOption,
  clockText,
  machine,
  machineText,
  peakOf,
  peakResident,
  seconds,
  Stopwatch,
  svgOption,
  total,
  withBackend,
  writeText,
  type BackendOptions,
  type Clock,
  type Cost,
} from './report.ts';
import { stackedBars } from './svg.ts';
import { shapeName, TOKENS, ZKLORA, type MatrixShape, type ZkLoraRow } from './zklora.ts';

interface Options extends BackendOptions {
  readonly shape: MatrixShape;
  readonly modules: number;
  readonly tokens: number;
  readonly bits: number;
  readonly runs: number;
  readonly seed: number;
  readonly clock: Clock;
  readonly all?: true;
  readonly rows?: readonly string[];
  readonly svg?: string;
}

const EXAMPLES = `
Examples:
  npm run bench -- lora
  npm run bench -- lora --shape 768x4x2304 --runs 10 --svg lora.svg
  npm run bench -- lora --rows distilgpt2,Llama-3.1-8B
  npm run bench -- lora --shape 2048x8x512 --modules 16
  npm run bench -- lora --all --json`;

function shapeOption(text: string): MatrixShape {
  const match = /^(\d{1,5})x(\d{1,5})x(\d{1,5})$/.exec(text);
  if (match === null) throw new InvalidArgumentError('It must be in x rank x out, such as 768x8x2304.');
  const [input, rank, out] = match.slice(1).map(Number) as [number, number, number];
  return { in: input, rank, out };
}

function rowsOption(text: string): readonly string[] {
  const names = text.split(',');
  const wrong = names.find((n) => !ZKLORA.some((r) => r.model === n));
  if (wrong !== undefined)
    throw new InvalidArgumentError(`There is no row ${wrong}; choose among ${ZKLORA.map((r) => r.model).join(', ')}.`);
  return names;
}

/** `bench lora` */
export function loraCommand(): Command {
  const command = new Command('lora')
    .description('prove Δ = rescale(s·B·rescale(A·x)) of LoRA modules with hidden A, B, x and Δ')
    .option('--shape <in x rank x out>', 'shape of the module', shapeOption, shapeOption('768x8x2304'))
    .option('--modules <n>', 'modules of the shape in one proof', integerOption(1, 65536), 1)
    .option('--tokens <n>', 'rows of x', integerOption(1, 65536), TOKENS)
    .option('--bits <n>', 'width of every value; remainders have at most as many', integerOption(6, 16), 13)
    .option('--runs <n>', 'warm runs after the first', integerOption(1, 1000), 5)
    .option('--rows <models>', 'these rows of ZKLoRA’s table, comma-separated, instead of --shape', rowsOption)
    .option('--all', 'all rows of ZKLoRA’s table')
    .option('--seed <n>', 'seed of the random values', integerOption(0, 2 ** 32 - 1), 1);
  clockOption(svgOption(backendOptions(command))).addHelpText('after', EXAMPLES);
  return action<Options>(command, async (_args, options) => {
    const bar = progressBar('lora');
    try {
      return await withBackend(options, async (backend, engine) => {
        const rows = options.all ? ZKLORA : ZKLORA.filter((r) => options.rows?.includes(r.model));
        const shapes =
          rows.length === 0 ? [options.shape] : rows.flatMap((r) => r.shapes.map(([i, o]) => ({ in: i, rank: r.rank, out: o })));
        const results: ModuleTimes[] = [];
        for (const [i, shape] of shapes.entries()) {
          bar.update(i / shapes.length, shapeName(shape));
          results.push(await benchModule(backend, engine, { ...shape, modules: options.modules, tokens: options.tokens }, options));
        }
        return report(options, rows, results, backend);
      });
    } finally {
      bar.stop();
    }
  });
}

export interface ModuleTimes {
  readonly shape: ModuleShape;
  readonly program: ReturnType<typeof programSize>;
  readonly shifts: { readonly u: number; readonly delta: number };
  /** Program, its compilation, the walker: once a shape. */
  readonly setup: Cost;
  /** The first run in the process (for the first shape), and the fastest of the warm ones with its phases. */
  readonly first: { readonly prove: Cost; readonly verify: Cost };
  readonly warm: { readonly prove: Cost; readonly phases: Readonly<Record<string, Cost>>; readonly verify: Cost };
  readonly bytes: number;
  /** Largest |Δ − Δ in real numbers| in parts of the largest |Δ|. */
  readonly error: number;
}

const maxAbs = (values: Float64Array): number => values.reduce((m, v) => Math.max(m, Math.abs(v)), 0);

/** Row-major factor·a·bᵀ of each of the modules, whose matrices follow each other; `inner` columns both. */
function products(a: Float64Array, b: Float64Array, inner: number, modules: number, factor: number): Float64Array {
  const rows = a.length / inner / modules;
  const columns = b.length / inner / modules;
  return Float64Array.from({ length: modules * rows * columns }, (_, c) => {
    const row = Math.floor(c / columns);
    const i = row * inner;
    const j = (Math.floor(row / rows) * columns + (c % columns)) * inner;
    let sum = 0;
    for (let n = 0; n < inner; n++) sum += (a[i + n] as number) * (b[j + n] as number);
    return factor * sum;
  });
}

/** Real x, A, B as trained adapters have them, and u and Δ from them: the tensors of module.ts, uncut. */
function realModules(s: ModuleShape, scaling: number, seed: number) {
  const next = generator(seed);
  const x = normals(next, s.modules * s.tokens * s.in, 1);
  const A = normals(next, s.modules * s.rank * s.in, 1 / Math.sqrt(3 * s.in));
  const B = normals(next, s.modules * s.out * s.rank, 0.02);
  const u = products(x, A, s.in, s.modules, 1);
  return { x, A, B, u, delta: products(u, B, s.rank, s.modules, scaling) };
}

/** Exponents from the largest values; weights are coarser where a remainder would not fit `bits`. Δ and u keep one spare bit. */
export function calibrateModule(s: ModuleShape, bits: number, scaling: number, real: ReturnType<typeof realModules>): ModuleRecipe {
  const f = (values: Float64Array, spare: number): number => weightExponent(maxAbs(values), bits) - spare;
  const draft = { x: f(real.x, 0), A: f(real.A, 0), B: f(real.B, 0), u: f(real.u, 1), delta: f(real.delta, 1) };
  const recipe = { ...s, bits, scaling, exponents: draft };
  const over = shiftsOf(recipe);
  const exponents = { ...draft, A: draft.A - Math.max(0, over.u - bits), B: draft.B - Math.max(0, over.delta - bits) };
  return { ...recipe, exponents };
}

/** A dense matrix of `columns` columns, rounded and cut along them into the program's pieces; a unit of columns stays together. */
function cut(values: Float64Array, columns: number, unit: number, name: string, f: number): [string, Float64Array][] {
  const rows = values.length / columns;
  return pieces(columns / unit).map(({ from, size, suffix }) => {
    const width = size * unit;
    const piece = Float64Array.from({ length: rows * width }, (_, i) =>
      Math.round((values[Math.floor(i / width) * columns + from * unit + (i % width)] as number) * 2 ** f),
    );
    return [`${name}${suffix}`, piece];
  });
}

const SCALING = 2;

/** Proves and verifies modules with random values, once cold and `runs` times warm. Errors: a proof that is refused. */
export async function benchModule(
  backend: Backend,
  engine: Engine,
  shape: ModuleShape,
  options: { readonly bits: number; readonly runs: number; readonly seed: number; readonly clock: Clock },
): Promise<ModuleTimes> {
  const real = realModules(shape, SCALING, options.seed);
  const recipe = calibrateModule(shape, options.bits, SCALING, real);
  const { clock } = options;
  const { x, A, B, delta } = recipe.exponents;
  const inputs = new Map([
    ...cut(real.x, shape.in, 1, 'x', x),
    ...cut(real.A, shape.in, 1, 'A', A),
    ...cut(real.B, shape.out * shape.rank, shape.rank, 'B', B),
  ]);
  const setup = new Stopwatch();
  setup.mark('setup');
  const program = buildModule(recipe);
  const compiled = compile(program);
  // The transcript names rows and statement only, so that the statement must name the program.
  const statement = [BigInt(digestOf(encodeProgram(program)))];
  const walker = new Walker(program);
  setup.mark(null);

  let tensors: Walk['tensors'] = new Map();
  let length = 0;
  const run = async (): Promise<ModuleTimes['warm']> => {
    const proving = new Stopwatch();
    proving.mark('inputs');
    const commitment = await commitInputs(backend, systemRandom, compiled, inputs);
    proving.mark('walk and witness');
    const walk = walker.walk(0, inputs, { leaves: true });
    const proof = await proveInputs({
      backend,
      random: systemRandom,
      compiled,
      commitment,
      walk,
      statement,
      onPhase: (phase) => proving.mark(phase),
    });
    const phases = proving.parts();
    const verifying = new Stopwatch();
    verifying.mark('verify');
    await verifyInputs(compiled, commitment.rows, statement, proof, engine);
    tensors = walk.tensors;
    length = proof.length;
    return { prove: total(phases), phases, verify: total(verifying.parts()) };
  };
  const first = await run();
  let warm = await run();
  let verify = warm.verify;
  for (let i = 1; i < options.runs; i++) {
    const again = await run();
    if (again.prove[clock] < warm.prove[clock]) warm = again;
    if (again.verify[clock] < verify[clock]) verify = again.verify;
  }
  let error = 0;
  for (const { from, size, suffix } of pieces(shape.out)) {
    const values = tensors.get(`delta${suffix}`) as Float64Array;
    values.forEach((v, c) => {
      const at = Math.floor(c / size) * shape.out + from + (c % size);
      error = Math.max(error, Math.abs(v * 2 ** -delta - (real.delta[at] as number)));
    });
  }
  return {
    shape,
    program: programSize(compiled),
    shifts: shiftsOf(recipe),
    setup: total(setup.parts()),
    first: { prove: first.prove, verify: first.verify },
    warm: { ...warm, verify },
    bytes: length,
    error: error / maxAbs(real.delta),
  };
}

const ratio = (theirs: number, ours: number): string => `${(theirs / ours).toFixed(theirs < 10 * ours ? 1 : 0)}×`;

function report(options: Options, rows: readonly ZkLoraRow[], results: readonly ModuleTimes[], backend: Backend): Report {
  const peak = { process: peakResident(), backend: peakOf(backend) };
  const where = machine();
  const { modules, clock } = options;
  const mean = (list: readonly number[]): number => list.reduce((n, v) => n + v, 0) / list.length / modules;
  const beside = rows.map((r) => {
    const own = r.shapes.map(
      ([i, o]) => results.find((m) => m.shape.in === i && m.shape.out === o && m.shape.rank === r.rank) as ModuleTimes,
    );
    return { ...r, ours: { proof: mean(own.map((m) => m.warm.prove[clock])), verify: mean(own.map((m) => m.warm.verify[clock])) } };
  });
  if (options.svg !== undefined)
    writeText(
      options.svg,
      stackedBars(
        `LoRA modules, ${modules} in a proof, ${options.tokens} tokens: proof by phase, warm, ${clockText(clock)}`,
        results.map((m) => ({
          label: shapeName(m.shape),
          segments: Object.entries(m.warm.phases).map(([name, s]) => ({ name, value: 1000 * s[clock] })),
        })),
        'ms',
      ),
    );
  return {
    json: {
      bench: 'lora',
      machine: where,
      backend: backend.name,
      clock,
      perProof: modules,
      tokens: options.tokens,
      bits: options.bits,
      modules: results,
      zklora: beside,
      peak,
    },
    text: [
      `LoRA modules, ${modules} in a proof, ${options.tokens} tokens, ${options.bits} bits, hidden A, B, x and Δ; warm: fastest of ${options.runs} after the first`,
      table([
        [
          'in x rank x out',
          'setup',
          'first proof',
          'warm proof',
          'all threads',
          'first verify',
          'warm verify',
          'all threads',
          'proof',
          'error of Δ',
        ],
        ...results.map((m) => [
          shapeName(m.shape),
          seconds(m.setup.wall),
          seconds(m.first.prove.wall),
          seconds(m.warm.prove.wall),
          seconds(m.warm.prove.cpu),
          seconds(m.first.verify.wall),
          seconds(m.warm.verify.wall),
          seconds(m.warm.verify.cpu),
          bytes(m.bytes),
          `${(100 * m.error).toFixed(2)} %`,
        ]),
      ]),
      '',
      `Phases of the warm proof${clock === 'wall' ? '' : ', all threads'}:`,
      table([
        ['in x rank x out', ...Object.keys(results[0]?.warm.phases ?? {})],
        ...results.map((m) => [shapeName(m.shape), ...Object.values(m.warm.phases).map((s) => seconds(s[clock]))]),
      ]),
      ...(beside.length === 0
        ? []
        : [
            '',
            `Beside ZKLoRA’s published figures, a module (its hardware is not stated; it needs settings before a proof, ours needs none${modules === 1 ? '' : '; ours are shares of a proof'}${clock === 'wall' ? '' : '; ours in time of all threads'}):`,
            table([
              ['base model', 'rank', 'its proof', 'its settings', 'ours', 'ratio', 'its verify', 'ours', 'ratio'],
              ...beside.map((r) => [
                r.model,
                r.rank,
                seconds(r.proof),
                seconds(r.settings),
                `${seconds(r.ours.proof)}${r.ours.proof <= r.aim.proof ? '' : ` (aim ${seconds(r.aim.proof)})`}`,
                ratio(r.proof, r.ours.proof),
                seconds(r.verify),
                `${seconds(r.ours.verify)}${r.ours.verify <= r.aim.verify ? '' : ` (aim ${seconds(r.aim.verify)})`}`,
                ratio(r.verify, r.ours.verify),
              ]),
            ]),
          ]),
      '',
      `peak memory: ${bytes(peak.process)} of the process${peak.backend === null ? '' : `, ${bytes(peak.backend)} of the backend`}`,
      `${backend.name}${options.workers === undefined ? '' : `, ${options.workers} workers`}; ${machineText(where)}`,
    ].join('\n'),
  };
}
