/**
 * Cards: what a bounty says of its fixed polynomials `model` and `data`. A card lists the tensors and either the digest of their
 * content, a binary file beside the card (public), or their Hyrax rows and the digest of a range proof (hidden). The digest of the card is its
 * canonical bytes' keccak-256; that is the `modelDigest` or `dataDigest` of the Terms.
 *
 * Content file: the tensors one after the other in the card's order, dense and row-major, no pads, little endian, two's complement when signed,
 * 1, 2, 4 or 8 bytes a value (the first that holds `bits`). Every value lies in its declared width; token ids lie below the vocabulary.
 */
import { z } from 'zod';
import { isOnCurve, type Affine } from './curve.ts';
import { plain } from './engine.ts';
import { cardProgram, type CardShape } from './program/card-program.ts';
import { compile } from './program/compile.ts';
import { decodeCanonical, digestOf, hexBytes, InputError, canonicalJson, printable, type Hex } from './input.ts';
import { bitsOf, type Program, type Tensor } from './program/types.ts';
import { cellArray, readInteger, tagNumber } from './words.ts';
import { bundleBytes } from './bundle.ts';
import { verifyInputs } from './verify.ts';

/** Integer content of a polynomial's tensors: dense over the axes' sizes, row-major, no pads. */
export type Content = Readonly<Record<string, Int8Array | Int16Array | Int32Array | Float64Array>>;

const AGAIN = 'get the card again from its publisher';
const CARD_LIMITS = { size: 64 << 20, depth: 8 };
const MAX_CELLS = 2 ** 36;

const count = (most: number) => z.int().min(1).max(most);

const axisSchema = z.strictObject({
  name: printable(40).min(1),
  size: count(2 ** 31 - 1),
});

const tensorSchema = z.strictObject({
  name: printable(80).min(1),
  axes: z.array(axisSchema).max(8),
  bits: z.int().min(1).max(48),
  signed: z.boolean(),
  f: z.int().min(-64).max(64),
});

const contentSchema = z.strictObject({ digest: hexBytes(32), size: z.int().min(1).max(Number.MAX_SAFE_INTEGER) });

const commitmentSchema = z.strictObject({
  columns: z.int().min(1).max(20),
  /** Hyrax rows, 64 bytes each: x ‖ y, big endian. */
  rows: z.string().regex(/^0x([0-9a-f]{128})+$/, 'must be whole points of 64 bytes in hex'),
  rangeProof: contentSchema,
});

const tokensSchema = z.strictObject({
  vocabulary: z
    .int()
    .min(2)
    .max(2 ** 24),
  tokenizer: z.union([z.literal('bytes'), hexBytes(32)]),
  batches: count(2 ** 24),
  batch: count(2 ** 16),
  sequence: count(2 ** 16),
  shuffleSeed: hexBytes(32),
});

const cardSchema = z
  .strictObject({
    version: z.literal(1),
    kind: z.enum(['model', 'data']),
    name: printable(120).min(1),
    tensors: z.array(tensorSchema).min(1).max(4096),
    content: contentSchema.optional(),
    commitment: commitmentSchema.optional(),
    tokens: tokensSchema.optional(),
  })
  .refine((c) => (c.content === undefined) !== (c.commitment === undefined), 'needs either content (public) or commitment (hidden)')
  .refine((c) => (c.tokens !== undefined) === (c.kind === 'data'), 'tokens belong to a data card, and to no other')
  .refine((c) => new Set(c.tensors.map((t) => t.name)).size === c.tensors.length, 'two tensors have one name');

/** A decoded card. `content` is present when it is public, `commitment` when it is hidden. */
export type Card = z.infer<typeof cardSchema>;
export type CardTensor = Card['tensors'][number];

export const encodeCard = (card: Card): Uint8Array => canonicalJson(card);
export const cardDigest = (card: Card): Hex => digestOf(encodeCard(card));

/** Decodes a card's canonical bytes. Errors name `source` and the field. */
export function decodeCard(bytes: Uint8Array, source: string): Card {
  const card = decodeCanonical(cardSchema, bytes, source, CARD_LIMITS);
  cellsOf(card, source);
  if (card.tokens !== undefined) checkTokens(card, source);
  if (card.commitment !== undefined) commitmentRows(card, source);
  return card;
}

export const cellCount = (t: CardTensor): number => t.axes.reduce((n, a) => n * a.size, 1);

