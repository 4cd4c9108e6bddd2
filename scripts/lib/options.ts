/** Parsers of command-line options; wrong ones end with commander's usage error, which names the option. */
import { InvalidArgumentError, Option, type Command } from 'commander';
import { getAddress, isAddress, parseUnits, type Address } from 'viem';
import type { Hex } from '../../verifier/input.ts';

/** A whole number from lo to hi. */
export const integerOption =
  (lo: number, hi: number) =>
  (text: string): number => {
    const n = Number(text);
    if (!/^\d+$/.test(text) || n < lo || n > hi) throw new InvalidArgumentError(`It must be a whole number from ${lo} to ${hi}.`);
    return n;
  };

/** A number above 0. */
export const positiveOption = (text: string): number => {
  const n = Number(text);
  if (!(n > 0) || !Number.isFinite(n)) throw new InvalidArgumentError('It must be a number above 0.');
  return n;
};

/** An amount in ether, as wei. */
export const etherOption = (text: string): bigint => {
  if (!/^\d{1,12}(\.\d{1,18})?$/.test(text)) throw new InvalidArgumentError('It must be an amount such as 1.5.');
  return parseUnits(text, 18);
};

/** An amount of a coin whose decimals the chain tells. */
export const amountOption = (text: string): string => {
  if (!/^\d{1,78}(\.\d{1,36})?$/.test(text)) throw new InvalidArgumentError('It must be an amount such as 1.5.');
  return text;
};

export const addressOption = (text: string): Address => {
  if (!isAddress(text)) throw new InvalidArgumentError('It must be an address: 0x and 40 hex digits.');
  return getAddress(text);
};

/** Several addresses: the option may be repeated. */
export const addressesOption = (text: string, before: readonly Address[] = []): readonly Address[] => [...before, addressOption(text)];

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86400 };

/** A time span such as 90s, 30m, 12h or 7d, in seconds. */
export const durationOption = (text: string): number => {
  const match = /^(\d{1,6})([smhd])$/.exec(text);
  if (match === null) throw new InvalidArgumentError('It must be a time span such as 90s, 30m, 12h or 7d.');
  return Number(match[1]) * (UNITS[match[2] as string] as number);
};

/** Where the chain is: --rpc and --escrow, or FINEPROOF_RPC and FINEPROOF_ESCROW. */
export interface ChainOptions {
  readonly rpc: string;
  readonly escrow?: Address;
}

export const chainOptions = (command: Command): Command =>
  command
    .option(
      '--rpc <url>',
      'JSON-RPC of a node, or a file with a recorded local chain (FINEPROOF_RPC)',
      process.env['FINEPROOF_RPC'] ?? 'http://127.0.0.1:8545',
    )
    .option('--escrow <address>', 'the BountyEscrow (FINEPROOF_ESCROW; packages name it)', addressOption);

/** Where to announce a card: --registry or FINEPROOF_REGISTRY; without it nothing is announced. */
export interface RegistryOptions {
  readonly rpc: string;
  readonly registry?: Address;
  readonly uri: string;
}

export const registryOptions = (command: Command): Command =>
  command
    .addOption(
      new Option('--registry <address>', 'announce the card in this CommitmentRegistry').env('FINEPROOF_REGISTRY').argParser(addressOption),
    )
    .option('--rpc <url>', 'JSON-RPC of a node, with --registry (FINEPROOF_RPC)', process.env['FINEPROOF_RPC'] ?? 'http://127.0.0.1:8545')
    .option('--uri <uri>', 'hint where the card lies, with --registry', '');

/** The folder of published files: --store or FINEPROOF_STORE. */
export const storeOption = (command: Command): Command =>
  command.option(
    '--store <folder>',
    'content-addressed folder of published files (FINEPROOF_STORE)',
    process.env['FINEPROOF_STORE'] ?? '.fineproof/store',
  );

/** A bounty's or claim's id, or another digest. */
export const digestArgument = (text: string): Hex => {
  if (!/^0x[0-9a-fA-F]{64}$/.test(text)) throw new InvalidArgumentError('It must be 0x and 64 hex digits.');
  return text.toLowerCase() as Hex;
};

/** A text option that may be repeated. */
export const repeated = (text: string, before: readonly string[] = []): readonly string[] => [...before, text];

/** Hints of a claim, as the escrow takes them: the option may be repeated. */
export const urisOption = (text: string, before: readonly string[] = []): readonly string[] => {
  if (!/^[\x21-\x7e]+$/.test(text)) throw new InvalidArgumentError('It must be ASCII: write other characters as % and hex digits.');
  return repeated(text, before);
};
