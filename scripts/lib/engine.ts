/** The verifier's engine, for every command that verifies: the WebAssembly kernels, or plain TypeScript. */
import { Option, type Command } from 'commander';
import { engineOf } from '../../prover/backend/engine.ts';
import { createWasmBackend } from '../../prover/backend/wasm/index.ts';
import { plain, type Engine } from '../../verifier/engine.ts';

const ENGINES = ['wasm', 'plain'] as const;

export interface EngineOptions {
  readonly engine: (typeof ENGINES)[number];
}

export const engineOption = (command: Command): Command =>
  command.addOption(
    new Option('--engine <name>', 'what hashes and adds up: fast kernels, or plain TypeScript').choices(ENGINES).default('wasm'),
  );

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