function cellsOf(card: Card, source: string): number {
  const cells = card.tensors.reduce((n, t) => n + cellCount(t), 0);
  if (!(cells <= MAX_CELLS)) throw new InputError(source, 'tensors', `declare ${cells} cells, more than ${MAX_CELLS}`, 'check the axes');
  return cells;
}

function checkTokens(card: Card, source: string): void {
  const t = card.tokens as NonNullable<Card['tokens']>;
  const cells = t.batch * t.sequence;
  for (const name of ['data.inputs', 'data.labels']) {
    const tensor = card.tensors.find((x) => x.name === name);
    const fits = tensor !== undefined && tensor.axes.length === 2 && tensor.axes[0]?.size === t.batches && tensor.axes[1]?.size === cells;
    if (!fits || tensor.signed || tensor.bits !== bitsOf(t.vocabulary))
      throw new InputError(source, 'tensors', `${name} must be unsigned, ${bitsOf(t.vocabulary)} bits, [${t.batches}, ${cells}]`, AGAIN);
  }
}

/** What the range proof of a hidden card is about. */
export const cardShape = (card: Pick<Card, 'tensors' | 'tokens'>, columns: number): CardShape => ({
  tensors: card.tensors,
  columns,
  ...(card.tokens === undefined ? {} : { vocabulary: card.tokens.vocabulary }),
});

const CARD = tagNumber('CARD');

/** The statement of a card's range proof: binds all of the card but the proof itself. */
export const cardStatement = (rest: Omit<Card, 'commitment' | 'content'>, columns: number, rows: string): readonly bigint[] => [
  CARD,
  BigInt(digestOf(canonicalJson({ ...rest, commitment: { columns, rows } }))),
];

/** Fetches and checks the range proof of a hidden card, a proof of its card program (program/card-program.ts); `source` names the proof in errors. */
export async function checkRangeProof(
  card: Card,
  fetch: (digest: Hex, size: number) => Uint8Array,
  source: string,
  engine = plain,
): Promise<void> {
  const { commitment, content: _, ...rest } = card;
  if (commitment === undefined) throw new InputError(source, 'commitment', 'is missing', 'a public card has content instead');
  const { columns, rows, rangeProof } = commitment;
  const compiled = compile(cardProgram(cardShape(card, columns)));
  const size = bundleBytes(compiled);
  const wrong = (what: string): InputError => new InputError(source, '', what, 'get the card again from its publisher, or refuse it');
  if (rangeProof.size !== size) throw wrong(`has ${rangeProof.size} bytes by the card, a proof of its tensors ${size}`);
  const proof = fetch(rangeProof.digest, size);
  if (digestOf(proof) !== rangeProof.digest) throw wrong('does not have the digest that the card gives');
  try {
    await verifyInputs(compiled, commitmentRows(card, source), cardStatement(rest, columns, rows), proof, engine);
  } catch (e) {
    throw wrong(`does not show that the values lie in their widths: ${e instanceof Error ? e.message : String(e)}`);
  }
}

/** The Hyrax rows of a hidden card; coordinates canonical, on the curve, none at infinity. */
export function commitmentRows(card: Card, source: string): Affine[] {
  if (card.commitment === undefined) throw new InputError(source, 'commitment', 'is missing', 'a public card has content instead');
  const hex = card.commitment.rows;
  const rows: Affine[] = [];
  for (let at = 2; at < hex.length; at += 128) {
    const p = { x: BigInt(`0x${hex.slice(at, at + 64)}`), y: BigInt(`0x${hex.slice(at + 64, at + 128)}`) };
    if (!isOnCurve(p)) throw new InputError(source, `commitment.rows[${rows.length}]`, 'is not a point of the curve', AGAIN);
    rows.push(p);
  }
  return rows;
}

/** Bytes of one value of the content file. */
export const valueSize = (t: { readonly bits: number }): number => (t.bits <= 8 ? 1 : t.bits <= 16 ? 2 : t.bits <= 32 ? 4 : 8);

/** Bytes of the content file that these tensors make. */
export const contentSize = (tensors: readonly CardTensor[]): number => tensors.reduce((n, t) => n + cellCount(t) * valueSize(t), 0);

export const bounds = (t: CardTensor): readonly [number, number] =>
  t.signed ? [-(2 ** (t.bits - 1)), 2 ** (t.bits - 1) - 1] : [0, 2 ** t.bits - 1];

