/** The verifier's engine, for every command that verifies: the WebAssembly kernels, or plain TypeScript. */
import { Option, type Command } from 'commander';
import type { Backend } from '../../prover/backend/types.ts';
import { createWasmBackend } from '../../prover/backend/wasm/index.ts';
import { plain, type Engine } from '../../verifier/engine.ts';

const ENGINES = ['wasm', 'plain'] as const;

export interface EngineOptions {
  readonly engine: (typeof ENGINES)[number];
}

export const engineOption = (command: Command): Command =>
  command.addOption(
    new Option('--engine <name>', 'hashes and sums of points: fast kernels, or plain TypeScript').choices(ENGINES).default('wasm'),
  );

/** The engine that a backend is. */
export const engineOf = (backend: Backend): Engine => ({
  name: backend.name,
  keccak: backend.keccak,
  msm: (scalars, points) => backend.msm(scalars, points),
  // A backend refuses to commit to infinity. A sum that is infinity, and not empty, would be a relation among the generators.
  commit: async (values, blind) => ([blind, ...values].every((v) => v === 0n) ? null : backend.commit(values, blind)),
  commitRows: (cells, columns, blinds, rows) => backend.commitRows(cells, columns, blinds, rows),
});

/** Runs with an engine, which lives as long as `run` takes. */
export async function withEngine<T>(name: EngineOptions['engine'], run: (engine: Engine) => Promise<T>): Promise<T> {
  if (name === 'plain') return run(plain);
  const backend = await createWasmBackend();
  try {
    return await run(engineOf(backend));
  } finally {
    await backend.close();
  }
}
