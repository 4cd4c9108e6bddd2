/**
 * HTTP for bundles: bounded in bytes, in time and in redirects, and in the hosts that it reaches. A body longer than the limit is
 * refused from its announced length, or given up where it passes the limit; compressed bodies are refused.
 */
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { guard, hostOf, type Allowed } from './hosts.ts';
import { withRetries } from './retry.ts';
import { StoreError } from './types.ts';

/** How patient a transfer is. */
export interface Patience {
  /** Milliseconds without a byte. */
  readonly idle: number;
  /** Milliseconds of a whole transfer, beside what its bytes may take. */
  readonly total: number;
  /** Bytes a second that are slow enough: each byte of the limit adds its time to `total`. */
  readonly rate: number;
  /** How often a broken transfer is tried. */
  readonly tries: number;
  /** Milliseconds before the second try. */
  readonly base: number;
}

export const PATIENCE: Patience = { idle: 20_000, total: 30_000, rate: 256 << 10, tries: 3, base: 300 };

export interface Transfer {
  readonly url: URL;
  readonly method?: 'GET' | 'PUT';
  /** Made anew for each try, since signatures carry a time. */
  readonly headers?: () => Promise<Readonly<Record<string, string>>>;
  readonly body?: Uint8Array;
  /** Bytes of the answer's body. */
  readonly limit: number;
  /** Hosts that may lie on the operator's own network. */
  readonly allowed: Allowed;
  readonly patience: Patience;
  readonly signal?: AbortSignal | undefined;
}

const REDIRECTS = 3;

/** A URL without credentials and query, for messages. */
export const shown = (url: URL): string => `${url.protocol}//${url.host}${url.pathname}`.slice(0, 200);

/** One request and the head of its answer. */
async function exchange(url: URL, t: Transfer, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<IncomingMessage> {
  const lookup = guard(url, t.allowed);
  return new Promise((done, fail) => {
    const request = (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, {
      method: t.method ?? 'GET',
      headers: { 'user-agent': 'fineproof', ...headers, ...(t.body === undefined ? {} : { 'content-length': t.body.length }) },
      agent: false,
      signal,
      timeout: t.patience.idle,
      maxHeaderSize: 16 << 10,
      ...(lookup === undefined ? {} : { lookup }),
    });
    request.once('timeout', () => request.destroy(new StoreError(`no byte for ${t.patience.idle / 1000} s`, true)));
    request.once('error', fail);
    request.once('response', done);
    request.end(t.body);
  });
}

/** Reads a body into memory: as many bytes as it announces, or as many as come, never more than the limit. */
async function readBody(response: IncomingMessage, limit: number, { total, rate }: Patience): Promise<Uint8Array> {
  const begin = performance.now();
  const encoding = response.headers['content-encoding'] ?? 'identity';
  if (encoding !== 'identity') throw new StoreError(`the answer is encoded (${encoding.slice(0, 20)})`, false);
  const announced = Number(response.headers['content-length'] ?? NaN);
  if (announced > limit) throw new StoreError(`has ${announced} bytes, more than ${limit}`, false);
  let bytes = new Uint8Array(Number.isNaN(announced) ? Math.min(limit, 1 << 16) : announced);
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    if (size + chunk.length > limit) throw new StoreError(`has more than ${limit} bytes`, false);
    if (size + chunk.length > bytes.length) {
      const wider = new Uint8Array(Math.min(limit, 2 * (size + chunk.length)));
      wider.set(bytes.subarray(0, size));
      bytes = wider;
    }
    bytes.set(chunk, size);
    size += chunk.length;
    if (performance.now() - begin > total + (size / rate) * 1000) throw new StoreError(`is slower than ${rate} bytes a second`, true);
  }
  if (!response.complete) throw new StoreError('the connection broke', true);
  return size === bytes.length ? bytes : bytes.slice(0, size);
}

function statusError(status: number): StoreError {
  if (status === 404 || status === 410) return new StoreError('is not there', false);
  const again = status >= 500 || status === 429 || status === 408;
  return new StoreError(`answered with status ${status}`, again);
}

/** Where a redirect leads. */
function redirected(from: URL, response: IncomingMessage): URL {
  const location = response.headers.location ?? '';
  if (!URL.canParse(location, from)) throw new StoreError('redirects to nowhere', false);
  const to = new URL(location, from);
  if (to.protocol !== 'https:' && to.protocol !== from.protocol) throw new StoreError(`redirects to ${to.protocol}`, false);
  to.username = to.password = '';
  return to;
}

/** Milliseconds that a transfer may take. */
export const wholeTime = ({ total, rate }: Patience, bytes: number): number =>
  Math.ceil(Math.min(2 ** 31 - 1, total + (bytes / rate) * 1000));

async function once(t: Transfer): Promise<Uint8Array> {
  const { patience } = t;
  const whole = wholeTime(patience, t.limit + (t.body?.length ?? 0));
  const late = AbortSignal.timeout(whole);
  const signal = t.signal === undefined ? late : AbortSignal.any([late, t.signal]);
  let url = t.url;
  try {
    for (let hop = 0; hop <= REDIRECTS; hop++) {
      // Credentials stay with the host that they were given for.
      const own = hostOf(url) === hostOf(t.url) && url.protocol === t.url.protocol;
      const response = await exchange(url, t, own && t.headers !== undefined ? await t.headers() : {}, signal);
      try {
        const status = response.statusCode ?? 0;
        if (status >= 200 && status < 300 && status !== 206) return await readBody(response, t.limit, patience);
        if (![301, 302, 303, 307, 308].includes(status) || t.method === 'PUT') throw statusError(status);
        url = redirected(url, response);
      } finally {
        response.destroy();
      }
    }
    throw new StoreError(`redirects more than ${REDIRECTS} times`, false);
  } catch (e) {
    if (t.signal?.aborted === true) throw t.signal.reason;
    if (late.aborted) throw new StoreError(`took longer than ${Math.round(whole / 1000)} s`, true);
    if (e instanceof StoreError) throw e;
    const error = e as { code?: string; message?: string };
    throw new StoreError(`cannot be reached: ${error.code ?? error.message ?? String(e)}`, true);
  }
}

/** The body of the answer. Errors: StoreError with the URL; the signal's reason when it is aborted. */
export async function transfer(t: Transfer): Promise<Uint8Array> {
  try {
    return await withRetries(
      () => once(t),
      (e) => e instanceof StoreError && e.again,
      {
        tries: t.patience.tries,
        base: t.patience.base,
        signal: t.signal,
      },
    );
  } catch (e) {
    if (!(e instanceof StoreError) || t.signal?.aborted === true) throw t.signal?.aborted === true ? t.signal.reason : e;
    throw new StoreError(`${shown(t.url)} ${e.message}`, e.again);
  }
}
