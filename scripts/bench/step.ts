/** `npm run bench -- step`: whole training steps of any shape, trained, proven with zero-knowledge and verified. */
import { Command } from 'commander';
import { action, table, type Report } from '../lib/command.ts';
import { progressBar } from '../lib/progress.ts';
import { PARTS, type Part, type PartCount } from './parts.ts';
import { prepare, recipeOptions, type RecipeOptions } from './recipe.ts';
import {
  adapterText,
  backendOptions,
  bytes,
  count,
  machine,
  machineText,
  seconds,
  svgOption,
  total,
  withBackend,
  writeText,
  type BackendOptions,
  type Cost,
} from './report.ts';
import { stackedBars } from './svg.ts';
import { benchTraining, type TrainingTimes } from './training.ts';

interface Options extends RecipeOptions, BackendOptions {
  readonly svg?: string;
}

const EXAMPLES = `
Examples:
  npm run bench -- step
  npm run bench -- step --width 256 --layers 4 --heads 8 --tokens 64 --rank 4 --svg step.svg
  npm run bench -- step --weights examples/base --tokens 128 --batch 4 --target q,v --json
  npm run bench -- step --model gpt2 --tokens 32 --svg gpt2.svg
  npm run bench -- step --model llama-1b --layers 1 --tokens 16 --precision real`;

/** `bench step` */
export function stepCommand(): Command {
  const command = new Command('step').description('train, prove and verify whole training steps, and say where time and memory go');
  svgOption(backendOptions(recipeOptions(command))).addHelpText('after', EXAMPLES);
  return action<Options>(command, async (_args, options) => {
    const bar = progressBar('step');
    try {
      const prepared = prepare(options);
      const times = await withBackend(options, (backend, engine) =>
        benchTraining(backend, engine, { ...prepared, onProgress: (part, what) => bar.update(part, what) }),
      );
      return report(options, times);
    } finally {
      bar.stop();
    }
  });
}

const rowsOf = (parts: Readonly<Record<string, Cost>>): string[][] =>
  Object.entries({ ...parts, total: total(parts) }).map(([name, s]) => [name, seconds(s.wall), seconds(s.cpu), bytes(s.peak)]);

const percent = (part: number, whole: number): string => `${((100 * part) / Math.max(whole, 1)).toFixed(1)} %`;

function report(options: Options, t: TrainingTimes): Report {
  const { json: _json, svg, ...asked } = options as Options & { json?: true };
  const parts = t.program['parts'] as Readonly<Record<Part, PartCount>>;
  const all = PARTS.reduce((z, p) => ({ cells: z.cells + parts[p].cells, leaves: z.leaves + parts[p].leaves }), { cells: 0, leaves: 0 });
  const title = `${options.weights ?? options.model}: ${options.steps} ${options.steps === 1 ? 'step' : 'steps'} of ${options.tokens} tokens, rank ${options.rank} on ${options.target}, ${options.backend}`;
  if (svg !== undefined) {
    const segments = (of: Readonly<Record<string, Cost>>) => Object.entries(of).map(([name, s]) => ({ name, value: s.wall }));
    const bars = [
      { label: 'training', segments: [{ name: 'training', value: t.training.wall }] },
      { label: 'proving', segments: segments(t.proving) },
      { label: 'verifying', segments: segments(t.verifying) },
    ];
    writeText(svg, stackedBars(title, bars, 's'));
  }
  const machineOf = machine();
  return {
    json: { bench: 'step', machine: machineOf, options: asked, cells: all.cells, leaves: all.leaves, ...t },
    text: [
      title,
      '',
      table([['setup (once a bounty)', 'clock', 'all threads', 'peak memory'], ...rowsOf(t.setup)]),
      '',
      table([['proving', 'clock', 'all threads', 'peak memory'], ...rowsOf({ training: t.training, ...t.proving })]),
      '',
      table([['verifying', 'clock', 'all threads', 'peak memory'], ...rowsOf(t.verifying)]),
      '',
      'Part of the program, by what it commits and looks up in a proof; time cannot be split between them:',
      table([
        ['part', 'cells', 'share', 'look-ups', 'share'],
        ...[...PARTS.map((p) => [p, parts[p]] as const), ['total', all] as const].map(([name, n]) => [
          name,
          count(n.cells),
          percent(n.cells, all.cells),
          count(n.leaves),
          percent(n.leaves, all.leaves),
        ]),
      ]),
      '',
      table([
        ['proof', bytes(t.proofBytes)],
        ['bundle', bytes(t.bundleBytes)],
        ['peak memory, process', bytes(t.peak.process)],
        ['peak memory, backend', t.peak.backend === null ? 'not counted' : bytes(t.peak.backend)],
        ['columns, tree leaves', `${count(t.program['columns'] as number)}, ${count(t.program['treeLeaves'] as number)}`],
        ['loss', t.losses.map((l) => l.toFixed(4)).join(' ')],
        ...(t.adapter ? [['adapter', adapterText(t.adapter)]] : []),
        ['machine', machineText(machineOf)],
      ]),
    ].join('\n'),
  };
}
