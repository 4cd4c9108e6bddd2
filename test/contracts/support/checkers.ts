/** The stateless checkers on the chain, and what a call of theirs says: a fault's name, or the error's it reverts with. */
import type { Contract } from 'ethers';
import type { Hex } from './world.ts';
import { ethers } from './world.ts';

/** Each contract's enum Fault. */
export const FAULTS = {
  fraud: ['None', 'WrongValue', 'OutsideLists', 'NotInField', 'NotOnCurve', 'NotEqual'],
  delivery: ['None', 'WrongRow', 'BlindOutOfField'],
} as const;

export interface Checkers {
  readonly fraud: Contract;
  readonly delivery: Contract;
  readonly generators: Contract;
}

let deployed: Promise<Checkers> | undefined;

/** Deployed once; they have no state. */
export const checkers = (): Promise<Checkers> => (deployed ??= deploy());

async function deploy(): Promise<Checkers> {
  const generators = await ethers.deployContract('Generators');
  const delivery = await ethers.deployContract('Delivery', [await generators.getAddress()]);
  const fraud = await ethers.deployContract('FraudProof');
  return { fraud, delivery, generators } as unknown as Checkers;
}

/** What `function(...parameters)` of a contract reverts with, or null. */
export async function errorOf(
  contract: Contract,
  name: string,
  parameters: readonly unknown[],
  gasLimit = 16_000_000n,
): Promise<string | null> {
  return (await call(contract, name, parameters, gasLimit)).error ?? null;
}

/** The verdict of `check`: a fault's name, or an error's. */
export async function verdict(on: 'fraud' | 'delivery', parameters: readonly unknown[], gasLimit = 16_000_000n): Promise<string> {
  const contract = (await checkers())[on];
  const { error, result } = await call(contract, 'check', parameters, gasLimit);
  return error ?? (FAULTS[on][Number(contract.interface.decodeFunctionResult('check', result as Hex)[0])] as string);
}

async function call(
  contract: Contract,
  name: string,
  parameters: readonly unknown[],
  gasLimit: bigint,
): Promise<{ error?: string; result?: string }> {
  const data = contract.interface.encodeFunctionData(name, [...parameters]);
  try {
    return { result: await ethers.provider.call({ to: await contract.getAddress(), data, gasLimit }) };
  } catch (e) {
    return { error: nameOf(contract, e) };
  }
}

/** The custom error's name; anything else that stops a call is `out of gas` or its message. */
function nameOf(contract: Contract, e: unknown): string {
  const data = (e as { data?: unknown }).data;
  if (typeof data === 'string' && data.length >= 10) return contract.interface.parseError(data)?.name ?? data;
  return (e as Error).message;
}

/** Gas of `check` as a transaction of its own, and the calldata's part of it. */
export async function gasOf(on: 'fraud' | 'delivery', parameters: readonly unknown[]): Promise<{ used: number; calldata: number }> {
  const contract = (await checkers())[on];
  const data = contract.interface.encodeFunctionData('check', [...parameters]);
  const [sender] = await ethers.getSigners();
  if (sender === undefined) throw new Error('the chain has no accounts');
  const sent = await sender.sendTransaction({ to: await contract.getAddress(), data, gasLimit: 16_000_000n });
  const receipt = await sent.wait();
  return { used: Number(receipt?.gasUsed), calldata: (data.length - 2) / 2 };
}
