/** The stateless checkers on the chain, and what a call of theirs says: a fault's name, or the error's it reverts with. */
import type { Contract } from 'ethers';
import { judge, Unproven } from '../../../verifier/record/accusation.ts';
import { InvalidOperand } from '../../../verifier/record/evaluate.ts';
import { MalformedInstruction } from '../../../verifier/record/instruction.ts';
import type { VerifierKey } from '../../../verifier/record/key.ts';
import type { Accusation, Scene } from './scene.ts';
import { ethers, type Hex } from './world.ts';

/** Each contract's enum Fault. */
export const FAULTS = {
  fraud: ['None', 'WrongValue', 'OutsideLists', 'NotInField', 'NotOnCurve', 'NotEqual'],
  delivery: ['None', 'WrongRow', 'BlindOutOfField'],
} as const;

/** Below what one transaction may have. */
const GAS = 16_000_000n;

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
export async function errorOf(contract: Contract, name: string, parameters: readonly unknown[]): Promise<string | null> {
  return (await call(contract, name, parameters)).error ?? null;
}

/** The verdict of `Delivery.check`: a fault's name, or an error's. */
export const deliveryVerdict = (parameters: readonly unknown[]): Promise<string> => verdict('delivery', parameters);

/** The verdict of `FraudProof.check`; that of `verifier/record/accusation.ts` must be the same fault, or none too. */
export async function fraudVerdict(key: VerifierKey, claimed: Scene['claimed'], accusation: Accusation): Promise<string> {
  const said = await verdict('fraud', [key, claimed, accusation]);
  let own = 'reverts';
  try {
    own = judge(key, toNumbers(claimed), toNumbers(accusation));
  } catch (e) {
    if (!(e instanceof Unproven || e instanceof MalformedInstruction || e instanceof InvalidOperand)) throw e;
  }
  if (own !== ((FAULTS.fraud as readonly string[]).includes(said) ? said : 'reverts'))
    throw new Error(`the contract says ${said}, TypeScript ${own}`);
  return said;
}

type Numbers<T> = T extends string
  ? bigint
  : T extends readonly (infer E)[]
    ? readonly Numbers<E>[]
    : T extends object
      ? { readonly [K in keyof T]: Numbers<T[K]> }
      : T;

/** The same with every hex word as a number. */
function toNumbers<T>(value: T): Numbers<T> {
  if (typeof value === 'string') return BigInt(value) as Numbers<T>;
  if (Array.isArray(value)) return value.map(toNumbers) as Numbers<T>;
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([name, own]) => [name, toNumbers(own)])) as Numbers<T>;
  return value as Numbers<T>;
}

async function verdict(on: 'fraud' | 'delivery', parameters: readonly unknown[]): Promise<string> {
  const contract = (await checkers())[on];
  const { error, result } = await call(contract, 'check', parameters);
  return error ?? (FAULTS[on][Number(contract.interface.decodeFunctionResult('check', result as Hex)[0])] as string);
}

async function call(contract: Contract, name: string, parameters: readonly unknown[]): Promise<{ error?: string; result?: string }> {
  const data = contract.interface.encodeFunctionData(name, [...parameters]);
  try {
    return { result: await ethers.provider.call({ to: await contract.getAddress(), data, gasLimit: GAS }) };
  } catch (e) {
    return { error: nameOf(contract, e) };
  }
}

/** The custom error's name; of anything else that stops a call the message. */
function nameOf(contract: Contract, e: unknown): string {
  const data = (e as { data?: unknown }).data;
  if (typeof data === 'string' && data.length >= 10) return contract.interface.parseError(data)?.name ?? data;
  return (e as Error).message;
}

/** Gas of a call as a transaction of its own, and what of it the contract used: without the transaction and its calldata. */
export async function gasOf(
  on: 'fraud' | 'delivery',
  name: string,
  parameters: readonly unknown[],
): Promise<{ used: number; execution: number }> {
  const contract = (await checkers())[on];
  const data = contract.interface.encodeFunctionData(name, [...parameters]);
  const to = await contract.getAddress();
  const harness = await ethers.deployContract('Harness');
  const [ok, , execution] = (await harness.getFunction('callWith')(10_000_000n, to, data)) as [boolean, string, bigint];
  if (!ok) throw new Error(`${name} reverts`);
  const [sender] = await ethers.getSigners();
  const receipt = await (await sender?.sendTransaction({ to, data, gasLimit: GAS }))?.wait();
  return { used: Number(receipt?.gasUsed), execution: Number(execution) };
}
