/** A store on a web server: GET and PUT `base/ab/abcd…`. The base may carry a user name and a password (basic authentication). */
import { InputError } from '../../../verifier/input.ts';
import { hostOf, type Allowed } from './hosts.ts';
import { PATIENCE, shown, transfer, type Patience } from './transfer.ts';
import { bundlePath, type BundleStore } from './types.ts';

/** Opens the store at a URL that the operator gave: its host may lie on the operator's network, hosts that it redirects to may not. */
export function httpStore(base: string, allowed: Allowed, patience: Patience = PATIENCE): BundleStore {
  if (!URL.canParse(base)) throw new InputError('--store', '', `${base} is no URL`, 'give https://host/folder');
  const url = new URL(base);
  if (url.search !== '' || url.hash !== '')
    throw new InputError('--store', '', `${shown(url)} has a query or fragment`, 'give a URL below which files lie');
  const login = Buffer.from(`${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`).toString('base64');
  const headers = async (): Promise<Record<string, string>> => (login === 'Og==' ? {} : { authorization: `Basic ${login}` });
  url.username = url.password = '';
  url.pathname = url.pathname.replace(/\/*$/, '/');
  const common = { headers, allowed: new Set([...allowed, hostOf(url)]), patience };
  const at = (path: string): URL => new URL(path, url);
  return {
    name: shown(url),
    get: (root, limit, signal) => transfer({ ...common, url: at(bundlePath(root)), limit, signal }),
    async put(root, bytes, signal) {
      await transfer({ ...common, url: at(bundlePath(root)), method: 'PUT', body: bytes, limit: 1 << 16, signal });
    },
  };
}
