/** Whether the contracts of an escrow are those of this version: their code on the chain against the artifacts'. */
import type { Address } from 'viem';
import { bountyEscrowAbi, bountyEscrowRuntime, deliveryRuntime, fraudProofRuntime } from '../../../deploy/artifacts.ts';
import type { Escrow } from '../chain.ts';
import { hasRuntime, type Runtime } from '../runtime.ts';
import type { Making } from './types.ts';

/** Compares the escrow's code, and that of the checkers that it names. */
export async function codeOf({ chain, address }: Escrow): Promise<Making['code']> {
  const same = async (of: Address, runtime: Runtime): Promise<boolean> =>
    hasRuntime((await chain.client.getCode({ address: of })) ?? '0x', runtime);
  const checker = (functionName: 'FRAUD_PROOF' | 'DELIVERY'): Promise<Address> =>
    chain.client.readContract({ address, abi: bountyEscrowAbi, functionName });
  const escrow = await same(address, bountyEscrowRuntime);
  // Another contract's word on its checkers says nothing.
  if (!escrow) return { escrow, fraudProof: false, delivery: false };
  return {
    escrow,
    fraudProof: await same(await checker('FRAUD_PROOF'), fraudProofRuntime),
    delivery: await same(await checker('DELIVERY'), deliveryRuntime),
  };
}

/** Which contracts have another code, as notes: another version's escrow may be as good, but was not looked at. */
export const otherCode = (code: Making['code']): string[] =>
  Object.entries({ escrow: 'the escrow', fraudProof: 'its checker of fraud proofs', delivery: 'its checker of deliveries' })
    .filter(([name]) => !code[name as keyof typeof code])
    .map(([, what]) => `the code of ${what} is not this version’s: what it does was not compared`);
