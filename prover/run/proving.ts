/**
 * Proving a trained run. The statement names the final state's rows (or those of its limbs), so their blinds are drawn first and kept; then one
 * transition after the other, each stored with the state after it, then the decider and the bundle. A killed run goes on with the first
 * proof that is not stored whole; that proof draws all its masks and blinds anew.
 */
import type { Address } from 'viem';
import { z } from 'zod';
import { type OpenBounty, wordHex } from '../../verifier/bounty.ts';
import { bundleRoot, rowsDigest, rowsRoot } from '../../verifier/bundle.ts';
import type { Content } from '../../verifier/cards.ts';
import { deliveredCells } from '../../verifier/delivery/cells.ts';
import { canonicalJson, decodeCanonical, digestOf, InputError, type Hex } from '../../verifier/input.ts';
import type { PolyLayout } from '../../verifier/program/compile.ts';
import { placeContent, polyOfRole, publicBlinds } from '../../verifier/public-content.ts';
import { fixedPolys, start, statementDigest } from '../../verifier/protocol/accumulator.ts';
import { RunMachine, toPoints, type Pt } from '../../verifier/protocol/machine.ts';
import { statementOf, statementWords } from '../../verifier/statement.ts';
import { R } from '../../verifier/field.ts';
import { keccakWords, readWord, WORD_BYTES, writeWord } from '../../verifier/words.ts';
import { Recovery } from '../backend/recovery.ts';
import type { Backend, Cells, CellSource } from '../backend/types.ts';
import type { Opening } from '../cards/hidden.ts';
import type { Phase } from '../prove/prover.ts';
import { systemRandom } from '../prove/random.ts';
import { hold } from '../prove/rows.ts';
import { proveDecider, proveTransition, type ChainState } from '../prove/run.ts';
import { encodeBundle } from '../prove/wire.ts';
import { buildWitness } from '../prove/witness.ts';
import type { Walker } from '../trainer/walk.ts';
import { decodeChainState, encodeChainState } from './chain-state.ts';
import { deliveryRows } from './delivery-rows.ts';
import type { RunStorage } from './storage.ts';
import { asTensors, type FixedContent, type States } from './training.ts';

export interface ProvingInput {
  readonly bounty: OpenBounty;
  readonly claimant: Address;
  readonly walker: Walker;
  /** A backend, or one with others to go on with when its device is lost: a proof that is made anew draws all its masks and blinds anew. */
  readonly backend: Backend | Recovery;
  readonly states: States;
  /** Where a fixed polynomial's cells lie while the run is proven; default: in memory. Whoever makes sources closes them. */
  readonly place?: (poly: PolyLayout, content: FixedContent) => Promise<CellSource>;
  /** Openings of hidden fixed polynomials, by name. */
  readonly openings: ReadonlyMap<string, Opening>;
  readonly storage: RunStorage;
  /** Before each phase of each proof; `proof` counts from 1. */
  readonly onPhase?: (proof: number, phase: Phase | 'walk') => void;
  readonly onProof?: (done: number, total: number) => void;
}

/** What a claim says of a proven run. */
export interface ProvenRun {
  readonly bundle: Uint8Array;
  readonly bundleRoot: Hex;
  readonly lastProof: Hex;
  readonly adapterRoot: Hex;
}

const blindsSchema = z.array(z.string().regex(/^[0-9a-f]{1,64}$/));

/** Content of model and data, public or from openings. */
export function fixedContent(bounty: OpenBounty, openings: ReadonlyMap<string, Opening>): FixedContent {
  const parts = (['model', 'data'] as const).map((name) => {
    const content = bounty.content[name] ?? openings.get(name)?.content;
    if (content === undefined) throw new InputError(`${name}.card.json`, '', 'is hidden', 'give its secret opening file with --opening');
    return content;
  });
  return Object.assign({}, ...parts) as FixedContent;
}

async function finalBlinds(storage: RunStorage, rows: number): Promise<bigint[]> {
  const name = 'final-blinds';
  const stored = await storage.load(name);
  if (stored !== null) {
    const blinds = decodeCanonical(blindsSchema, stored, name, { size: 64 << 20, depth: 2 }).map((v) => BigInt(`0x${v}`));
    if (blinds.length !== rows || blinds.some((b) => b >= R))
      throw new InputError(name, '', 'belongs to another run', 'start over in an empty folder');
    return blinds;
  }
  const blinds = systemRandom.fields(rows);
  storage.save(name, canonicalJson(blinds.map((b) => b.toString(16))), true);
  return blinds;
}

/** What a stored state belongs to: the chain before its proof, and that proof. A proof made anew so drops all that followed the old one. */
const linkOf = (digest: bigint, proof: Uint8Array): bigint => keccakWords(digest, BigInt(digestOf(proof)));

function linked(link: bigint, bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array(WORD_BYTES + bytes.length);
  writeWord(out, 0, link);
  out.set(bytes, WORD_BYTES);
  return out;
}

/** What `linked` stored under this link; null if there is nothing, or only something of another chain. */
const ofChain = (link: bigint, stored: Uint8Array | null): Uint8Array | null =>
  stored !== null && stored.length >= WORD_BYTES && readWord(stored, 0) === link ? stored.subarray(WORD_BYTES) : null;

