/**
 * Signing keys: FINEPROOF_PRIVATE_KEY (0x and 64 hex digits), or FINEPROOF_KEYSTORE, an Ethereum keystore file of version 3 (scrypt or PBKDF2,
 * AES-128-CTR) as geth, Foundry and wallets write them.
 */
import { createDecipheriv, pbkdf2Sync, scryptSync } from 'node:crypto';
import { privateKeyToAccount, type PrivateKeyAccount } from 'viem/accounts';
import { z } from 'zod';
import { decodeJson, digestOf, InputError, toHex, type Hex } from '../../verifier/input.ts';
import { readBounded } from './files.ts';
import { passphrase } from './secrets.ts';

const hex = z.string().regex(/^([0-9a-fA-F]{2}){1,64}$/, 'must be hex');

const keystoreSchema = z.looseObject({
  version: z.literal(3),
  crypto: z.looseObject({
    cipher: z.literal('aes-128-ctr'),
    ciphertext: hex,
    cipherparams: z.looseObject({ iv: hex }),
    mac: hex,
    kdf: z.enum(['scrypt', 'pbkdf2']),
    kdfparams: z.looseObject({
      salt: hex,
      dklen: z.literal(32),
      n: z
        .int()
        .min(2)
        .max(2 ** 20)
        .optional(),
      r: z.int().min(1).max(16).optional(),
      p: z.int().min(1).max(16).optional(),
      c: z.int().min(1).max(10_000_000).optional(),
    }),
  }),
});

/** Decrypts a keystore's bytes. Errors: malformed, wrong passphrase. */
export function openKeystore(bytes: Uint8Array, word: string, source: string): Hex {
  const { crypto } = decodeJson(keystoreSchema, bytes, source, { size: 1 << 16, depth: 8 });
  const { salt, n, r, p, c } = crypto.kdfparams;
  const saltBytes = Buffer.from(salt, 'hex');
  let key: Buffer;
  if (crypto.kdf === 'scrypt') {
    if (n === undefined || r === undefined || p === undefined)
      throw new InputError(source, 'crypto.kdfparams', 'needs n, r and p', 'export the key again');
    if (n * r > 2 ** 22 || (n & (n - 1)) !== 0)
      throw new InputError(source, 'crypto.kdfparams', 'asks for too much memory', 'export the key again with n = 262144, r = 8');
    key = scryptSync(word, saltBytes, 32, { N: n, r, p, maxmem: 1 << 30 });
  } else {
    if (c === undefined) throw new InputError(source, 'crypto.kdfparams', 'needs c', 'export the key again');
    key = pbkdf2Sync(word, saltBytes, c, 32, 'sha256');
  }
  const ciphertext = Buffer.from(crypto.ciphertext, 'hex');
  if (digestOf(Buffer.concat([key.subarray(16), ciphertext])).slice(2) !== crypto.mac.toLowerCase())
    throw new InputError(source, '', 'cannot be decrypted', 'check the passphrase');
  const iv = Buffer.from(crypto.cipherparams.iv, 'hex');
  if (iv.length !== 16 || ciphertext.length !== 32)
    throw new InputError(source, 'crypto', 'does not hold a key of 32 bytes', 'export the key again');
  const decipher = createDecipheriv('aes-128-ctr', key.subarray(0, 16), iv);
  return toHex(Buffer.concat([decipher.update(ciphertext), decipher.final()]));
}

/** The account that signs. Errors: no key given, malformed, out of range. */
export async function signingAccount(env: NodeJS.ProcessEnv = process.env): Promise<PrivateKeyAccount> {
  const plain = env['FINEPROOF_PRIVATE_KEY'];
  const file = env['FINEPROOF_KEYSTORE'];
  let key: Hex;
  if (plain !== undefined && plain !== '') {
    if (!/^0x[0-9a-fA-F]{64}$/.test(plain))
      throw new InputError('FINEPROOF_PRIVATE_KEY', '', 'is not 0x and 64 hex digits', 'set it to the private key');
    key = plain as Hex;
  } else if (file !== undefined && file !== '')
    key = openKeystore(readBounded(file, 1 << 16), await passphrase(`Passphrase of ${file}: `), file);
  else
    throw new InputError(
      'FINEPROOF_PRIVATE_KEY',
      '',
      'no key to sign with',
      'set FINEPROOF_PRIVATE_KEY, or FINEPROOF_KEYSTORE to a keystore file',
    );
  try {
    return privateKeyToAccount(key);
  } catch {
    throw new InputError('FINEPROOF_PRIVATE_KEY', '', 'is no key of secp256k1', 'check it');
  }
}
