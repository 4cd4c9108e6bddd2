/** A run's delivery, on the claimant's side: sealing what was trained, and opening it again to reveal, to answer and to check. */
import { adapterTree, cipherTree } from '../../../verifier/delivery/cipher.ts';
import { openDelivery } from '../../../verifier/delivery/complaint.ts';
import { randomWord, type RandomBytes } from '../../../verifier/delivery/keys.ts';
import { ROW_BYTES } from '../../../verifier/delivery/row.ts';
import { delivers } from '../../../verifier/delivery/terms.ts';
import { wordHex, type OpenBounty } from '../../../verifier/bounty.ts';
import { plain, type Engine } from '../../../verifier/engine.ts';
import { canonicalJson, InputError, type Hex } from '../../../verifier/input.ts';
import type { MerkleTree } from '../../../verifier/record/indexed-merkle.ts';
import type { Body } from '../../../verifier/statement.ts';
import type { RunStorage } from '../../../prover/run/storage.ts';
import type { ClaimFile } from '../run-folder.ts';
import { deliveryCommitments, loadDeliveryRows } from './rows.ts';
import {
  ciphertextName,
  decodeSecrets,
  drawSecrets,
  encodeSecrets,
  keyHashOf,
  maskOf,
  seal,
  secretsName,
  type DeliverySecrets,
  type Sealing,
} from './secrets.ts';

type SealedBounty = Pick<OpenBounty, 'id' | 'terms' | 'compiled'>;

/** What a claim says of its run, before its nonce is drawn. */
export type Proven = Pick<ClaimFile, 'bounty' | 'claimant' | 'bundleRoot' | 'lastProof' | 'adapterRoot'>;

const hexPoint = ({ x, y }: Sealing['ephemeralKey']) => ({ x: wordHex(x), y: wordHex(y) });

const claimFile = ({ bounty, claimant, bundleRoot, lastProof, adapterRoot }: Proven, sealing: Sealing): ClaimFile => ({
  ...{ bounty, claimant, bundleRoot, lastProof, adapterRoot },
  nonce: sealing.nonce,
  delivery: { cipherRoot: sealing.cipherRoot, keyHash: sealing.keyHash, ephemeralKey: hexPoint(sealing.ephemeralKey) },
});

const sameClaim = (a: ClaimFile, b: ClaimFile): boolean => Buffer.from(canonicalJson(a)).equals(canonicalJson(b));

/** The secrets of a claim that this run made; null if they are not there. Errors: a damaged file, other secrets under this name. */
export async function loadSecrets(storage: Pick<RunStorage, 'load'>, nonce: Hex): Promise<DeliverySecrets | null> {
  const name = secretsName(nonce);
  const stored = await storage.load(name);
  if (stored === null) return null;
  const secrets = decodeSecrets(stored, name);
  if (secrets.nonce !== nonce) throw new InputError(name, 'nonce', `is ${secrets.nonce}`, 'restore the file from a copy');
  return secrets;
}

/** Draws everything anew and stores it: secrets first, so that nothing is published that could not be opened. */
async function sealAnew(storage: RunStorage, bounty: SealedBounty, proven: Proven, random: RandomBytes): Promise<ClaimFile> {
  const rows = await loadDeliveryRows(bounty.compiled, storage);
  const secrets = drawSecrets(proven.bounty, proven.claimant, rows, random);
  const { ciphertext, sealing } = seal(rows, secrets, bounty);
  storage.save(secretsName(secrets.nonce), encodeSecrets(secrets), true);
  storage.save(ciphertextName(secrets.nonce), ciphertext, false);
  return claimFile(proven, sealing);
}

/**
 * What a proven run claims: as before, if it claimed the same before and all that it takes is there; else with a fresh nonce, and with delivery under
 * fresh K and e. Secrets of earlier claims stay, since those may be on the chain.
 */
