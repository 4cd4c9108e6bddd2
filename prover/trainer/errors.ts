/** Where a value left its declared width. */
export interface WidthErrorDetails {
  readonly tensor: string;
  /** Index on each axis of the tensor. */
  readonly index: readonly number[];
  /** Step of the run, layer; null where the tensor has no such axis. */
  readonly step: number | null;
  readonly layer: number | null;
  readonly value: bigint;
  /** The declared width in bits, as in `signed 20`. */
  readonly width: string;
  readonly relation: string;
}

/**
 * A value outside its declared width (or a look-up outside its table). Nothing saturates or wraps: training stops here, and the
 * message says which tensor to widen or to rescale.
 */
export class WidthError extends Error {
  override readonly name = 'WidthError';
  readonly details: WidthErrorDetails;

  constructor(details: WidthErrorDetails, cure: string) {
    const at = [
      `cell [${details.index.join(', ')}]`,
      ...(details.step === null ? [] : [`step ${details.step}`]),
      ...(details.layer === null ? [] : [`layer ${details.layer}`]),
    ].join(', ');
    super(`${details.tensor}: value ${details.value} at ${at} is outside ${details.width} (relation ${details.relation}); ${cure}`);
    this.details = details;
  }
}

/** A relation that has no answer: a divisor below 1, a look-up outside its table, an assertion that fails. */
export class RelationError extends Error {
  override readonly name = 'RelationError';
}
