/**
 * Which hosts a request may reach. Addresses that strangers name (a claim's URIs, redirects) must be public: otherwise a claim could make
 * the service speak to the operator's own network. A name is judged by the addresses that the connection will use, in the same look-up.
 */
import { lookup } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { StoreError } from './types.ts';

/** Ranges of the IANA special-purpose registries (RFC 6890) that are not globally reachable, and multicast. */
const SPECIAL = new BlockList();
for (const [net, bits] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
] as const)
  SPECIAL.addSubnet(net, bits, 'ipv4');
// IPv6: only global unicast (2000::/3), without what holds other protocols, documentation, or IPv4 addresses (Teredo, 6to4).
const GLOBAL6 = new BlockList();
GLOBAL6.addSubnet('2000::', 3, 'ipv6');
const SPECIAL6 = new BlockList();
for (const [net, bits] of [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
] as const)
  SPECIAL6.addSubnet(net, bits, 'ipv6');

/** Whether an IP address is one of the public network. */
export function isPublicAddress(address: string): boolean {
  const family = isIP(address);
  if (family === 4) return !SPECIAL.check(address, 'ipv4');
  return family === 6 && GLOBAL6.check(address, 'ipv6') && !SPECIAL6.check(address, 'ipv6');
}

/** Hosts that are reached wherever they lie: `host`, or `host:port` for one port, lower case. */
export type Allowed = ReadonlySet<string>;

const bare = (url: URL): string => url.hostname.replace(/^\[|\]$/g, '').toLowerCase();
const portOf = (url: URL): string => (url.port !== '' ? url.port : url.protocol === 'https:' ? '443' : '80');

/** How a URL names its host in `Allowed`. */
export const hostOf = (url: URL): string => `${bare(url)}:${portOf(url)}`;

const refusal = (host: string): StoreError => new StoreError(`${host} is not on the public network; --allow-host allows it`, false);

/** Throws unless the host may be asked; the look-up for the connection, which refuses names of addresses that may not. */
export function guard(url: URL, allowed: Allowed): LookupFunction | undefined {
  const host = bare(url);
  if (allowed.has(host) || allowed.has(hostOf(url))) return undefined;
  if (isIP(host) !== 0 && !isPublicAddress(host)) throw refusal(host);
  return (name, options, done) => {
    lookup(name, { ...options, all: true }, (error, addresses) => {
      if (error !== null) return void done(error, '', 0);
      if (addresses.length === 0 || addresses.some((a) => !isPublicAddress(a.address))) return void done(refusal(name), '', 0);
      const [first] = addresses as [(typeof addresses)[number]];
      if (options.all === true) done(null, addresses);
      else done(null, first.address, first.family);
    });
  };
}