/** Reads a content file: exact length, every value in its width. */
export function decodeContent(tensors: readonly CardTensor[], bytes: Uint8Array, source: string): Content {
  const expected = contentSize(tensors);
  if (bytes.length !== expected)
    throw new InputError(
      source,
      '',
      `has ${bytes.length} bytes, its tensors need ${expected}`,
      'it is truncated or belongs to another card',
    );
  const content: Record<string, Content[string]> = {};
  let at = 0;
  for (const t of tensors) {
    const n = cellCount(t);
    const size = valueSize(t);
    const [lo, hi] = bounds(t);
    // Signed values of up to 32 bits stand in the file as in the memory of every machine in use: little endian.
    const copied = t.signed && size < 8;
    const values = copied ? new (cellArray(t))(new Uint8Array(bytes.subarray(at, at + n * size)).buffer) : new (cellArray(t))(n);
    for (let i = 0; i < n; i++, at += size) {
      const v = copied ? (values[i] as number) : readInteger(bytes, at, size, t.signed);
      if (v < lo || v > hi)
        throw new InputError(source, `${t.name}[${i}]`, `${v} lies outside ${lo} … ${hi}`, 'refuse the bounty: the card is wrong');
      if (!copied) values[i] = v;
    }
    content[t.name] = values;
  }
  return content;
}

/** The content of a public card: its digest, widths and (data) vocabulary are checked. */
export function openContent(card: Card, bytes: Uint8Array, source: string, engine = plain): Content {
  if (card.content === undefined) throw new InputError(source, 'content', 'the card is hidden', 'use the opening file');
  if (bytes.length !== card.content.size || digestOf(bytes, engine.keccak) !== card.content.digest)
    throw new InputError(source, 'content', 'does not have the digest that the card gives', 'get the content file again');
  const content = decodeContent(card.tensors, bytes, source);
  checkVocabulary(card, content, source);
  return content;
}

/** Token ids of a data card lie below its vocabulary. */
export function checkVocabulary(card: Card, content: Content, source: string): void {
  if (card.tokens === undefined) return;
  for (const name of ['data.inputs', 'data.labels']) {
    const ids = content[name] as Content[string];
    const wrong = ids.findIndex((id) => id >= (card.tokens as NonNullable<Card['tokens']>).vocabulary);
    const problem = `token id ${ids[wrong]} is not below the vocabulary ${card.tokens.vocabulary}`;
    if (wrong >= 0) throw new InputError(source, `${name}[${wrong}]`, problem, 'tokenize with the model’s own tokenizer');
  }
}

const shapeOf = (t: Pick<Tensor, 'name' | 'axes' | 'bits' | 'signed' | 'f'>): string =>
  `${t.name} [${t.axes.map((a) => a.size).join(', ')}] ${t.signed ? 'signed' : 'unsigned'} ${t.bits} bits, f ${t.f}`;

/** The card is what the program declares for this fixed polynomial: the same tensors in the same order, hidden or public alike. */
export function checkCard(card: Card, program: Program, source: string): void {
  const poly = program.polys.find((p) => p.role === 'fixed' && p.name === card.kind);
  if (poly === undefined) throw new InputError(source, 'kind', `the program has no fixed polynomial ${card.kind}`, 'check the recipe');
  const hidden = card.commitment !== undefined;
  const mode = (is: boolean): string => (is ? 'hidden' : 'public');
  const problem = `the card is ${mode(hidden)}, the program wants it ${mode(poly.hidden)}`;
  if (poly.hidden !== hidden) throw new InputError(source, 'commitment', problem, 'make the card again, or change the recipe');
  const columns = card.commitment?.columns ?? program.columns;
  const differs = `is ${columns}, the program's is ${program.columns}`;
  if (columns !== program.columns)
    throw new InputError(source, 'commitment.columns', differs, `commit again with --columns ${program.columns}`);
  const wanted = program.tensors.filter((t) => t.poly === poly.name);
  for (let i = 0; i < Math.max(wanted.length, card.tensors.length); i++) {
    const a = card.tensors[i];
    const b = wanted[i];
    const got = a === undefined ? 'nothing' : shapeOf(a);
    const want = b === undefined ? 'nothing' : shapeOf(b);
    if (got !== want)
      throw new InputError(source, `tensors[${i}]`, `the card has ${got}, the program wants ${want}`, 'make the card with this recipe');
  }
}
