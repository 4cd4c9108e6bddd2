/** Verifying a claim again: the bundle by its root, every proof, the decider, and the trace where the claim has one. */
import { verifyClaim, type OpenBounty } from '../../../verifier/bounty.ts';
import type { Engine } from '../../../verifier/engine.ts';
import { InputError } from '../../../verifier/input.ts';
import type { BountyVerifier } from '../../../verifier/record/bounty.ts';
import { RecordError } from '../../../verifier/record/tape.ts';
import { DecodeError } from '../../../verifier/wire.ts';
import type { PostedClaim } from '../bounties.ts';
import { bundleSize, type BundleSource } from '../bundles.ts';
import { checkedVerifier, traceOf } from '../optimistic.ts';
import { checkRebuild } from '../package.ts';
import type { AuditedClaim, Check } from './types.ts';

/** What bundles of a bounty are verified with. */
export interface Replayer {
  readonly bounty: OpenBounty;
  readonly source: BundleSource;
  readonly engine: Engine;
  /** Null: claims have no trace, or the key that the terms pin is not this verifier's. */
  readonly verifier: BountyVerifier | null;
}

export type Replayed = Pick<AuditedClaim, 'valid' | 'trace' | 'reason' | 'checks' | 'bytes' | 'seconds'>;

const message = (e: unknown): string => (e instanceof Error ? e.message : String(e));

/** The recorded verifier, recorded anew; or why it is not that of the terms. */
export function verifierOrFault(bounty: OpenBounty, engine: Engine): BountyVerifier | string | null {
  try {
    return checkedVerifier(bounty, engine);
  } catch (e) {
    if (!(e instanceof InputError || e instanceof RecordError)) throw e;
    return e.message;
  }
}

/** Whether the program is what the recipe gives; null, or why it is not. */
export function recipeFault(folder: string, bounty: OpenBounty): string | null {
  try {
    checkRebuild(folder, bounty);
    return null;
  } catch (e) {
    return message(e);
  }
}

/** Takes the time of checks that follow one another. */
class Checks {
  readonly list: Check[] = [];
  private since = performance.now();

  add(name: string, outcome: Check['outcome'], detail: string): void {
    const now = performance.now();
    this.list.push({ name, outcome, seconds: outcome === 'not reached' ? 0 : (now - this.since) / 1000, detail });
    this.since = now;
  }
}

/** The check that `e` belongs to, once `done` of `total` proofs have passed. */
function failedAt(e: unknown, done: number, total: number): string {
  if (done === 0 && e instanceof DecodeError && e.message.startsWith('bundle:')) return 'form of the bundle';
  return done < total ? `proof ${done + 1}` : 'decider';
}

/** Verifies one claim again. What fails is told, never thrown. */
export async function replay({ bounty, source, engine, verifier }: Replayer, claim: PostedClaim): Promise<Replayed> {
  const checks = new Checks();
  const begin = performance.now();
  const total = bounty.compiled.proofs;
  const names = [...Array.from({ length: total }, (_, i) => `proof ${i + 1}`), 'decider', ...(verifier === null ? [] : ['trace'])];
  let bundle: Uint8Array = new Uint8Array(0);
  const end = (valid: boolean | null, trace: boolean | null, reason: string): Replayed => {
    for (const name of names.filter((n) => !checks.list.some((c) => c.name === n))) checks.add(name, 'not reached', '');
    return { valid, trace, reason, checks: checks.list, bytes: bundle.length, seconds: (performance.now() - begin) / 1000 };
  };

  try {
    bundle = await source.fetch(claim.body, bundleSize(bounty), engine.keccak);
    checks.add('bundle', 'passed', `${bundle.length.toLocaleString('en-US')} bytes, which hash to the claim’s root`);
  } catch (e) {
    checks.add('bundle', 'failed', message(e));
    return end(null, null, message(e));
  }
  let done = 0;
  try {
    await verifyClaim(bounty, claim.claimant, claim.body, bundle, engine, (proven) => {
      done = proven;
      checks.add(`proof ${done}`, 'passed', '');
    });
    checks.add('decider', 'passed', 'the one equation that all openings of all proofs come down to, and the final state');
  } catch (e) {
    checks.add(failedAt(e, done, total), 'failed', message(e));
    return end(false, null, message(e));
  }
  if (verifier === null) return end(true, null, 'every step is proven');
  try {
    const own = await traceOf(bounty, verifier, claim.claimant, claim.body, bundle, engine);
    const same = own.root === claim.body.traceRoot;
    checks.add(
      'trace',
      same ? 'passed' : 'failed',
      same ? `its root is ${own.root}` : `its root is ${own.root}, not ${claim.body.traceRoot}`,
    );
    return end(true, same, same ? 'every step is proven' : 'every step is proven, but the claimed trace is another');
  } catch (e) {
    checks.add('trace', 'failed', message(e));
    return end(true, null, message(e));
  }
}