/** Proves the run, or what is missing of it. Errors: `UnsatisfiedError`, `DeviceLostError`, `DeviceMemoryError`, damaged files. */
export async function proveRun(input: ProvingInput): Promise<ProvenRun> {
  const { compiled: c, program } = input.bounty;
  const content = { ...fixedContent(input.bounty, input.openings), ...program.constants };
  const cells = new Map<string, Cells | CellSource>();
  for (const poly of fixedPolys(c)) cells.set(poly.name, (await input.place?.(poly, content)) ?? placeContent(poly, content));
  // From one proof to the next: each proof holds them too, in case another backend takes over.
  const release = hold(input.backend instanceof Recovery ? input.backend.current : input.backend, cells.values());
  return proveAll(input, cells).finally(release);
}

async function proveAll(input: ProvingInput, cells: ReadonlyMap<string, Cells | CellSource>): Promise<ProvenRun> {
  const { bounty, storage, states, walker } = input;
  const run = <T>(job: (backend: Backend) => Promise<T>): Promise<T> =>
    input.backend instanceof Recovery ? input.backend.run(job) : job(input.backend);
  const { compiled: c } = bounty;
  const fixed = fixedContent(bounty, input.openings);
  const stateOut = polyOfRole(c, 'stateOut');
  const stateIn = polyOfRole(c, 'stateIn');
  const { rows } = stateOut;
  const lastBlinds = await finalBlinds(storage, rows.length);
  const final = states[c.proofs] as Content;
  const delivered = c.delivered.length > 0 ? await deliveryRows(c, final, storage, systemRandom) : [];
  const deliveryBlinds = delivered.map((row) => row.blind);
  const claimed = async (backend: Backend): Promise<bigint> => {
    if (delivered.length > 0) {
      const { rows: own, columns } = polyOfRole(c, 'delivery');
      return rowsRoot(await backend.commitRows(deliveredCells(c, final), 2 ** columns, deliveryBlinds, own));
    }
    // The final state is stored under the names of the next state-in; both polynomials have the same layout.
    return rowsDigest(await backend.commitRows(placeContent(stateIn, final), 2 ** c.columns, lastBlinds, rows));
  };
  const adapterRoot = wordHex(await run(claimed));
  const statement = statementWords(
    statementOf(bounty.chainId, bounty.escrow, bounty.terms, input.claimant, { adapterRoot, announced: [] }),
  );

  const o = new RunMachine();
  const digest = statementDigest(
    o,
    statement.map((w) => o.word(w)),
  ) as unknown as bigint;
  let state: ChainState = {
    accumulator: start(o, c, toPoints([null])[0] as Pt),
    digest,
    rows: bounty.start.rows,
    blinds: publicBlinds(bounty.start.digest, rows),
    running: c.polys.filter((p) => p.role === 'fixed' && p.hidden).map(() => ({ value: 0n, blind: 0n })),
  };
  const inputs = asTensors(fixed);
  const proofs: Uint8Array[] = [];
  for (let t = 1; t <= c.proofs; t++) {
    const name = String(t).padStart(6, '0');
    const bytes = await storage.load(`proof-${name}`);
    const after = bytes === null ? null : ofChain(linkOf(state.digest, bytes), await storage.load(`after-${name}`));
    if (bytes !== null && after !== null) {
      proofs.push(bytes);
      state = decodeChainState(c, after, `after-${name}`);
      input.onProof?.(t, c.proofs);
      continue;
    }
    const before = state.digest;
    input.onPhase?.(t, 'walk');
    const given = new Map([...inputs, ...asTensors(states[t - 1] as Content)]);
    const walk = await run(async (backend) =>
      backend.products ? walker.walkAsync(t - 1, given, backend.products, { leaves: true }) : walker.walk(t - 1, given, { leaves: true }),
    );
    const witness = buildWitness(c, walk, cells);
    const from = state;
    const proven = await run((backend) =>
      proveTransition({
        compiled: c,
        backend,
        random: systemRandom,
        statement,
        t,
        state: from,
        witness,
        stateOutBlinds: t === c.proofs ? lastBlinds : systemRandom.fields(rows.length),
        ...(t === c.proofs && delivered.length > 0 ? { deliveryBlinds } : {}),
        onPhase: (phase) => input.onPhase?.(t, phase),
      }),
    );
    state = proven.state;
    // The state last: a proof counts as done when both are there.
    storage.save(`proof-${name}`, proven.bytes, false);
    storage.save(`after-${name}`, linked(linkOf(before, proven.bytes), encodeChainState(c, state)), true);
    proofs.push(proven.bytes);
    input.onProof?.(t, c.proofs);
  }
  // Kept too: a claim names its bundle, so going on with a finished run must not make another one.
  let decider = ofChain(state.digest, await storage.load('decider'));
  if (decider === null) {
    const last = state;
    decider = await run((backend) =>
      proveDecider({ compiled: c, backend, random: systemRandom, state: last, cells, openings: input.openings }),
    );
    storage.save('decider', linked(state.digest, decider), false);
  }
  const bundle = encodeBundle(c, digest, proofs, decider);
  return {
    bundle,
    bundleRoot: wordHex(bundleRoot(bundle, (input.backend instanceof Recovery ? input.backend.current : input.backend).keccak)),
    lastProof: wordHex(state.digest),
    adapterRoot,
  };
}
