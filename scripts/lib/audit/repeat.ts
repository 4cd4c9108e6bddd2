/** The command that makes an audit again. It goes into a page that may be published, so it names no node but a local one, and no credentials. */
import { LOCAL_CHAIN_ID } from '../local-chain.ts';
import type { Escrow } from '../chain.ts';
import type { ChainOptions } from '../options.ts';
import type { EngineOptions } from '../engine.ts';
import type { SourceOptions } from '../stores/open.ts';

interface Given extends Pick<ChainOptions, 'rpc'>, EngineOptions, SourceOptions {
  readonly all?: true;
}

/** A word of a shell's command line. */
const quoted = (word: string): string => (/^[A-Za-z0-9_./:@%+,=-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);

/** Addresses of nodes often carry a key; those of this machine, and files, don't. */
const node = (rpc: string, chainId: number): string =>
  chainId === LOCAL_CHAIN_ID && (/^https?:\/\/(127\.0\.0\.1|localhost|\[::1\])(:\d+)?\/?$/.test(rpc) || !/^https?:/.test(rpc))
    ? quoted(rpc)
    : `"$FINEPROOF_RPC"`;

/** A URL without name, password, query and fragment; other places as they are. */
function place(store: string): string {
  if (!/^https?:\/\//.test(store) || !URL.canParse(store)) return store;
  const { origin, pathname } = new URL(store);
  return `${origin}${pathname}`;
}

/** `fineproof audit …`, for a shell. */
export function repeatWith(packages: readonly string[], escrow: Escrow, options: Given): string {
  const flags: string[] = [];
  for (const store of options.store ?? [process.env['FINEPROOF_STORE'] ?? ''])
    if (store !== '') flags.push('--store', quoted(place(store)));
  if (options.s3Endpoint !== undefined) flags.push('--s3-endpoint', quoted(place(options.s3Endpoint)));
  if (options.ipfsGateway !== undefined) flags.push('--ipfs-gateway', quoted(place(options.ipfsGateway)));
  for (const host of options.allowHost ?? []) flags.push('--allow-host', quoted(host));
  if (!options.hints) flags.push('--no-hints');
  if (options.engine !== 'wasm') flags.push('--engine', options.engine);
  if (options.all === true) flags.push('--all');
  const words = ['npx fineproof audit', ...packages.map(quoted), '--escrow', escrow.address, '--rpc', node(options.rpc, escrow.chain.id)];
  return [...words, ...flags].join(' ');
}
