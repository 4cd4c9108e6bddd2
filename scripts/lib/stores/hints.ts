/**
 * The URIs of a claim: where its claimant says that the bundle lies. A stranger's words: only http, https and ipfs, only hosts of the public network
 * (or allowed ones), no credentials, few of them, one try each, in the time of one transfer. Each names the bundle itself, not a folder of bundles.
 */
import { InputError } from '../../../verifier/input.ts';
import { hostOf, type Allowed } from './hosts.ts';
import { PATIENCE, transfer, wholeTime, type Patience } from './transfer.ts';
import { StoreError, type BundleStore } from './types.ts';

/** URIs of a claim that are tried. */
const MOST = 4;
const LONGEST = 2048;

/** A CID, version 0 or 1 (base58, base32, base36), and a path below it. The root, not the CID, says what the bundle is. */
const IPFS = /^ipfs:\/\/(Qm[1-9A-HJ-NP-Za-km-z]{44}|[bkz][0-9A-Za-z]{40,120})((?:\/[A-Za-z0-9._-]{1,100}){0,4})$/;

export interface HintOptions {
  /** `https://host[/path]` of a gateway for ipfs://; without it such URIs are left out. */
  readonly gateway?: string | undefined;
  readonly allowed: Allowed;
  readonly patience?: Patience;
}

function urlOf(uri: string, gateway: URL | null): URL {
  if (uri.length > LONGEST) throw new StoreError(`is longer than ${LONGEST}`, false);
  const ipfs = IPFS.exec(uri);
  if (ipfs !== null && !/\/\.{1,2}(\/|$)/.test(ipfs[2] as string)) {
    if (gateway === null) throw new StoreError('needs a gateway: --ipfs-gateway', false);
    return new URL(`ipfs/${ipfs[1]}${ipfs[2]}`, gateway);
  }
  const url = URL.canParse(uri) ? new URL(uri) : null;
  if (url === null || !['http:', 'https:'].includes(url.protocol)) throw new StoreError('is not http, https or ipfs', false);
  if (url.username !== '' || url.password !== '') throw new StoreError('carries credentials', false);
  return url;
}

/** The stores that a claim's URIs name. */
export function hintStores(uris: readonly string[], { gateway, allowed, patience = PATIENCE }: HintOptions): BundleStore[] {
  if (gateway !== undefined && !/^https?:\/\/[^?#@]+$/.test(gateway))
    throw new InputError('--ipfs-gateway', '', `${gateway} is not https://host`, 'give the gateway’s address, without /ipfs');
  const at = gateway === undefined ? null : new URL(gateway.replace(/\/*$/, '/'));
  // One time for all of them: slow servers, one after the other, must not hold up other claims.
  let over: AbortSignal | null = null;
  return uris.slice(0, MOST).map((uri): BundleStore => ({
    name: `URI ${uri.replace(/[^ -~]/g, '?').slice(0, 200)}`,
    async get(_root, limit, signal) {
      const url = urlOf(uri, at);
      const own = at !== null && uri.startsWith('ipfs:') ? new Set([...allowed, hostOf(at)]) : allowed;
      over ??= AbortSignal.timeout(wholeTime(patience, limit));
      const either = signal === undefined ? over : AbortSignal.any([over, signal]);
      try {
        return await transfer({ url, limit, allowed: own, patience: { ...patience, tries: 1 }, signal: either });
      } catch (e) {
        if (over.aborted && signal?.aborted !== true) throw new StoreError('and the URIs before it took too long', true);
        throw e;
      }
    },
  }));
}
