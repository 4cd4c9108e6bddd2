/**
 * A reward in an ERC-20: what the poster must have, and how the escrow may take it. A token with ERC-2612 gets a signed permit, which costs no
 * transaction of its own and leaves nothing behind; any other one an approval of exactly the reward. The escrow takes tokens from who posts alone, so an
 * allowance that a refused posting leaves is of no use to anybody else.
 */
import { domainSeparator, parseAbi, parseSignature, zeroAddress, type Address, type LocalAccount } from 'viem';
import { InputError } from '../../verifier/input.ts';
import type { Terms } from '../../verifier/statement.ts';
import type { Chain, Escrow, PaidClaim, Permit } from './chain.ts';
import { amountOf, balanceOf, NATIVE, readCoin, type Coin } from './coins.ts';
import { send, type Sent } from './sending.ts';

// `approve` without its result, which early tokens don't give.
const tokenAbi = parseAbi([
  'function allowance(address owner, address spender) view returns (uint256)',
  'function approve(address spender, uint256 value)',
]);
const permitAbi = parseAbi([
  'function name() view returns (string)',
  'function version() view returns (string)',
  'function DOMAIN_SEPARATOR() view returns (bytes32)',
  'function nonces(address owner) view returns (uint256)',
  'function permit(address owner, address spender, uint256 value, uint256 deadline, uint8 v, bytes32 r, bytes32 s)',
]);
const PERMIT = {
  Permit: [
    { name: 'owner', type: 'address' },
    { name: 'spender', type: 'address' },
    { name: 'value', type: 'uint256' },
    { name: 'nonce', type: 'uint256' },
    { name: 'deadline', type: 'uint256' },
  ],
} as const;
/** How long a permit can be used, in seconds: as long as a transaction may wait. */
const PERMIT_TIME = 3600n;

/** How the escrow was allowed to take the reward. */
export interface Allowed {
  /** Native: none was needed. Allowance: one of before was enough. */
  readonly how: 'native' | 'allowance' | 'permit' | 'approval';
  /** Transactions that it took, before the posting. */
  readonly sent: readonly Sent[];
}

/** A posted bounty's transaction, and what came before it. */
export type Posted = Sent & { readonly allowed: Allowed };

const allowance = (chain: Chain, token: Address, owner: Address, spender: Address): Promise<bigint> =>
  chain.client.readContract({ address: token, abi: tokenAbi, functionName: 'allowance', args: [owner, spender] });

/** The coin of a reward. Errors: there is no token at the address. */
export async function rewardCoin(chain: Chain, token: Address): Promise<Coin> {
  if (token === zeroAddress) return NATIVE;
  const code = await chain.client.getCode({ address: token });
  if (code === undefined || code === '0x')
    throw new InputError('--token', '', `there is no contract at ${token} on chain ${chain.id}`, 'check --token and --rpc');
  return readCoin(chain, token);
}

/** Refuses before any work what the account cannot pay. Gas is not counted. */
export async function checkFunds(chain: Chain, account: Address, coin: Coin, reward: bigint, native: bigint): Promise<void> {
  const lacks = (option: string, has: bigint, of: Coin, needed: bigint): void => {
    if (has < needed)
      throw new InputError(
        option,
        '',
        `needs ${amountOf(needed, of)}, ${account} has ${amountOf(has, of)}`,
        'fund the account, or give less',
      );
  };
  if (coin.token === zeroAddress) {
    lacks('--reward', await chain.client.getBalance({ address: account }), NATIVE, reward + native);
    return;
  }
  const balance = await balanceOf(chain, coin.token, account);
  if (balance === null) throw new InputError('--token', '', `${coin.token} is no ERC-20: it does not tell balances`, 'check the address');
  lacks('--reward', balance, coin, reward);
  lacks('--attester-fee', await chain.client.getBalance({ address: account }), NATIVE, native);
}

/** A signed permit over the reward; null where the token has no ERC-2612 that takes it. */
async function signPermit(escrow: Escrow, account: LocalAccount, token: Address, value: bigint): Promise<Permit | null> {
  const { client, id } = escrow.chain;
  const ask = (functionName: 'name' | 'version' | 'DOMAIN_SEPARATOR'): Promise<string | null> =>
    client.readContract({ address: token, abi: permitAbi, functionName }).catch(() => null);
  const nonce = await client
    .readContract({ address: token, abi: permitAbi, functionName: 'nonces', args: [account.address] })
    .catch(() => null);
  const [separator, name, version] = [await ask('DOMAIN_SEPARATOR'), await ask('name'), await ask('version')];
  if (nonce === null || separator === null || name === null) return null;
  // The domain is made here, never taken from the token: what is signed is worth nothing at another token or on another chain.
  const domains = [...new Set([version ?? '1', '1', '2'])].map((v) => ({ name, version: v, chainId: id, verifyingContract: token }));
  const domain = domains.find((d) => domainSeparator({ domain: d }) === separator);
  if (domain === undefined) return null;
  const deadline = (await client.getBlock()).timestamp + PERMIT_TIME;
  const message = { owner: account.address, spender: escrow.address, value, nonce, deadline };
  const { r, s, yParity } = parseSignature(await account.signTypedData({ domain, types: PERMIT, primaryType: 'Permit', message }));
  const permit: Permit = { deadline, v: 27 + yParity, r, s };
  // Tokens with another permit of the same domain (DAI) refuse this one.
  const args = [account.address, escrow.address, value, deadline, permit.v, r, s] as const;
  return client.simulateContract({ account, address: token, abi: permitAbi, functionName: 'permit', args }).then(
    () => permit,
    () => null,
  );
}

/** Makes the escrow's allowance the reward; where a token only changes allowances of 0 (USDT), it is 0 in between. */
async function approve(escrow: Escrow, account: LocalAccount, token: Address, value: bigint, before: bigint): Promise<Sent[]> {
  const set = (to: bigint): Promise<Sent> =>
    send(escrow.chain, account, 'approve', { address: token, abi: tokenAbi, functionName: 'approve', args: [escrow.address, to] });
  const sent: Sent[] = [];
  try {
    sent.push(await set(value));
  } catch (e) {
    if (before === 0n) throw e;
    sent.push(await set(0n), await set(value));
  }
  const now = await allowance(escrow.chain, token, account.address, escrow.address);
  if (now < value) throw new InputError('--token', '', `${token} took the approval, and allows ${now} of ${value}`, 'pay in another token');
  return sent;
}

/** Posts, with the allowance that the reward takes; a milestone after `previous`, for which the escrow takes no permits. */
export async function postPaying(escrow: Escrow, account: LocalAccount, terms: Terms, previous?: PaidClaim): Promise<Posted> {
  const { token, reward } = terms;
  const plain = async (how: Allowed['how'], sent: readonly Sent[] = []): Promise<Posted> => {
    const posted = await (previous === undefined ? escrow.post(account, terms) : escrow.postMilestone(account, terms, previous));
    return { ...posted, allowed: { how, sent } };
  };
  if (token === zeroAddress) return plain('native');
  const before = await allowance(escrow.chain, token, account.address, escrow.address);
  if (before >= reward) return plain('allowance');
  const permit = previous === undefined ? await signPermit(escrow, account, token, reward) : null;
  if (permit !== null) return { ...(await escrow.postWithPermit(account, terms, permit)), allowed: { how: 'permit', sent: [] } };
  return plain('approval', await approve(escrow, account, token, reward, before));
}
