/**
 * Coins: the chain's own, and ERC-20 tokens. What a token is called and how many of its units make one is the token's word, so its symbol is a
 * stranger's text, amounts always come with its address, and nothing but what people read depends on either.
 */
import {
  BaseError,
  decodeAbiParameters,
  encodeFunctionData,
  erc20Abi,
  formatUnits,
  hexToBigInt,
  hexToString,
  HttpRequestError,
  TimeoutError,
  zeroAddress,
  type Address,
} from 'viem';
import { InputError, type Hex } from '../../verifier/input.ts';
import type { Chain } from './chain.ts';
import { inTurn } from './scan.ts';

/** A coin, as far as text shows it. */
export interface Coin {
  /** The zero address: the chain's own coin. */
  readonly token: Address;
  /** As `visibleSymbol` leaves it; empty where the token has none. */
  readonly symbol: string;
  /** Null where the token says nothing usable: its amounts are in its smallest units. */
  readonly decimals: number | null;
}

export const NATIVE: Coin = { token: zeroAddress, symbol: 'ETH', decimals: 18 };

/** Longest symbol that is shown. */
const MAX_SYMBOL = 16;
/** Most decimals that are believed: 10^36 units are more than any amount of sense has. */
const MAX_DECIMALS = 36;
/** What a question may cost the node, which bounds the answer's size too (an answer of 64 kB costs more). */
const QUESTION_GAS = 200_000n;
const MAX_ANSWER = 1 << 16;
const SELECTOR = { symbol: '0x95d89b41', decimals: '0x313ce567' } as const;

/** 0x12345678…9abc. */
export const short = (hex: string): string => (hex.length <= 16 ? hex : `${hex.slice(0, 10)}…${hex.slice(-4)}`);

/**
 * A stranger's symbol as one word: what is not a letter or digit of ASCII or one of a few signs is written out, so that no symbol ends a line, turns
 * the direction of text, or looks as if an amount or an address went on.
 */
export function visibleSymbol(text: string): string {
  const characters = [...text];
  const shown = characters
    .slice(0, MAX_SYMBOL)
    .map((c) => (/[A-Za-z0-9.$+_₮₿€£¥-]/.test(c) ? c : `\\u{${(c.codePointAt(0) as number).toString(16)}}`));
  return shown.join('') + (characters.length > MAX_SYMBOL ? '…' : '');
}

/** What a token answers; null if it reverts, has no code, or answers too much. Errors: the node's. */
async function answer({ client }: Chain, token: Address, data: Hex, block?: bigint): Promise<Hex | null> {
  try {
    const given = await client.call({ to: token, data, gas: QUESTION_GAS, ...(block === undefined ? {} : { blockNumber: block }) });
    return given.data === undefined || given.data.length > 2 + 2 * MAX_ANSWER ? null : given.data;
  } catch (e) {
    if (e instanceof BaseError && e.walk((x) => x instanceof HttpRequestError || x instanceof TimeoutError) === null) return null;
    throw e;
  }
}

/** What an account has of a token after a block; null where the token does not tell. */
export async function balanceOf(chain: Chain, token: Address, account: Address, block?: bigint): Promise<bigint | null> {
  const data = await answer(chain, token, encodeFunctionData({ abi: erc20Abi, functionName: 'balanceOf', args: [account] }), block);
  return data?.length === 66 ? hexToBigInt(data) : null;
}

/** A symbol from its answer: a string, or the 32 bytes of early tokens. */
export function symbolOf(data: Hex | null): string {
  if (data === null) return '';
  try {
    const text = data.length === 66 ? hexToString(data, { size: 32 }) : decodeAbiParameters([{ type: 'string' }], data)[0];
    return visibleSymbol(text);
  } catch {
    return '';
  }
}

/** Decimals from their answer. */
export function decimalsOf(data: Hex | null): number | null {
  if (data === null || data.length !== 66) return null;
  const value = hexToBigInt(data);
  return value <= MAX_DECIMALS ? Number(value) : null;
}

/** A coin by its address, after a block. */
export async function readCoin(chain: Chain, token: Address, block?: bigint): Promise<Coin> {
  if (token === zeroAddress) return NATIVE;
  const [symbol, decimals] = await Promise.all([
    answer(chain, token, SELECTOR.symbol, block),
    answer(chain, token, SELECTOR.decimals, block),
  ]);
  return { token, symbol: symbolOf(symbol), decimals: decimalsOf(decimals) };
}

/** These coins, each once. */
export const readCoins = (chain: Chain, tokens: readonly Address[], block?: bigint): Promise<Coin[]> =>
  inTurn([...new Set(tokens)], (token) => readCoin(chain, token, block));

/** An amount of smallest units (decimal text, where it comes from JSON) with its coin; a token's always with its address. */
export function amountOf(n: bigint | string, coin: Coin): string {
  if (coin.token === zeroAddress) return `${formatUnits(BigInt(n), 18)} ${NATIVE.symbol}`;
  const name = coin.symbol === '' ? `(${short(coin.token)})` : `${coin.symbol} (${short(coin.token)})`;
  return coin.decimals === null
    ? `${BigInt(n).toLocaleString('en-US')} units of ${name}`
    : `${formatUnits(BigInt(n), coin.decimals)} ${name}`;
}

/** An amount by the coin's address; of a coin that was not read, in smallest units. */
export const amountIn =
  (coins: readonly Coin[]) =>
  (n: bigint | string, token: Address): string =>
    amountOf(n, coins.find((c) => c.token === token) ?? { token, symbol: '', decimals: token === zeroAddress ? 18 : null });

/** `text` in smallest units. Errors: more decimals than the coin has, more than 256 bits. */
export function unitsOf(text: string, coin: Coin, option: string): bigint {
  const refuse = (what: string, cure: string): never => {
    throw new InputError(option, '', what, cure);
  };
  const [whole, part = ''] = text.split('.') as [string, string?];
  const decimals = coin.decimals ?? 0;
  if (part.length > decimals)
    refuse(
      `is ${text}, but ${coin.symbol === '' ? coin.token : coin.symbol} has ${decimals} decimals`,
      coin.decimals === null ? 'the token does not say its decimals: give a whole number of its smallest units' : 'give fewer decimals',
    );
  const units = BigInt(whole + part.padEnd(decimals, '0'));
  return units < 1n << 256n ? units : refuse(`is ${text}, which no token can hold`, 'give less');
}

/** The command that fetches a credit in a coin. */
export const fetchWith = (token: Address): string => `\`fineproof withdraw${token === zeroAddress ? '' : ` --token ${token}`}\``;
