/** What `bounty post` asks of a delivery: the poster's public key, what is delivered, and the times of reveal and complaint. */
import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { z } from 'zod';
import { isOnCurve, type Affine } from '../../../verifier/curve.ts';
import { InputError } from '../../../verifier/input.ts';
import type { Delivered } from '../../../verifier/models/recipe.ts';
import type { Escrow } from '../chain.ts';
import { readBounded } from '../files.ts';
import { durationOption } from '../options.ts';

export interface DeliveryOptions {
  readonly deliveryKey?: string;
  readonly fullState?: true;
  readonly reveal?: number;
  readonly complain?: number;
}

/** The delivery of terms, but for the depth, which is the program's. Times in seconds. */
export interface DeliveryTerms {
  readonly deliveryKey: Affine;
  readonly fullState: boolean;
  readonly revealFor: number;
  readonly complainFor: number;
}

const DAY = 86400;

export const deliveryOptions = (command: Command): Command =>
  command
    .option('--delivery-key <file>', 'your public key, a file of {"x","y"} or x,y: the adapter is handed over encrypted to it')
    .option('--full-state', 'with --delivery-key: the optimizer’s moments are delivered too')
    .option('--reveal <time>', 'with --delivery-key: how long an accepted claim’s key may stay hidden (default: 1d)', durationOption)
    .option('--complain <time>', 'with --delivery-key: how long you may complain about what it opened (default: 1d)', durationOption);

const number = z.string().regex(/^(0x[0-9a-fA-F]{1,64}|[0-9]{1,78})$/, 'must be a number, decimal or 0x and hex digits, in quotes');
const keySchema = z.object({ x: number, y: number });

/** A public key from a file, or from x,y. */
export function readDeliveryKey(given: string): Affine {
  const refuse = (what: string): never => {
    throw new InputError('--delivery-key', '', what, 'give the public key’s file, {"x":"…","y":"…"}, or x,y');
  };
  const direct = /^([^,]+),([^,]+)$/.exec(given);
  if (direct === null && !existsSync(given)) refuse(`there is no file ${given}`);
  const text = direct === null ? new TextDecoder().decode(readBounded(given, 1 << 16)) : JSON.stringify({ x: direct[1], y: direct[2] });
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    refuse(`${given} is not JSON`);
  }
  const parsed = keySchema.safeParse(json);
  if (!parsed.success) return refuse(`${given} has no x and y that are numbers in quotes`);
  const key = { x: BigInt(parsed.data.x), y: BigInt(parsed.data.y) };
  return isOnCurve(key) ? key : refuse('is no point of the curve');
}

/** The delivery asked for; null if none. Errors: options that mean nothing without a key, times below the escrow's. */
export async function deliveryOf(options: DeliveryOptions, escrow: Pick<Escrow, 'minimumReaction'>): Promise<DeliveryTerms | null> {
  if (options.deliveryKey === undefined) {
    for (const [name, value] of [
      ['--full-state', options.fullState],
      ['--reveal', options.reveal],
      ['--complain', options.complain],
    ] as const)
      if (value !== undefined) throw new InputError(name, '', 'is for a delivery', 'give --delivery-key too, or leave it out');
    return null;
  }
  const deliveryKey = readDeliveryKey(options.deliveryKey);
  const times = { revealFor: options.reveal ?? DAY, complainFor: options.complain ?? DAY };
  const least = await escrow.minimumReaction();
  for (const [name, value] of [
    ['--reveal', times.revealFor],
    ['--complain', times.complainFor],
  ] as const)
    if (BigInt(value) < least) throw new InputError(name, '', `is ${value} s, this escrow takes ${least} s and more`, 'give a longer time');
  return { deliveryKey, fullState: options.fullState === true, ...times };
}

/** What of the state the program commits to for it, as the recipe says. */
export const delivered = (delivery: DeliveryTerms | null): { readonly deliver?: Delivered } =>
  delivery === null ? {} : { deliver: delivery.fullState ? 'state' : 'adapter' };
