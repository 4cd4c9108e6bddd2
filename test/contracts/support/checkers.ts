/**
 * The stateless checkers on the chain, and what a call of theirs says: a fault's name, or the error's it reverts with. Every call is made on two
 * implementations of the EVM, which must agree.
 */
import type { Contract } from 'ethers';
import { judge, Unproven } from '../../../verifier/record/accusation.ts';
import { InvalidOperand } from '../../../verifier/record/evaluate.ts';
import { MalformedInstruction } from '../../../verifier/record/instruction.ts';
import type { VerifierKey } from '../../../verifier/record/key.ts';
import type { Accusation, Scene } from './scene.ts';
import { type Result, SecondEvm } from './second-evm.ts';
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
let second: Promise<{ readonly evm: SecondEvm; readonly places: ReadonlyMap<Contract, Hex> }> | undefined;

/** Deployed once; they have no state. */
export const checkers = (): Promise<Checkers> => (deployed ??= deploy());

async function deploy(): Promise<Checkers> {
  const generators = await ethers.deployContract('Generators');
  const delivery = await ethers.deployContract('Delivery', [await generators.getAddress()]);
  const fraud = await ethers.deployContract('FraudProof');
  return { fraud, delivery, generators } as unknown as Checkers;
}

/** The same on the second EVM. */
async function deployOnSecond() {
  const { fraud, delivery, generators } = await checkers();
  const evm = await SecondEvm.create();
  const points = (await evm.deploy('Generators')).address;
  const places = new Map([
    [generators, points],
    [delivery, (await evm.deploy('Delivery', [points])).address],
    [fraud, (await evm.deploy('FraudProof')).address],
  ]);
  return { evm, places };
}

export const secondEvm = async (): Promise<SecondEvm> => (await (second ??= deployOnSecond())).evm;
/** Where a checker lies there. */
export async function onSecond(contract: Contract): Promise<Hex> {
  const place = (await (second ??= deployOnSecond())).places.get(contract);
  if (place === undefined) throw new Error('only the checkers are on the second EVM');
  return place;
}

/** What `function(...parameters)` of a contract reverts with, or null. */
export async function errorOf(contract: Contract, name: string, parameters: readonly unknown[]): Promise<string | null> {
  return (await call(contract, name, parameters)).error ?? null;
}

/** The error that `function(...parameters)` of a contract reverts with, and what it says; null if it does not. */
export async function refusalOf(contract: Contract, name: string, parameters: readonly unknown[]): Promise<readonly unknown[] | null> {
  const { error, words } = await call(contract, name, parameters);
  return error === undefined ? null : [error, ...(words ?? [])];
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

async function call(
  contract: Contract,
  name: string,
  parameters: readonly unknown[],
): Promise<{ readonly error?: string; readonly words?: readonly unknown[]; readonly result?: string }> {
  const data = contract.interface.encodeFunctionData(name, [...parameters]);
  const first = await callFirst(await contract.getAddress(), data);
  if (Object.values(await checkers()).includes(contract)) {
    const other = await (await secondEvm()).call(await onSecond(contract), data);
    if (other.ok !== first.ok || other.data !== first.data) throw new Error(`${name}: one EVM says ${first.data}, the other ${other.data}`);
  }
  if (first.ok) return { result: first.data };
  const error = contract.interface.parseError(first.data);
  return error === null ? { error: first.data } : { error: error.name, words: [...error.args] };
}

async function callFirst(to: string, data: string): Promise<Result> {
  try {
    return { ok: true, data: (await ethers.provider.call({ to, data, gasLimit: GAS })) as Hex };
  } catch (e) {
    const answer = (e as { readonly data?: unknown }).data;
    if (typeof answer !== 'string') throw e;
    return { ok: false, data: answer as Hex };
  }
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