export async function makeClaim(
  storage: RunStorage,
  bounty: SealedBounty,
  proven: Proven,
  before: ClaimFile | null,
  random: RandomBytes,
): Promise<ClaimFile> {
  const delivery = delivers(bounty.terms);
  const { bundleRoot, lastProof, adapterRoot } = proven;
  const again = before?.bundleRoot === bundleRoot && before.lastProof === lastProof && before.adapterRoot === adapterRoot;
  if (before !== null && again && (before.delivery !== undefined) === delivery) {
    if (!delivery) return before;
    const secrets = await loadSecrets(storage, before.nonce);
    if (secrets !== null) {
      const { ciphertext, sealing } = seal(await loadDeliveryRows(bounty.compiled, storage), secrets, bounty);
      if (sameClaim(claimFile(proven, sealing), before)) {
        storage.save(ciphertextName(before.nonce), ciphertext, false);
        return before;
      }
    }
  }
  if (delivery) return sealAnew(storage, bounty, proven, random);
  return { bounty: proven.bounty, claimant: proven.claimant, bundleRoot, lastProof, adapterRoot, nonce: wordHex(randomWord(random)) };
}

/** The ciphertext of a claim that this run made, and its tree. Errors: it is gone, or is another one. */
export async function loadCiphertext(
  storage: Pick<RunStorage, 'load'>,
  { cipherRoot, nonce }: Pick<Body, 'cipherRoot' | 'nonce'>,
): Promise<{ readonly ciphertext: Uint8Array; readonly tree: MerkleTree }> {
  const name = ciphertextName(nonce);
  const ciphertext = await storage.load(name);
  if (ciphertext === null) throw new InputError(name, '', 'does not exist', 'make it again with `fineproof train`');
  let tree: MerkleTree;
  try {
    tree = cipherTree(ciphertext);
  } catch (e) {
    throw new InputError(name, '', e instanceof Error ? e.message : String(e), 'make it again with `fineproof train`');
  }
  if (wordHex(tree.root) !== cipherRoot)
    throw new InputError(name, '', 'is not the claim’s ciphertext', 'make it again with `fineproof train`');
  return { ciphertext, tree };
}

/** K of a claim that this run made. Errors: it is not there; it is not the claim's. */
export async function loadRevealedKey(
  storage: Pick<RunStorage, 'load'>,
  { keyHash, nonce }: Pick<Body, 'keyHash' | 'nonce'>,
  where: string,
): Promise<Hex> {
  const secrets = await loadSecrets(storage, nonce);
  const name = secretsName(nonce);
  if (secrets === null)
    throw new InputError(
      where,
      '',
      `has no ${name}, the claim’s secrets`,
      'give the run that was claimed, or import them: `fineproof keys import`',
    );
  if (keyHashOf(secrets) !== keyHash)
    throw new InputError(name, 'key', 'is not the key that the claim names', 'restore the file from a copy');
  return secrets.key;
}

/**
 * Checks a sealed run as the poster will: K is that of keyHash, the ciphertext that of cipherRoot, it decrypts, and every row opens its commitment under
 * adapterRoot. Whoever claims without it may lose the bond.
 */
export async function checkSealed(
  storage: RunStorage,
  bounty: SealedBounty,
  claim: ClaimFile,
  bundle: Uint8Array,
  body: Body,
  engine: Engine = plain,
): Promise<Uint8Array> {
  const wrong = (what: string): InputError =>
    new InputError('claim.json', 'delivery', what, 'draw the delivery anew: `fineproof claim --anew`');
  const secrets = await loadSecrets(storage, claim.nonce);
  if (secrets === null) throw wrong(`has no ${secretsName(claim.nonce)}`);
  const { sealing } = seal(await loadDeliveryRows(bounty.compiled, storage), secrets, bounty, engine.keccak);
  if (!sameClaim(claimFile(claim, sealing), claim)) throw wrong('is not what the run’s secrets give');
  const { ciphertext } = await loadCiphertext(storage, body);
  const commitments = deliveryCommitments(bounty.compiled, bundle);
  if (wordHex(adapterTree(commitments, engine.keccak).root) !== body.adapterRoot) throw wrong('is not of the bundle’s rows');
  if (ciphertext.length !== commitments.length * ROW_BYTES) throw wrong('has another number of rows than the terms say');
  const opened = await openDelivery({ ciphertext, commitments, mask: maskOf(secrets, bounty) }, engine);
  if ('fault' in opened) throw wrong(`does not open row ${opened.index}: ${opened.fault}`);
  return ciphertext;
}
