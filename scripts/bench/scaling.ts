/** `npm run bench -- scaling`: how proof and verification grow with tokens, layers and steps. */
import { Command, InvalidArgumentError } from 'commander';
import type { Backend } from '../../prover/backend/types.ts';
import type { Engine } from '../../verifier/engine.ts';
import { action, table, type Report } from '../lib/command.ts';
import { integerOption } from '../lib/options.ts';
import { progressBar } from '../lib/progress.ts';
import { fitLine, type Fit } from './fit.ts';
import { PARTS, type Part, type PartCount } from './parts.ts';
import { prepare, recipeOptions, type RecipeOptions } from './recipe.ts';
import {
  backendOptions,
  bytes,
  clockOption,
  clockText,
  count,
  machine,
  machineText,
  peakResident,
  seconds,
  svgOption,
  total,
  withBackend,
  writeText,
  type BackendOptions,
  type Clock,
  type Cost,
} from './report.ts';
import { curves } from './svg.ts';
import { benchTraining } from './training.ts';

const SERIES = ['tokens', 'layers', 'steps', 'steps in a proof'] as const;
type Series = (typeof SERIES)[number];

interface Options extends RecipeOptions, BackendOptions {
  readonly overTokens: readonly number[];
  readonly overLayers: readonly number[];
  readonly overSteps: readonly number[];
  readonly overPerProof: readonly number[];
  readonly clock: Clock;
  readonly svg?: string;
}

const EXAMPLES = `
Examples:
  npm run bench -- scaling
  npm run bench -- scaling --over-layers 3,6,12,24 --over-tokens 16 --over-steps 1 --over-per-proof 1 --svg scaling.svg
  npm run bench -- scaling --family gpt2 --width 192 --heads 3 --clock cpu --json`;

function listOption(text: string): readonly number[] {
  const values = [...new Set(text.split(',').map(integerOption(1, 1 << 20)))].sort((a, b) => a - b);
  if (values.length === 0) throw new InvalidArgumentError('It must be whole numbers separated by commas.');
  return values;
}

/** `bench scaling` */
export function scalingCommand(): Command {
  const command = new Command('scaling').description(
    'proving, verifying and proof bytes over tokens, layers and steps, one at a time, with lines through them',
  );
  clockOption(svgOption(backendOptions(recipeOptions(command, { width: 64, layers: 3, heads: 2, tokens: 16, rank: 4 }))))
    .option('--over-tokens <list>', 'tokens a step; one value measures no series', listOption, [16, 32, 64, 128])
    .option('--over-layers <list>', 'decoder layers', listOption, [3, 6, 9, 12])
    .option('--over-steps <list>', 'training steps, --per-proof in each proof', listOption, [1, 2, 4, 8])
    .option('--over-per-proof <list>', 'training steps, all in one proof; powers of two', listOption, [1, 2, 4, 8])
    .addHelpText('after', EXAMPLES);
  return action<Options>(command, async (_args, options) => {
    const bar = progressBar('scaling');
    try {
      return await withBackend(options, async (backend, engine) => report(options, await measure(backend, engine, options, bar.update)));
    } finally {
      bar.stop();
    }
  });
}

/** One run of the bench of steps. */
interface Point {
  readonly x: number;
  readonly prove: Cost;
  readonly verify: Cost;
  readonly proofBytes: number;
  readonly bundleBytes: number;
  /** Committed cells and look-ups of all proofs, without pads. */
  readonly work: number;
}

interface Measured {
  readonly series: Series;
  readonly points: readonly Point[];
}

const LISTS = { tokens: 'overTokens', layers: 'overLayers', steps: 'overSteps', 'steps in a proof': 'overPerProof' } as const;

const changesOf = (series: Series, x: number): Partial<RecipeOptions> =>
  series === 'steps in a proof' ? { steps: x, perProof: x } : { [series]: x };

