/** The mocks' tokens on a local chain. They are compiled here, plainly: the command line brings no tokens. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { createWalletClient, getAddress, type Abi, type Account, type Address, type Hex } from 'viem';
import type { Chain } from '../../../scripts/lib/chain.ts';
import { root } from './fineproof.ts';

interface Compiler {
  compile(input: string, callbacks: { import: (path: string) => { contents: string } }): string;
}
type Output = { contracts: Record<string, Record<string, { abi: Abi; evm: { bytecode: { object: string } } }>> };

let compiled: Output['contracts'][string] | null = null;

function contract(name: string): { readonly abi: Abi; readonly bytecode: Hex } {
  if (compiled === null) {
    const solc = createRequire(import.meta.url)('solc') as Compiler;
    const content = readFileSync(join(root, 'test', 'contracts', 'mocks', 'Tokens.sol'), 'utf8');
    const settings = { outputSelection: { '*': { '*': ['abi', 'evm.bytecode.object'] } }, evmVersion: 'cancun' };
    const input = JSON.stringify({ language: 'Solidity', sources: { Tokens: { content } }, settings });
    const read = (path: string): { contents: string } => ({ contents: readFileSync(join(root, 'node_modules', path), 'utf8') });
    compiled = (JSON.parse(solc.compile(input, { import: read })) as Output).contracts['Tokens'] ?? {};
  }
  const { abi, evm } = compiled[name] as NonNullable<typeof compiled>[string];
  return { abi, bytecode: `0x${evm.bytecode.object}` };
}

export interface Token {
  readonly address: Address;
  readonly read: (functionName: string, ...args: readonly unknown[]) => Promise<unknown>;
  readonly write: (account: Account, functionName: string, ...args: readonly unknown[]) => Promise<void>;
}

/** Deploys a token of `test/contracts/mocks/Tokens.sol`. */
export async function deployToken(chain: Chain, account: Account, name: string, args: readonly unknown[] = []): Promise<Token> {
  const { abi, bytecode } = contract(name);
  const wallet = createWalletClient({ account, chain: chain.viem, transport: chain.transport });
  const hash = await wallet.deployContract({ abi, bytecode, args });
  const address = getAddress((await chain.client.waitForTransactionReceipt({ hash })).contractAddress as Address);
  return {
    address,
    read: (functionName, ...given) => chain.client.readContract({ address, abi, functionName, args: given }),
    async write(by, functionName, ...given) {
      const sender = createWalletClient({ account: by, chain: chain.viem, transport: chain.transport });
      await chain.client.waitForTransactionReceipt({
        hash: await sender.writeContract({ address, abi, functionName, args: given, account: by, chain: chain.viem }),
      });
    },
  };
}
