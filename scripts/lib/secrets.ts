/**
 * Secrets at rest: files of mode 0600, encrypted on request with scrypt and AES-256-GCM (node:crypto).
 * Encrypted form: magic (8 bytes) ‖ log2 N (1) ‖ salt (16) ‖ nonce (12) ‖ ciphertext ‖ tag (16); the header is authenticated.
 */
import { createCipheriv, createDecipheriv, randomBytes, scryptSync } from 'node:crypto';
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { InputError } from '../../verifier/input.ts';
import { readBounded, writeSecret } from './files.ts';

const MAGIC = Buffer.from('FPSECRT1');
const HEADER = MAGIC.length + 1 + 16 + 12;
const LOG_N = 16;

const derive = (passphrase: string, salt: Uint8Array, logN: number): Buffer =>
  scryptSync(passphrase.normalize('NFKC'), salt, 32, { N: 2 ** logN, r: 8, p: 1, maxmem: 256 << 20 });

export function encryptSecret(bytes: Uint8Array, passphrase: string): Uint8Array {
  const header = Buffer.concat([MAGIC, Buffer.from([LOG_N]), randomBytes(28)]);
  const cipher = createCipheriv('aes-256-gcm', derive(passphrase, header.subarray(9, 25), LOG_N), header.subarray(25));
  cipher.setAAD(header);
  return Buffer.concat([header, cipher.update(bytes), cipher.final(), cipher.getAuthTag()]);
}

export const isEncrypted = (bytes: Uint8Array): boolean => MAGIC.equals(bytes.subarray(0, MAGIC.length));

export function decryptSecret(bytes: Uint8Array, passphrase: string, source: string): Uint8Array {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (file.length < HEADER + 16) throw new InputError(source, '', 'is truncated', 'restore it from a copy');
  const header = file.subarray(0, HEADER);
  const logN = header[8] as number;
  if (logN < 14 || logN > 17) throw new InputError(source, '', 'has a wrong header', 'restore it from a copy');
  const decipher = createDecipheriv('aes-256-gcm', derive(passphrase, header.subarray(9, 25), logN), header.subarray(25));
  decipher.setAAD(header);
  decipher.setAuthTag(file.subarray(file.length - 16));
  try {
    return Buffer.concat([decipher.update(file.subarray(HEADER, file.length - 16)), decipher.final()]);
  } catch {
    throw new InputError(source, '', 'cannot be decrypted', 'check the passphrase; if it is right, the file is damaged');
  }
}

/** The passphrase: FINEPROOF_PASSPHRASE, else asked for on the terminal without echo. */
export async function passphrase(question: string): Promise<string> {
  const given = process.env['FINEPROOF_PASSPHRASE'];
  if (given !== undefined && given !== '') return given;
  if (!process.stdin.isTTY) throw new InputError('FINEPROOF_PASSPHRASE', '', 'is not set', 'set it, or run on a terminal to be asked');
  process.stderr.write(question);
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: silent, terminal: true });
  try {
    return await new Promise((done) => lines.question('', done));
  } finally {
    lines.close();
    process.stderr.write('\n');
  }
}

/** A passphrase for a secret that is going to be made: on a terminal asked for twice, because a slip of the finger would lose it. Errors: empty, not the same. */
export async function newPassphrase(question: string): Promise<string> {
  const word = await passphrase(question);
  if (word === '') throw new InputError('FINEPROOF_PASSPHRASE', '', 'is empty', 'choose a passphrase');
  const given = process.env['FINEPROOF_PASSPHRASE'];
  if ((given === undefined || given === '') && (await passphrase('Again: ')) !== word)
    throw new InputError('FINEPROOF_PASSPHRASE', '', 'was not the same twice', 'start again; nothing was written');
  return word;
}

/** Writes a secret; encrypted when a passphrase is given. */
export const saveSecret = (path: string, bytes: Uint8Array, word?: string): void =>
  writeSecret(path, word === undefined ? bytes : encryptSecret(bytes, word));

/** Reads a secret, encrypted or not. */
export async function loadSecret(path: string, limit: number): Promise<Uint8Array> {
  const bytes = readBounded(path, limit + HEADER + 16);
  return isEncrypted(bytes) ? decryptSecret(bytes, await passphrase(`Passphrase of ${path}: `), path) : bytes;
}
