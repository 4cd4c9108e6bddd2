/** `npm run bench -- cells`: what a training program commits and looks up in a proof, tensor by tensor; nothing is proven. */
import { Command } from 'commander';
import { compile } from '../../verifier/program/compile.ts';
import { action, table } from '../lib/command.ts';
import { integerOption } from '../lib/options.ts';
import { countTensors, type TensorCount } from './parts.ts';
import { prepare, recipeOptions, type RecipeOptions } from './recipe.ts';
import { count } from './report.ts';
import { setUp } from './walk.ts';

interface Options extends RecipeOptions {
  readonly top: number;
}

const KINDS = ['cells', 'limbs', 'padded', 'leaves', 'paddedLeaves'] as const;

/** `bench cells` */
export function cellsCommand(): Command {
  const command = recipeOptions(new Command('cells').description('count what a training program commits and looks up'))
    .option('--top <n>', 'tensors to list, by cells and look-ups', integerOption(1, 4096), 40)
    .addHelpText(
      'after',
      '\nExamples:\n  npm run bench -- cells --model gpt2 --precision balanced\n  npm run bench -- cells --width 256 --layers 4 --json',
    );
  return action<Options>(command, async (_args, options) => {
    const c = compile(setUp(prepare(options)).program);
    const tensors = countTensors(c);
    const weight = (n: TensorCount): number => n.cells + n.limbs + n.leaves;
    const sorted = [...tensors].toSorted(([, x], [, y]) => weight(y) - weight(x));
    const total = Object.fromEntries(KINDS.map((kind) => [kind, sorted.reduce((n, [, t]) => n + t[kind], 0)]));
    const row = (name: string, n: Readonly<Record<string, number | string>>): string[] => [
      name,
      ...KINDS.map((kind) => count(n[kind] as number)),
      String(n['what'] ?? ''),
    ];
    return {
      json: { bench: 'cells', total, tensors: Object.fromEntries(sorted) },
      text: table([
        ['tensor', 'cells', 'limbs', 'both with pads', 'look-ups', 'with pads', 'width, look-ups'],
        row('total', total),
        ...sorted.slice(0, options.top).map(([name, n]) => row(name, { ...n })),
      ]),
    };
  });
}
