/**
 * `npm run bench -- record`: the recorded verifier of a training bounty. A run is trained, proven and verified first, so that the trace is that of
 * a real bundle; then its verifier is recorded, hashed to its key, and run on the bundle.
 */
import { Command } from 'commander';
import { recordBounty, publicWordsFor } from '../../verifier/record/bounty.ts';
import { SHAPES } from '../../verifier/record/instruction.ts';
import { keyHash } from '../../verifier/record/key.ts';
import type { InstructionList } from '../../verifier/record/list.ts';
import { runTrace, traceTree, workOf } from '../../verifier/record/trace.ts';
import { action, table } from '../lib/command.ts';
import { progressBar } from '../lib/progress.ts';
import { prepare, recipeOptions, type RecipeOptions } from './recipe.ts';
import {
  backendOptions,
  bytes,
  count,
  machine,
  machineText,
  peakResident,
  seconds,
  Stopwatch,
  withBackend,
  type BackendOptions,
  type Cost,
} from './report.ts';
import { trainAndProve } from './training.ts';

interface Options extends RecipeOptions, BackendOptions {}

const EXAMPLES = `
Examples:
  npm run bench -- record
  npm run bench -- record --model gpt2 --hidden model --tokens 32 --json`;

const PARTS = ['init', 'step', 'last'] as const;

/** Instructions by opcode. */
function byOpcode(list: InstructionList): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const op of list.ops) {
    const name = SHAPES[op]?.name ?? String(op);
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

/** `bench record` */
export function recordCommand(): Command {
  const command = new Command('record').description('record the verifier of a training bounty, and run it on a bundle');
  return action<Options>(backendOptions(recipeOptions(command)).addHelpText('after', EXAMPLES), async (_args, options) => {
    const bar = progressBar('record');
    try {
      return await withBackend(options, async (backend, engine) => {
        const input = { ...prepare(options), onProgress: (part: number, what: string): void => bar.update(0.8 * part, what) };
        const { bounty, claimant, claim, times } = await trainAndProve(backend, engine, input);
        const watch = new Stopwatch();
        bar.update(0.8, 'recording');
        watch.mark('record and hash the lists');
        const { recorded, key } = recordBounty(bounty, engine.keccak);
        bar.update(0.9, 'running');
        watch.mark('run on the bundle');
        const words = publicWordsFor(bounty, claimant, { ...claim, announced: [] });
        const run = await runTrace(recorded, claim.bundle, words, workOf(engine));
        if (run.failed !== null) throw new Error(`the recorded verifier refuses a bundle that the verifier accepts: ${run.failed.fault}`);
        watch.mark('hash the trace');
        const traceRoot = traceTree(recorded, run.cells, engine.keccak).root;
        const costs = watch.parts();
        bar.update(1, 'done');
        const lists = Object.fromEntries(
          PARTS.map((part) => [part, { instructions: recorded[part].length, opcodes: byOpcode(recorded[part]) }]),
        );
        const { k, stride, bundleDepth, traceDepth, proofs } = recorded;
        const machineOf = machine();
        const opcodes = SHAPES.flatMap((shape) => (shape === undefined ? [] : [shape.name]));
        return {
          json: {
            bench: 'record',
            machine: machineOf,
            key: keyHash(key),
            traceRoot: `0x${traceRoot.toString(16).padStart(64, '0')}`,
            lists,
            ...{ k, stride, bundleDepth, traceDepth, proofs },
            program: times.program,
            bundleBytes: claim.bundle.length,
            traceBytes: run.cells.reduce((n, c) => n + c.length, 0),
            costs,
            peak: peakResident(),
          },
          text: [
            table([
              ['instructions', ...PARTS],
              ['all', ...PARTS.map((part) => count(recorded[part].length))],
              ...opcodes.map((name) => [name, ...PARTS.map((part) => count(lists[part]?.opcodes[name] ?? 0))]),
            ]),
            '',
            table([
              ['part', 'clock', 'all threads', 'peak memory'],
              ...Object.entries(costs).map(([name, c]: [string, Cost]) => [name, seconds(c.wall), seconds(c.cpu), bytes(c.peak)]),
            ]),
            '',
            table([
              ['proofs', count(proofs)],
              ['bundle', `${bytes(claim.bundle.length)}, tree of depth ${bundleDepth}`],
              ['trace', `segments of 2^${k}, tree of depth ${traceDepth}`],
              ['machine', machineText(machineOf)],
            ]),
          ].join('\n'),
        };
      });
    } finally {
      bar.stop();
    }
  });
}
