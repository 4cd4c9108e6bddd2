/** Checks of the machine, the kernels, the chain and the keys. */
import { accessSync, constants, mkdirSync } from 'node:fs';
import { availableParallelism, freemem, totalmem } from 'node:os';
import { formatEther } from 'viem';
import { selectBackend } from '../../prover/backend/index.ts';
import type { Backend } from '../../prover/backend/types.ts';
import { listAdapters } from '../../prover/backend/webgpu/adapter.ts';
import { createWebGpuBackend } from '../../prover/backend/webgpu/index.ts';
import { productsPerSecond } from '../../prover/backend/webgpu/width.ts';
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

/** Whether a backend gives the reference's values: rows, a sumcheck, a look-up tree, with a few small numbers. */
async function agrees(backend: Backend): Promise<boolean> {
  const reference = await selectBackend('reference');
  const cells = Float64Array.of(3, -1, 0, 70000, -5, 2, 2, 1);
  const results = async (b: Backend): Promise<unknown> => {
    const rows = await b.commitRows(cells, 4, [5n, 7n]);
    const sums = await b.productSum([[await b.fromInts(cells), await b.eqTable([2n, 3n, 5n], 7n)]]);
    const product = [await sums.round(null), await sums.round(11n), await sums.round(13n), await sums.finish(17n)];
    const block = { offset: 0, domain: { sizes: [8] }, numerators: 'ones' as const, values: [cells], id: 9 };
    const tree = await b.fractionTree(4, [block], 19n, 23n);
    const root = await tree.root();
    tree.free();
    return [rows, product, root];
  };
  const [own, wanted] = [await results(backend), await results(reference)];
  const text = (x: unknown): string => JSON.stringify(x, (_, v: unknown) => (typeof v === 'bigint' ? String(v) : v));
  return text(own) === text(wanted);
}

const DIFFER = 'differ from the reference: report this machine';

/** The kernels that prove where there is no GPU. */
async function kernels(): Promise<Finding> {
  const wasm = await selectBackend('wasm', { workers: 1 });
  try {
    const same = await agrees(wasm);
    return { what: 'kernels', state: same ? 'ok' : 'failed', detail: same ? 'wasm agrees with the reference' : `wasm: results ${DIFFER}` };
  } finally {
    await wasm.close();
  }
}

/** Every adapter of WebGPU: its limits, the width of limbs, a self-test, and how fast it multiplies. */
async function adapters(): Promise<Finding[]> {
  const found = await listAdapters();
  if (found.length === 0) return [{ what: 'webgpu', state: 'note', detail: 'no adapter: proofs are computed by the wasm kernels' }];
  const findings: Finding[] = [];
  for (const adapter of found) {
    const { info, limits } = adapter;
    const size = (n: number): string => `${(n / 2 ** 20).toFixed(0)} MiB`;
    const detail = [
      info.software ? `${info.description}, computed by the processor: never chosen by itself` : info.description,
      `buffers to ${size(limits.maxBufferSize)}, bindings to ${size(limits.maxStorageBufferBindingSize)}`,
      `workgroups to ${limits.maxComputeInvocationsPerWorkgroup} with ${limits.maxComputeWorkgroupStorageSize} bytes`,
    ];
    try {
      const backend = await createWebGpuBackend({ adapter });
      try {
        const same = await agrees(backend);
        detail.push(`limbs of ${backend.device.limbBits} bits`, same ? 'agrees with the reference' : `results ${DIFFER}`);
        detail.push(`${((await productsPerSecond(backend.device)) / 1e6).toPrecision(3)} million products a second`);
        findings.push({ what: 'webgpu', state: same ? (info.software ? 'note' : 'ok') : 'failed', detail: detail.join('; ') });
      } finally {
        await backend.close();
      }
    } catch (e) {
      findings.push({ what: 'webgpu', state: 'failed', detail: [...detail, message(e)].join('; ') });
    }
  }
  return findings;
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
  findings.push(...(await adapters().catch((e: unknown): Finding[] => [{ what: 'webgpu', state: 'note', detail: message(e) }])));
  const remote = /^[a-z0-9]+:\/\//.test(options.store);
  if (remote) findings.push({ what: 'store', state: 'note', detail: `${options.store} is no folder: not examined` });
  else
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
