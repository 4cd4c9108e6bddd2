/** What trials share: the cards of a tiny model and text, and a chain with the contracts on it. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Address } from 'viem';
import { connect, deploy } from '../../scripts/lib/chain.ts';
import { localAccount } from '../../scripts/lib/local-chain.ts';
import { text, writeTinyModel } from '../cli/support/tiny-model.ts';
import { journalBytes, startChain, TICK } from './chain.ts';
import { CLI, start } from './fleet.ts';

export interface Material {
  readonly model: string;
  readonly data: string;
  /** Journal of the chain with the contracts. */
  readonly journal: Uint8Array;
  readonly escrow: Address;
  /** Milliseconds a block. */
  readonly tick: number;
}

/** Least times that the escrow takes, seconds. */
export const MINIMUMS = { window: 600n, reaction: 300n } as const;

export async function prepare(folder: string, tick = TICK): Promise<Material> {
  const at = (...names: readonly string[]): string => join(folder, ...names);
  mkdirSync(folder, { recursive: true });
  writeTinyModel(at('base'));
  writeFileSync(at('text'), text);
  const shape = ['--batch', '1', '--sequence', '8', '--batches', '2'];
  for (const args of [
    ['model', 'commit', at('base'), '--out', at('model')],
    ['data', 'commit', at('text'), ...shape, '--out', at('data')],
  ]) {
    const { code, err } = await start(CLI, args, {}).ended;
    if (code !== 0) throw new Error(`${args.join(' ')}: ${err}`);
  }
  const life = await startChain(at('chain.journal'), 'kept', []);
  const chain = await connect(life.url);
  const { escrow } = await deploy(chain, localAccount(0), MINIMUMS);
  await life.end();
  return { model: at('model'), data: at('data'), journal: journalBytes(at('chain.journal')), escrow, tick };
}
