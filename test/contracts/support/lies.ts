/** Claims that are wrong in one word, drawn at random. */
import { R } from '../../../verifier/field.ts';
import { wordHex } from '../../../verifier/bounty.ts';
import { runTrace, workOf } from '../../../verifier/record/trace.ts';
import { readWord, writeWord } from '../../../verifier/words.ts';
import { stubbornTrace } from '../../record/liars.ts';
import type { Draw } from './scene.ts';
import type { Lie, Trial } from './trial.ts';

/** Another word: one bit of it, or all of it. */
const other = (word: bigint, draw: Draw): bigint =>
  draw.below(2) === 0 ? word ^ (1n << BigInt(draw.below(256))) : word ^ (draw.word() | 1n);

function changed(bytes: Uint8Array, word: number, draw: Draw): Uint8Array {
  const copy = bytes.slice();
  writeWord(copy, word, other(readWord(copy, word), draw));
  return copy;
}

/** A word of the bundle; `trace`: that of the bundle as it was, the one that runs up to the failed check, or one that goes on as if it had passed. */
async function falseBundle(trial: Trial, draw: Draw, trace: 'before' | 'until' | 'beyond'): Promise<Lie> {
  const { honest, verifier, publicWords, engine } = trial;
  const bundle = changed(honest.bundle, draw.below(honest.bundle.length / 32), draw);
  if (trace === 'before') return { bundle, cells: honest.cells };
  if (trace === 'beyond') return { bundle, cells: stubbornTrace(verifier.recorded, bundle, publicWords) };
  return { bundle, cells: (await runTrace(verifier.recorded, bundle, publicWords, workOf(engine))).cells };
}

/** A value of an instruction. */
function falseValue({ honest }: Trial, draw: Draw): Lie {
  const segment = draw.below(honest.cells.length);
  const cells = honest.cells.map((own, t) => (t === segment ? changed(own, draw.below(own.length / 32), draw) : own));
  return { bundle: honest.bundle, cells };
}

/** A value where no instruction is: behind a list, or behind the last segment. */
function falsePad({ honest, verifier }: Trial, draw: Draw, beyond: boolean): Lie {
  const { k, traceDepth } = verifier.recorded;
  const segment = beyond ? honest.cells.length + draw.below(2 ** (traceDepth - k) - honest.cells.length) : draw.below(honest.cells.length);
  const cells = Array.from({ length: Math.max(honest.cells.length, segment + 1) }, (_, t) => honest.cells[t] ?? new Uint8Array(0));
  const own = cells[segment] as Uint8Array;
  // Anywhere in the segment; but what a stranger publishes is read up to 65,536 cells.
  const index = own.length / 64 + draw.below(Math.min(2 ** k - own.length / 64, 60_000));
  const longer = new Uint8Array((index + 1) * 64);
  longer.set(own);
  writeWord(longer, 2 * index + draw.below(2), draw.word() | 1n);
  cells[segment] = longer;
  return { bundle: honest.bundle, cells };
}

/** A word that the claim announces: a value, the final state, the digest of the last proof. */
function falseWord({ honest, words }: Trial, draw: Draw): Lie {
  const bodies = [
    { announced: [other(words.announced[0] as bigint, draw) % R] },
    { adapterRoot: wordHex(other(BigInt(words.adapterRoot), draw)) },
    { lastProof: wordHex(other(BigInt(words.lastProof), draw)) },
  ];
  return { bundle: honest.bundle, cells: honest.cells, body: draw.pick(bodies) };
}

/** Kinds of lies, by name. */
export const LIES = {
  'a word of the bundle, the trace of before': (trial: Trial, draw: Draw) => falseBundle(trial, draw, 'before'),
  'a value of the trace': falseValue,
  'a word of the bundle, the trace up to the failed check': (trial: Trial, draw: Draw) => falseBundle(trial, draw, 'until'),
  'padding behind a list': (trial: Trial, draw: Draw) => falsePad(trial, draw, false),
  'an announced word': falseWord,
  'a word of the bundle, a trace that goes on': (trial: Trial, draw: Draw) => falseBundle(trial, draw, 'beyond'),
  'padding behind the last segment': (trial: Trial, draw: Draw) => falsePad(trial, draw, true),
} as const satisfies Readonly<Record<string, (trial: Trial, draw: Draw) => Lie | Promise<Lie>>>;
