/** `train`: from a checked package to a proven bundle in a run's folder. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Address } from 'viem';
import { selectBackend } from '../../prover/backend/index.ts';
import { Recovery } from '../../prover/backend/recovery.ts';
import type { Opening } from '../../prover/cards/hidden.ts';
import { fixedContent, proveRun } from '../../prover/run/proving.ts';
import { CellFile, writeCellFile } from '../../prover/prove/cell-file-node.ts';
import { trainRun, type FixedContent, type States } from '../../prover/run/training.ts';
import { Walker } from '../../prover/trainer/walk.ts';
import type { OpenBounty } from '../../verifier/bounty.ts';
import type { PolyLayout } from '../../verifier/program/compile.ts';
import { systemBytes } from './delivery/key-file.ts';
import { makeClaim } from './delivery/sealed-run.ts';
import { writeAtomic } from './files.ts';
import { knownClaim, openRun, writeClaim, type ClaimFile } from './run-folder.ts';

/** Where the run stands; `part` is a fraction of the whole. */
export interface Progress {
  readonly part: number;
  readonly what: string;
}

export interface TrainOptions {
  readonly bounty: OpenBounty;
  readonly claimant: Address;
  readonly folder: string;
  readonly openings: ReadonlyMap<string, Opening>;
  readonly encrypt: boolean;
  readonly backend: string;
  /** While proving, model, data and tables are read from files in the run's folder, a piece at a time, instead of lying in memory. */
  readonly stream?: boolean;
  readonly onProgress?: (progress: Progress) => void;
  /** What the user should know and can't see from the progress: a device that was lost, and what goes on. */
  readonly onNotice?: (text: string) => void;
  /** After training, before proving. */
  readonly onTrained?: (states: States, walker: Walker) => void;
}

export interface Trained {
  readonly claim: ClaimFile;
  readonly bundle: string;
  readonly bytes: number;
  /** Mean training loss of each group of steps; null where it was trained before. */
  readonly losses: readonly (number | null)[];
  readonly trainSeconds: number;
  readonly proveSeconds: number;
}

/** Share of the bar that training takes; proving is nearly everything. */
const TRAINING = 0.1;

export async function trainAndProve(options: TrainOptions): Promise<Trained> {
  const { bounty, claimant, folder } = options;
  const storage = await openRun(folder, bounty.id, claimant, options.encrypt);
  const walker = new Walker(bounty.program);
  const losses: (number | null)[] = [];
  const files: { readonly path: string; readonly file: CellFile }[] = [];
  const toFile = async (poly: PolyLayout, content: FixedContent): Promise<CellFile> => {
    // By number: names are the program's, which is a stranger's.
    const path = join(folder, `cells-${files.length}`);
    await writeCellFile(path, poly, async (name) => content[name] as ArrayLike<number>);
    const file = await CellFile.open(path, poly);
    files.push({ path, file });
    return file;
  };
  const begin = performance.now();
  const recovery = new Recovery(await selectBackend(options.backend), (text) => options.onNotice?.(text));
  try {
    const states = await recovery.run(({ products }) =>
      trainRun({
        program: bounty.program,
        walker,
        fixed: fixedContent(bounty, options.openings),
        first: bounty.start.content,
        storage,
        ...(products ? { products } : {}),
        onProgress: (done, all) => options.onProgress?.({ part: (TRAINING * done) / all, what: `training ${Math.ceil(done)}/${all}` }),
        onGroup: (done, all, loss) => {
          losses[done - 1] ??= loss;
          options.onProgress?.({
            part: (TRAINING * done) / all,
            what: `trained ${done}/${all}${loss === null ? '' : `, loss ${loss.toFixed(4)}`}`,
          });
        },
      }),
    );
    const trained = performance.now();
    options.onTrained?.(states, walker);
    const total = bounty.compiled.proofs;
    const proven = await proveRun({
      bounty,
      claimant,
      walker,
      backend: recovery,
      ...(options.stream ? { place: toFile } : {}),
      states,
      openings: options.openings,
      storage,
      onPhase: (proof, phase) =>
        options.onProgress?.({ part: TRAINING + ((1 - TRAINING) * (proof - 1)) / total, what: `proof ${proof}/${total}: ${phase}` }),
      onProof: (done) => options.onProgress?.({ part: TRAINING + ((1 - TRAINING) * done) / total, what: `proven ${done}/${total}` }),
    });
    const bundle = join(folder, 'bundle.bin');
    writeAtomic(bundle, proven.bundle);
    const { bundleRoot, lastProof, adapterRoot } = proven;
    const own = { bounty: bounty.id, claimant, bundleRoot, lastProof, adapterRoot };
    const claim = await makeClaim(storage, bounty, own, knownClaim(folder), systemBytes);
    writeClaim(folder, claim);
    const seconds = (from: number, to: number): number => (to - from) / 1000;
    return {
      claim,
      bundle,
      bytes: proven.bundle.length,
      losses,
      trainSeconds: seconds(begin, trained),
      proveSeconds: seconds(trained, performance.now()),
    };
  } finally {
    for (const { path, file } of files) {
      await file.close();
      rmSync(path, { force: true });
    }
    await recovery.close();
  }
}
