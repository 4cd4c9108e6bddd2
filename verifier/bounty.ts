/**
 * A bounty as a verifier sees it: the terms from the chain, and the published files that their digests name. `openBounty` checks that the
 * files are those of the terms and fit together; `verifyClaim` then checks a bundle against the chain, the claimant and the claim.
 */
import { type Address } from 'viem';
import { bundleBytes, rowsDigest } from './bundle.ts';
import { checkCard, checkRangeProof, commitmentRows, decodeCard, decodeContent, openContent, type Card, type Content } from './cards.ts';
import type { Affine } from './curve.ts';
import { continuedRoot, type FirstState } from './delivery/continuation.ts';
import { checkDelivery } from './delivery/terms.ts';
import { plain } from './engine.ts';
import type { DenseTensors } from './evaluate.ts';
import { digestOf, InputError, type Hex } from './input.ts';
import { compile, type Compiled } from './program/compile.ts';
import { CONSTANTS, decodeProgram } from './program/decode.ts';
import { fixedPolys } from './protocol/accumulator.ts';
import type { Program } from './program/types.ts';
import { placeContent, polyOfRole, publicRows, tensorsOf } from './public-content.ts';
import { KIND, bountyId, recipeHash, statementOf, statementWords, type Body, type Terms } from './statement.ts';
import { checkProgram } from './validity/check.ts';
import { verifyBundle, type Verified } from './verify.ts';

/** A word as 0x and 64 hex digits. */
export const wordHex = (value: bigint): Hex => `0x${value.toString(16).padStart(64, '0')}`;

export const ZERO_WORD = wordHex(0n);

/** The published files of a bounty. `content` gives the file of a digest: public content, or the range proof of a hidden card. */
export interface BountyFiles {
  readonly program: Uint8Array;
  readonly modelCard: Uint8Array;
  readonly dataCard: Uint8Array;
  /** Content of the first state's tensors. */
  readonly start: Uint8Array;
  /** Of a milestone: blinds of the delivered rows of the claim that it continues (delivery/continuation.ts). */
  readonly startBlinds?: Uint8Array;
  readonly content: (digest: Hex, size: number) => Uint8Array;
}

/** A bounty whose files have been checked against its terms. */
export interface OpenBounty {
  readonly chainId: bigint;
  readonly escrow: Address;
  readonly terms: Terms;
  readonly id: Hex;
  readonly program: Program;
  readonly compiled: Compiled;
  readonly cards: { readonly model: Card; readonly data: Card };
  /** Content of public cards. */
  readonly content: { readonly model: Content | null; readonly data: Content | null };
  readonly start: FirstState;
  /** Content of the tensors of public fixed polynomials. */
  readonly publicContent: DenseTensors;
  readonly hiddenRows: ReadonlyMap<string, readonly Affine[]>;
}

/** Longest axis of public content: its verifier makes a table of that many weights. */
const MAX_PUBLIC_AXIS = 2 ** 20;

const differs = (file: string, what: string): InputError =>
  new InputError(file, '', `is not the ${what} that the terms name`, 'fetch the file again from the poster');