async function measure(
  backend: Backend,
  engine: Engine,
  options: Options,
  update: (part: number, what: string) => void,
): Promise<Measured[]> {
  const run = async (changes: Partial<RecipeOptions>, x: number): Promise<Point> => {
    const t = await benchTraining(backend, engine, { ...prepare({ ...options, ...changes }), onProgress: () => {} });
    const parts = t.program['parts'] as Readonly<Record<Part, PartCount>>;
    const proofs = t.program['proofs'] as number;
    return {
      x,
      prove: total(t.proving),
      verify: total(t.verifying),
      proofBytes: t.proofBytes,
      bundleBytes: t.bundleBytes,
      work: proofs * PARTS.reduce((n, p) => n + parts[p].cells + parts[p].leaves, 0),
    };
  };
  const wanted = SERIES.filter((s) => options[LISTS[s]].length > 1);
  const runs = wanted.flatMap((series) => options[LISTS[series]].map((x) => ({ series, x })));
  update(0, 'warming up');
  // Twice, until the engine has compiled what it runs.
  for (let i = 0; i < 2; i++) await run({}, 0);
  const out = wanted.map((series) => ({ series, points: [] as Point[] }));
  for (const [i, { series, x }] of runs.entries()) {
    update(i / runs.length, `${series} ${x}`);
    out.find((m) => m.series === series)?.points.push(await run(changesOf(series, x), x));
  }
  return out;
}

interface Grown {
  readonly fit: Fit;
  /** The last value in parts of the first. */
  readonly growth: number;
}

const grown = (points: readonly Point[], of: (p: Point) => number): Grown => ({
  fit: fitLine(points.map((p) => [p.x, of(p)])),
  growth: of(points.at(-1) as Point) / of(points[0] as Point),
});

const percent = (v: number): string => `${(100 * v).toFixed(0)} %`;

const lineText = ({ fit: { a, b, worst }, growth }: Grown, x: string): string =>
  `${seconds(a)} ${b < 0 ? '−' : '+'} ${seconds(Math.abs(b))} × ${x}, at most ${percent(worst)} off; grows ${growth.toFixed(2)}×`;

/** Layers from 3 to 12, four times the work: the verifier's time and the proof's bytes may grow at most so much. */
const LIMIT = 2.3;

function report(options: Options, measured: readonly Measured[]): Report {
  const { clock } = options;
  const time = (s: Cost): number => s[clock];
  const series = measured.map(({ series: name, points }) => ({
    series: name,
    points,
    prove: grown(points, (p) => time(p.prove)),
    verify: grown(points, (p) => time(p.verify)),
    bytes: grown(points, (p) => p.bundleBytes),
  }));
  const where = machine();
  const peak = peakResident();
  if (options.svg !== undefined)
    writeText(
      options.svg,
      curves(
        `Growth of proving, verifying and bundles, ${clockText(clock)}`,
        series.map(({ series: x, points, prove, verify }) => [
          { name: 'proving, seconds', x, points: points.map((p) => [p.x, time(p.prove)] as const), line: prove.fit },
          { name: 'verifying, seconds', x, points: points.map((p) => [p.x, time(p.verify)] as const), line: verify.fit },
          { name: 'bundle, KiB', x, points: points.map((p) => [p.x, p.bundleBytes / 1024] as const) },
        ]),
      ),
    );
  const layers = series.find((s) => s.series === 'layers' && s.points[0]?.x === 3 && s.points.at(-1)?.x === 12);
  return {
    json: { bench: 'scaling', machine: where, clock, series, peak },
    text: [
      `${options.model}${options.model === 'custom' ? ` ${options.family}, width ${options.width}` : ''}: ${options.tokens} tokens, ${options.layers} layers, ${options.steps} ${options.steps === 1 ? 'step' : 'steps'} where nothing else is said; ${clockText(clock)}`,
      ...series.flatMap((s) => [
        '',
        table([
          [s.series, 'cells and look-ups', 'proving', 'off the line', 'verifying', 'a proof', 'bundle'],
          ...s.points.map((p, i) => [
            String(p.x),
            count(p.work),
            seconds(time(p.prove)),
            percent((s.prove.fit.residuals[i] as number) / time(p.prove)),
            seconds(time(p.verify)),
            bytes(p.proofBytes),
            bytes(p.bundleBytes),
          ]),
        ]),
        `proving ${lineText(s.prove, s.series)}`,
        `verifying ${lineText(s.verify, s.series)}`,
        `bundle grows ${s.bytes.growth.toFixed(2)}×`,
      ]),
      ...(layers === undefined
        ? []
        : [
            '',
            `from 3 to 12 layers verifying may grow ${LIMIT}×: ${layers.verify.growth.toFixed(2)}×, ${layers.verify.growth < LIMIT ? 'met' : 'missed'}; bundle ${layers.bytes.growth.toFixed(2)}×, ${layers.bytes.growth < LIMIT ? 'met' : 'missed'}`,
          ]),
      '',
      `peak memory: ${bytes(peak)}`,
      machineText(where),
    ].join('\n'),
  };
}
