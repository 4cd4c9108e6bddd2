/** Checks of the machine, the kernels, the chain and the keys. */
import { accessSync, constants, mkdirSync } from 'node:fs';
import { availableParallelism, freemem, totalmem } from 'node:os';
import { formatEther } from 'viem';
import { selectBackend } from '../../prover/backend/index.ts';
import { openEscrow, withChain } from './chain.ts';
import { signingAccount } from './keys.ts';
import type { ChainOptions } from './options.ts';

export interface Finding {
  readonly what: string;
  /** `note`: not needed for everything. */
  readonly state: 'ok' | 'note' | 'failed';
  readonly detail: string;
}

const message = (e: unknown): string => (e instanceof Error ? e.message : String(e));

/** Commits a few small numbers in both backends and compares. */
async function kernels(): Promise<Finding> {
  const [wasm, reference] = await Promise.all([selectBackend('wasm', { workers: 1 }), selectBackend('reference')]);
  try {
    const cells = Float64Array.of(3, -1, 0, 70000, -5, 2, 2, 1);
    const [a, b] = await Promise.all([wasm, reference].map((backend) => backend.commitRows(cells, 4, [5n, 7n])));
    const same = JSON.stringify(a, (_, v: unknown) => String(v)) === JSON.stringify(b, (_, v: unknown) => String(v));
    return {
      what: 'kernels',
      state: same ? 'ok' : 'failed',
      detail: same ? 'wasm agrees with the reference' : 'wasm and reference differ: report this machine',
    };
  } finally {
    await Promise.all([wasm.close(), reference.close()]);
  }
}

/** All checks; none of them throws. */
export async function examine(options: ChainOptions & { readonly store: string }): Promise<Finding[]> {
  const findings: Finding[] = [];
  const gib = (n: number): string => `${(n / 2 ** 30).toFixed(1)} GiB`;
  const major = Number(process.versions.node.split('.')[0]);
  findings.push({
    what: 'node',
    state: major >= 24 ? 'ok' : 'failed',
    detail: `version ${process.versions.node}${major >= 24 ? '' : '; start through npm or the command fineproof'}`,
  });
  findings.push({
    what: 'machine',
    state: totalmem() >= 3.5 * 2 ** 30 ? 'ok' : 'note',
    detail: `${availableParallelism()} cores, ${gib(totalmem())} memory, ${gib(freemem())} free`,
  });
  findings.push(await kernels().catch((e: unknown): Finding => ({ what: 'kernels', state: 'failed', detail: message(e) })));
  try {
    mkdirSync(options.store, { recursive: true });
    accessSync(options.store, constants.W_OK);
    findings.push({ what: 'store', state: 'ok', detail: options.store });
  } catch (e) {
    findings.push({ what: 'store', state: 'failed', detail: `${options.store}: ${message(e)}` });
  }
  const account = await signingAccount().catch(() => null);
  findings.push({
    what: 'key',
    state: account === null ? 'note' : 'ok',
    detail: account?.address ?? 'none: set FINEPROOF_PRIVATE_KEY or FINEPROOF_KEYSTORE to send transactions',
  });
  try {
    await withChain(options.rpc, async (chain) => {
      const balance = account === null ? '' : `, balance ${formatEther(await chain.client.getBalance({ address: account.address }))}`;
      findings.push({ what: 'chain', state: 'ok', detail: `${options.rpc}: chain ${chain.id}${balance}` });
      if (options.escrow === undefined) return;
      const escrow = await openEscrow(chain, options.escrow);
      findings.push({ what: 'escrow', state: 'ok', detail: `${escrow.address}, shortest window ${await escrow.minimumWindow()} s` });
    });
  } catch (e) {
    findings.push({ what: 'chain', state: 'note', detail: message(e) });
  }
  return findings;
}