/** Checks files against terms. Errors name the file. */
export async function openBounty(chainId: bigint, escrow: Address, terms: Terms, files: BountyFiles, engine = plain): Promise<OpenBounty> {
  const promised = terms.kind !== KIND.training ? 'terms.kind' : terms.announces.length > 0 ? 'terms.announces' : '';
  const shown = 'is not what a training proof shows: every step, and no announced values';
  if (promised !== '') throw new InputError('bounty.json', promised, shown, 'refuse the bounty');
  const program = decodeProgram(files.program, 'program.bin');
  const { steps, perProof } = program.schedule;
  const recipe = recipeHash({ program: digestOf(files.program), steps, stepsPerProof: perProof, schedule: ZERO_WORD });
  if (recipe !== terms.recipeHash || steps !== terms.steps || perProof !== terms.stepsPerProof) throw differs('program.bin', 'program');
  checkProgram(program);
  const compiled = compile(program);
  const wide = fixedPolys(compiled).find(
    (p) => !p.hidden && p.tensors.some(({ tensor }) => tensor.axes.some((a) => a.size > MAX_PUBLIC_AXIS)),
  );
  if (wide)
    throw new InputError('program.bin', 'tensors', `has an axis of more than ${MAX_PUBLIC_AXIS} in ${wide.name}`, 'refuse the bounty');

  const other = fixedPolys(compiled).find((p) => !['model', 'data', CONSTANTS].includes(p.name));
  if (other) throw new InputError('program.bin', 'polys', `has ${other.name}, for which there is no card`, 'refuse the bounty');
  checkDelivery(terms, compiled);

  const card = async (name: 'model' | 'data', bytes: Uint8Array, digest: Hex): Promise<{ card: Card; content: Content | null }> => {
    const file = `${name}.card.json`;
    const decoded = decodeCard(bytes, file);
    if (digestOf(bytes) !== digest || decoded.kind !== name) throw differs(file, `${name} card`);
    checkCard(decoded, program, file);
    if (decoded.commitment !== undefined) {
      await checkRangeProof(decoded, files.content, `range proof of ${file}`, engine);
      return { card: decoded, content: null };
    }
    if (decoded.content === undefined) throw new InputError(file, 'content', 'is missing', 'get the card again from the poster');
    return {
      card: decoded,
      content: openContent(decoded, files.content(decoded.content.digest, decoded.content.size), `content of ${file}`, engine),
    };
  };
  const model = await card('model', files.modelCard, terms.modelDigest);
  const data = await card('data', files.dataCard, terms.dataDigest);

  const hiddenRows = new Map<string, readonly Affine[]>();
  for (const [name, { card: of }] of Object.entries({ model, data }))
    if (of.commitment !== undefined) hiddenRows.set(name, commitmentRows(of, `${name}.card.json`));

  const state = polyOfRole(compiled, 'stateIn');
  const start = decodeContent(tensorsOf(program, state.name), files.start, 'start.bin');
  const digest = digestOf(files.start);
  const cells = placeContent(state, start);
  const rows = await publicRows(cells, compiled.columns, state.rows, digest, engine);
  const { startBlinds } = files;
  const continued = startBlinds === undefined ? {} : { root: await continuedRoot(program, compiled, start, startBlinds, engine) };
  if (wordHex(continued.root ?? rowsDigest(rows)) !== terms.startDigest) throw differs('start.bin', 'first state');
  const sizes = `is ${terms.maxBundle}, the program's bundles have ${bundleBytes(compiled)} bytes`;
  if (BigInt(bundleBytes(compiled)) > terms.maxBundle)
    throw new InputError('bounty.json', 'terms.maxBundle', sizes, 'refuse the bounty: nobody could claim it');
  return {
    chainId,
    escrow,
    terms,
    id: bountyId(chainId, escrow, terms),
    program,
    compiled,
    cards: { model: model.card, data: data.card },
    content: { model: model.content, data: data.content },
    start: { content: start, digest, cells, rows, ...continued },
    publicContent: { ...model.content, ...data.content, ...program.constants },
    hiddenRows,
  };
}

/** What of a claim the proof speaks about. */
export type ClaimWords = Pick<Body, 'adapterRoot' | 'announced' | 'lastProof'>;

/** Verifies a bundle for a claim; throws DecodeError or VerificationError. */
export async function verifyClaim(
  bounty: OpenBounty,
  claimant: Address,
  claim: ClaimWords,
  bundle: Uint8Array,
  engine = plain,
  onProof?: (done: number, total: number) => void,
): Promise<Verified> {
  const verified = await verifyBundle(
    {
      compiled: bounty.compiled,
      statement: statementWords(statementOf(bounty.chainId, bounty.escrow, bounty.terms, claimant, claim)),
      firstState: bounty.start.rows,
      finalState: BigInt(claim.adapterRoot),
      hiddenRows: bounty.hiddenRows,
      publicContent: bounty.publicContent,
      ...(onProof === undefined ? {} : { onProof }),
    },
    bundle,
    engine,
  );
  if (wordHex(verified.digest) !== claim.lastProof)
    throw new InputError('claim', 'lastProof', 'is not the digest of the bundle’s last proof', 'refuse the claim');
  return verified;
}
