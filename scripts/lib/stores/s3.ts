/**
 * A store in a bucket of S3 or of what speaks its protocol (MinIO, R2, Ceph …): `s3://bucket/prefix`, objects `prefix/ab/abcd…`. Signed with
 * version 4 signatures (https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html) if there are credentials,
 * else asked as anybody.
 */
import { AwsV4Signer } from 'aws4fetch';
import { createHash } from 'node:crypto';
import { InputError } from '../../../verifier/input.ts';
import { hostOf, type Allowed } from './hosts.ts';
import { PATIENCE, transfer, type Patience, type Transfer } from './transfer.ts';
import { bundlePath, type BundleStore } from './types.ts';

export interface S3Access {
  /** Where the service answers, for others than AWS: `https://host[:port]`; buckets are then part of the path. */
  readonly endpoint?: string | undefined;
  readonly region: string;
  readonly credentials: { readonly id: string; readonly secret: string; readonly token?: string } | null;
}

/** Access by the environment variables of AWS's own tools. */
export function s3Access(env: Readonly<Record<string, string | undefined>>, endpoint?: string): S3Access {
  const given = (name: string): string | undefined => (env[name] === '' ? undefined : env[name]);
  const [id, secret, token] = ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN'].map(given);
  if ((id === undefined) !== (secret === undefined))
    throw new InputError('AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY', '', 'only one of them is set', 'set both, or none');
  return {
    endpoint: endpoint ?? given('AWS_ENDPOINT_URL_S3') ?? given('AWS_ENDPOINT_URL'),
    region: given('AWS_REGION') ?? given('AWS_DEFAULT_REGION') ?? 'us-east-1',
    credentials: id === undefined || secret === undefined ? null : { id, secret, ...(token === undefined ? {} : { token }) },
  };
}

const SPEC = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])((?:\/[A-Za-z0-9!_.*'()-]+)*)\/?$/;

/** Base URL of a bucket's objects. Bucket names with dots don't fit the certificates of subdomains. */
function baseOf(bucket: string, prefix: string, { endpoint, region }: S3Access): URL {
  if (endpoint !== undefined && !/^https?:\/\/[^/?#@]+\/?$/.test(endpoint))
    throw new InputError('--s3-endpoint', '', `${endpoint} is not https://host[:port]`, 'give the address of the service alone');
  if (endpoint !== undefined) return new URL(`${endpoint.replace(/\/$/, '')}/${bucket}${prefix}/`);
  const host = `s3.${region}.amazonaws.com`;
  return new URL(bucket.includes('.') ? `https://${host}/${bucket}${prefix}/` : `https://${bucket}.${host}${prefix}/`);
}

export function s3Store(spec: string, access: S3Access, allowed: Allowed, patience: Patience = PATIENCE): BundleStore {
  const match = SPEC.exec(spec);
  if (match === null || /\/\.{1,2}(\/|$)/.test(spec))
    throw new InputError('--store', '', `${spec} is not s3://bucket/prefix`, 'check bucket and prefix');
  const base = baseOf(match[1] as string, match[2] as string, access);
  const { credentials, region } = access;
  const asked = (path: string, body?: Uint8Array): Pick<Transfer, 'url' | 'headers' | 'allowed' | 'patience'> => {
    const url = new URL(path, base);
    const sha256 = createHash('sha256')
      .update(body ?? '')
      .digest('hex');
    const headers = async (): Promise<Record<string, string>> => {
      if (credentials === null) return {};
      const signed = await new AwsV4Signer({
        url: url.href,
        method: body === undefined ? 'GET' : 'PUT',
        headers: { 'x-amz-content-sha256': sha256 },
        accessKeyId: credentials.id,
        secretAccessKey: credentials.secret,
        ...(credentials.token === undefined ? {} : { sessionToken: credentials.token }),
        service: 's3',
        region,
      }).sign();
      return Object.fromEntries(signed.headers);
    };
    return { url, headers, allowed: new Set([...allowed, hostOf(url)]), patience };
  };
  return {
    name: spec,
    get: (root, limit, signal) => transfer({ ...asked(bundlePath(root)), limit, signal }),
    async put(root, bytes, signal) {
      await transfer({ ...asked(bundlePath(root), bytes), method: 'PUT', body: bytes, limit: 1 << 16, signal });
    },
  };
}
