/** Stores from the command line: `--store` (repeated, asked in order), and what a claim's URIs may reach. */
import { InvalidArgumentError, type Command } from 'commander';
import { InputError } from '../../../verifier/input.ts';
import { bundleSource, type BundleSource } from '../bundles.ts';
import { repeated } from '../options.ts';
import { folderStore } from './folder.ts';
import { hintStores } from './hints.ts';
import { httpStore } from './http.ts';
import { s3Access, s3Store } from './s3.ts';
import type { BundleStore } from './types.ts';

export interface StoresOptions {
  readonly store?: readonly string[];
  readonly s3Endpoint?: string;
}

export interface SourceOptions extends StoresOptions {
  readonly ipfsGateway?: string;
  readonly allowHost?: readonly string[];
  readonly hints: boolean;
}

/** --store and --s3-endpoint. */
export const storesOption = (command: Command): Command =>
  command
    .option(
      '--store <place>',
      'where bundles lie: a folder, https://host/folder or s3://bucket/prefix; may be repeated, asked in order (FINEPROOF_STORE, else .fineproof/store)',
      repeated,
    )
    .option('--s3-endpoint <url>', 'service of s3:// stores, if it is not AWS (AWS_ENDPOINT_URL_S3)');

const hostOption = (text: string, before?: readonly string[]): readonly string[] => {
  if (!/^[a-z0-9.:-]+$/i.test(text)) throw new InvalidArgumentError('It must be a host or host:port.');
  return repeated(text.toLowerCase(), before);
};

/** Those, and what the URIs of a claim may reach. */
export const sourceOptions = (command: Command): Command =>
  storesOption(command)
    .option('--ipfs-gateway <url>', 'gateway through which ipfs:// URIs of claims are fetched')
    .option('--allow-host <host>', 'host[:port] of the own network that URIs of claims may name; may be repeated', hostOption)
    .option('--no-hints', 'ask the stores alone, not the URIs of claims');

/** Opens the stores that were given. */
export function openStores(options: StoresOptions, allowHost: readonly string[] = []): BundleStore[] {
  const allowed = new Set(allowHost);
  const env = process.env['FINEPROOF_STORE'];
  const places = options.store ?? [env === undefined || env === '' ? '.fineproof/store' : env];
  return places.map((place) => {
    if (/^https?:\/\//.test(place)) return httpStore(place, allowed);
    if (place.startsWith('s3://')) return s3Store(place, s3Access(process.env, options.s3Endpoint), allowed);
    if (/^[a-z][a-z0-9+.-]*:\/\//i.test(place))
      throw new InputError('--store', '', `${place} is no kind of store`, 'give a folder, https://… or s3://…');
    return folderStore(place);
  });
}

/** The stores of a claim: those that were given, then what its URIs name. */
export function openClaimStores(options: SourceOptions): (uris: readonly string[]) => readonly BundleStore[] {
  const allowed = new Set(options.allowHost ?? []);
  const hints = (uris: readonly string[]): BundleStore[] => hintStores(uris, { gateway: options.ipfsGateway, allowed });
  // A wrong gateway should end the command now, not at the first claim.
  hints([]);
  const stores = openStores(options, options.allowHost);
  return (uris) => (options.hints ? [...stores, ...hints(uris)] : stores);
}

/** Opens the source of a claim's bundles. */
export const openSource = (options: SourceOptions): BundleSource => bundleSource([], openClaimStores(options));
