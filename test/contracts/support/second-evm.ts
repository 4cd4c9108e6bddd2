/**
 * A second implementation of the EVM: EthereumJS, in JavaScript, with precompiles of its own; Hardhat's is revm, in Rust. It runs the same bytecode under the
 * same rules (Osaka), without transactions or blocks: the checkers and libraries have no state.
 */
import { Common, Hardfork, Mainnet } from '@ethereumjs/common';
import { createEVM, type EVM, type ExecResult, type PrecompileFunc, type PrecompileInput } from '@ethereumjs/evm';
import { type Address, bytesToHex, createAddressFromString, hexToBytes } from '@ethereumjs/util';
import { ethers, type Hex } from './world.ts';

/** More than any call here needs, and less than a transaction may have. */
const GAS = 16_000_000n;
const CALLER = createAddressFromString('0x00000000000000000000000000000000000000ca');

export interface Result {
  readonly ok: boolean;
  readonly data: Hex;
}
/** What a precompile does instead of `original`. */
export type Replacement = (input: PrecompileInput, original: () => Promise<ExecResult>) => Promise<ExecResult> | ExecResult;

export class SecondEvm {
  /** What stands in for a precompile, by its number: 5 MODEXP, 6 and 7 the curve. */
  readonly replaced = new Map<number, Replacement>();
  private readonly evm: EVM;

  private constructor(evm: EVM) {
    this.evm = evm;
  }

  static async create(): Promise<SecondEvm> {
    const common = new Common({ chain: Mainnet, hardfork: Hardfork.Osaka });
    const originals = (await createEVM({ common: common.copy() })).precompiles;
    const own: { replaced?: SecondEvm['replaced'] } = {};
    const customPrecompiles = [5, 6, 7].map((number) => {
      const address = createAddressFromString(`0x${number.toString(16).padStart(40, '0')}`);
      const original = originals.get(address.toString().slice(2)) as PrecompileFunc;
      return {
        address,
        function: async (input: PrecompileInput) => own.replaced?.get(number)?.(input, async () => original(input)) ?? original(input),
      };
    });
    const second = new SecondEvm(await createEVM({ common, customPrecompiles }));
    own.replaced = second.replaced;
    return second;
  }

  /** Runs the constructor of a contract that Hardhat compiled: where it is, what it became, and what that cost without the transaction. */
  async deploy(
    name: string,
    parameters: readonly unknown[] = [],
  ): Promise<{ readonly address: Hex; readonly code: Hex; readonly gas: bigint }> {
    const factory = await ethers.getContractFactory(name);
    const { data } = await factory.getDeployTransaction(...parameters);
    const { createdAddress, execResult } = await this.run({ data: hexToBytes(data as Hex) });
    const { exceptionError, returnValue, executionGasUsed } = execResult;
    if (exceptionError !== undefined || createdAddress === undefined)
      throw new Error(`${name}: ${exceptionError?.error ?? 'no address'} ${bytesToHex(returnValue)}`);
    return { address: createdAddress.toString(), code: bytesToHex(returnValue), gas: executionGasUsed };
  }

  async call(to: string, data: string): Promise<Result> {
    const { execResult } = await this.run({ to: createAddressFromString(to), data: hexToBytes(data as Hex), isStatic: true });
    return { ok: execResult.exceptionError === undefined, data: bytesToHex(execResult.returnValue) };
  }

  private async run(call: { readonly to?: Address; readonly data: Uint8Array; readonly isStatic?: boolean }) {
    // What a transaction warms.
    for (const address of this.evm.precompiles.keys()) this.evm.journal.addAlwaysWarmAddress(address);
    if (call.to !== undefined) this.evm.journal.addAlwaysWarmAddress(call.to.toString().slice(2));
    const result = await this.evm.runCall({ ...call, caller: CALLER, origin: CALLER, gasLimit: GAS });
    await this.evm.journal.cleanup();
    return result;
  }
}
