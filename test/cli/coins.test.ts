/** What is made of a token's own words. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeAbiParameters, toHex, zeroAddress, type Hex } from 'viem';
import { amountIn, amountOf, decimalsOf, NATIVE, symbolOf, unitsOf, visibleSymbol, type Coin } from '../../scripts/lib/coins.ts';

const token = '0x00000000000000000000000000000000000000aa';
const coin = (decimals: number | null, symbol = 'TOK'): Coin => ({ token, symbol, decimals });
const string = (text: string): Hex => encodeAbiParameters([{ type: 'string' }], [text]);

test('symbols: strings, the 32 bytes of early tokens, and nothing else', () => {
  assert.equal(symbolOf(string('USDC')), 'USDC');
  assert.equal(
    symbolOf(
      toHex('MKR', { size: 32 })
        .replace(/^0x0+(.*)$/, '0x$1')
        .padEnd(66, '0') as Hex,
    ),
    'MKR',
  );
  assert.equal(symbolOf(string('')), '');
  for (const bad of [null, '0x', '0x01', toHex(32n, { size: 64 }), `${string('USDC').slice(0, -2)}` as Hex] as const)
    assert.doesNotThrow(() => symbolOf(bad));
  // A length that the answer does not have.
  assert.equal(symbolOf(`0x${toHex(32n, { size: 32 }).slice(2)}${toHex(2n ** 200n, { size: 32 }).slice(2)}`), '');
});

test('a symbol cannot end a line, turn text around, or go on as an amount', () => {
  assert.equal(visibleSymbol('A\u202eB\nC'), 'A\\u{202e}B\\u{a}C');
  assert.equal(visibleSymbol('ETH (0xdead)'), 'ETH\\u{20}\\u{28}0xdead\\u{29}');
  assert.equal(visibleSymbol('א'), '\\u{5d0}');
  assert.equal(visibleSymbol('<b>'), '\\u{3c}b\\u{3e}');
  assert.equal(visibleSymbol('x'.repeat(100)), `${'x'.repeat(16)}…`);
  assert.match(visibleSymbol('wstETH.e-USD₮0'), /^wstETH\.e-USD₮0$/);
});

test('decimals: up to 36, else the token has none', () => {
  const word = (n: bigint): Hex => toHex(n, { size: 32 });
  assert.deepEqual([0n, 6n, 36n, 37n, 255n, 2n ** 255n].map(word).map(decimalsOf), [0, 6, 36, null, null, null]);
  assert.deepEqual([decimalsOf(null), decimalsOf('0x'), decimalsOf(string('6'))], [null, null, null]);
});

test('amounts: exact, a token’s with its address', () => {
  assert.equal(amountOf(15n * 10n ** 17n, NATIVE), '1.5 ETH');
  assert.equal(amountOf('1', coin(6)), '0.000001 TOK (0x00000000…00aa)');
  assert.equal(amountOf(-5n, coin(0)), '-5 TOK (0x00000000…00aa)');
  assert.equal(amountOf(1234567n, coin(null, '')), '1,234,567 units of (0x00000000…00aa)');
  const amount = amountIn([coin(2)]);
  assert.deepEqual([amount(100n, token), amount(10n ** 18n, zeroAddress)], ['1 TOK (0x00000000…00aa)', '1 ETH']);
  assert.equal(amount(7n, '0x00000000000000000000000000000000000000bb'), '7 units of (0x00000000…00bb)');
});

test('what is typed becomes smallest units exactly, or is refused', () => {
  assert.equal(unitsOf('1.5', NATIVE, '--reward'), 15n * 10n ** 17n);
  assert.equal(unitsOf('007.50', coin(2), '--reward'), 750n);
  assert.equal(unitsOf('7', coin(null), '--reward'), 7n);
  assert.throws(() => unitsOf('0.001', coin(2), '--reward'), /has 2 decimals/);
  assert.throws(() => unitsOf('0.5', coin(null), '--reward'), /smallest units/);
  assert.equal(unitsOf(String(2n ** 256n - 1n), coin(0), '--reward'), 2n ** 256n - 1n);
  assert.throws(() => unitsOf(String(2n ** 256n), coin(0), '--reward'), /no token can hold/);
});
