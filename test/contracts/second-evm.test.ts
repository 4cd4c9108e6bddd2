/**
 * The checkers on a second EVM (support/second-evm.ts). Every call of a checker that other suites make is judged by both (support/checkers.ts); here their gas
 * is compared too, to the unit, and precompiles are broken, which Hardhat's EVM can't do.
 */
import { expect } from 'chai';
import type { Contract } from 'ethers';
import { before, describe, it } from 'mocha';
import { EVMError } from '@ethereumjs/evm';
import { toHex } from '../../verifier/input.ts';
import { Q, R } from '../../verifier/field.ts';
import { generators } from '../../verifier/generators.ts';
import { encodeRow } from '../../verifier/delivery/row.ts';
import type { Affine } from '../../verifier/curve.ts';
import type { Pair } from '../../verifier/record/evaluate.ts';
import { OP } from '../../verifier/record/instruction.ts';
import { checkers, FAULTS, onSecond, secondEvm, type Checkers } from './support/checkers.ts';
import { delivery, parametersOf, replaceRow } from './support/delivery.ts';
import { honest } from './support/honest.ts';
import { type Replacement, type SecondEvm } from './support/second-evm.ts';
import { ethers, type Hex } from './support/world.ts';

type Name = keyof typeof OP;
const NAMES = Object.keys(OP) as Name[];
const [G, H] = generators(2) as [Affine, Affine];
/** Limb 1 is 0x12, limb 2 is −2, the blind 5. */
const ROW = { limbs: [0, 0x12, -2, ...new Array<number>(253).fill(0)], blind: 5n };

let first: Checkers & { readonly harness: Contract };
let second: SecondEvm;
const places = new Map<Contract, Hex>();

before(async () => {
  const harness = (await ethers.deployContract('Harness')) as unknown as Contract;
  first = { ...(await checkers()), harness };
  second = await secondEvm();
  for (const contract of [first.fraud, first.delivery, first.generators]) places.set(contract, await onSecond(contract));
  places.set(harness, (await second.deploy('Harness')).address);
});

/** Success, answer and gas of a call that gets this much gas, the same on both: else it fails. `on2` are its parameters on the second, where they differ. */
async function both(contract: Contract, name: string, parameters: readonly unknown[], gas = 10_000_000, on2 = parameters) {
  const [data, data2] = [parameters, on2].map((own) => contract.interface.encodeFunctionData(name, [...own])) as [string, string];
  const { harness } = first;
  const own = [...(await harness.getFunction('callWith')(gas, await contract.getAddress(), data))] as [boolean, Hex, bigint];
  const call = harness.interface.encodeFunctionData('callWith', [gas, places.get(contract), data2]);
  const answer = await second.call(places.get(harness) as Hex, call);
  const other = [...harness.interface.decodeFunctionResult('callWith', answer.data)];
  expect(other, `${name} with ${gas} gas`).to.deep.equal(own);
  const [ok, bytes, used] = own;
  return { ok, bytes, used, error: ok || bytes === '0x' ? null : (contract.interface.parseError(bytes)?.name ?? bytes) };
}

/** The fraud proof's verdict on an instruction of a claim that says so. */
async function judged(name: Name, change: 'truth' | 'lie', gas?: number): Promise<string | null> {
  const h = honest();
  const { index, instruction, value } = h.entries[name];
  if (change === 'lie') h.scene.claim(h.scene.position(h.segment, index), [value[0] ^ 1n, value[1]]);
  const accusation = h.scene.accuse(h.segment, index, instruction);
  const { ok, bytes, error } = await both(first.fraud, 'check', [h.scene.key, h.scene.claimed, accusation], gas);
  return ok ? (FAULTS.fraud[Number(BigInt(bytes))] as string) : error;
}

describe('on two EVMs alike, with the same gas', () => {
  it('each opcode: its truth reverts, its lie is proven', async () => {
    for (const name of NAMES) {
      expect(await judged(name, 'truth'), name).to.equal('TrueInstruction');
      expect(await judged(name, 'lie'), name).to.equal('WrongValue');
    }
  });

  it('points and words that no one may load', async () => {
    const { evaluate } = {
      evaluate: (name: Name, v: readonly bigint[]) =>
        both(first.harness, 'evaluate', [OP[name], 0, 0, [...v, ...new Array<bigint>(6 - v.length).fill(0n)]]),
    };
    for (const [name, v, fault] of [
      ['LOADF', [R - 1n], 'None'],
      ['LOADF', [R], 'NotInField'],
      ['LOADF', [2n ** 256n - 1n], 'NotInField'],
      ['LOADP', [G.x, G.y], 'None'],
      ['LOADP', [0n, 0n], 'NotOnCurve'],
      ['LOADP', [G.x, G.y + 1n], 'NotOnCurve'],
      ['LOADP', [G.x + Q, G.y], 'NotOnCurve'],
      ['LOADP', [G.x, G.y + Q], 'NotOnCurve'],
    ] as const) {
      const { bytes } = await evaluate(name, v);
      expect(FAULTS.fraud[Number(BigInt(bytes.slice(0, 66)))], `${name} ${v.join()}`).to.equal(fault);
    }
  });

  it('the curve: infinity, doubling, opposites, every kind of scalar; what is off the curve or not canonical fails', async () => {
    const minus: Pair = [G.x, Q - G.y];
    const [g, h, o]: [Pair, Pair, Pair] = [
      [G.x, G.y],
      [H.x, H.y],
      [0n, 0n],
    ];
    const works: readonly (readonly [Pair, bigint, Pair])[] = [
      ...[g, h, o].flatMap((p) => [0n, 1n, 2n, R - 1n, R, 2n ** 256n - 1n].flatMap((s) => [g, minus, h, o].map((a) => [p, s, a] as const))),
      [minus, 1n, g],
    ];
    const seen = new Map<string, Hex>();
    for (const [p, s, a] of works) {
      const { ok, bytes } = await both(first.harness, 'mulAdd', [...p, s, ...a]);
      expect(ok).to.equal(true);
      seen.set([...p, s, ...a].join(), bytes);
    }
    const result = (p: Pair, s: bigint, a: Pair) => seen.get([...p, s, ...a].join());
    const zero = `0x${'00'.repeat(64)}`;
    expect(result(g, 1n, minus), 'P + (−P)').to.equal(zero);
    expect(result(g, R - 1n, g), '(r − 1) · P + P').to.equal(zero);
    expect(result(g, 1n, g), 'P + P').to.equal(result(g, 2n, o));
    expect(result(g, R, h), 'r · P').to.equal(result(o, 1n, h));
    for (const bad of [
      [1n, 3n],
      [G.x + Q, G.y],
      [G.x, G.y + Q],
      [Q, 0n],
      [0n, Q],
      [Q, Q],
      [2n ** 256n - 1n, 1n],
    ] as const)
      for (const parameters of [
        [...bad, 1n, ...g],
        [...bad, 0n, ...g],
        [...g, 1n, ...bad],
        [...g, 0n, ...bad],
      ])
        expect((await both(first.harness, 'mulAdd', parameters)).error, parameters.join()).to.equal('PrecompileFailed');
  });

  it('whatever gas there is', async () => {
    const seen = { truth: new Set<string | null>(), lie: new Set<string | null>() };
    for (let gas = 3_000; gas < 100_000; gas += 5_003) {
      for (const change of ['truth', 'lie'] as const) seen[change].add(await judged('ECMULADD', change, gas));
    }
    expect([...seen.truth]).to.have.members([null, 'TooLittleGas', 'TrueInstruction']);
    expect([...seen.lie]).to.have.members([null, 'TooLittleGas', 'WrongValue']);
  });

  it('complaints: a true row reverts, a wrong one and a blind out of the field are proven', async () => {
    const d = await delivery('second evm', [ROW, ROW]);
    const bytes = encodeRow(ROW);
    const changed = (at: number, to: number): Uint8Array => bytes.map((own, i) => (i === at ? to : own));
    const verdict = async (own: typeof d): Promise<string | null> => {
      const { ok, bytes: answer, error } = await both(first.delivery, 'check', parametersOf(own, 1));
      return ok ? (FAULTS.delivery[Number(BigInt(answer))] as string) : error;
    };
    expect(await verdict(d)).to.equal('TrueRow');
    expect(await verdict(replaceRow(d, 1, changed(3, 0x13)))).to.equal('WrongRow');
    expect(await verdict(replaceRow(d, 1, changed(512, 0xff)))).to.equal('BlindOutOfField');
  });

  it('answers of 256 words', async () => {
    const words = Array.from({ length: 256 }, (_, i) => ethers.toBeHex(i + 1, 32));
    for (const [tree, level] of [
      [0, 7],
      [1, 12],
      [1, 20],
    ] as const) {
      const { error } = await both(first.fraud, 'checkAnswer', [tree, words[0], 20, level, 0, words, words.slice(0, 20 - level)]);
      expect(error).to.equal('WrongAnswer');
    }
  });

  it('the generators, with what their derivation costs', async () => {
    const { code, gas } = await second.deploy('Generators');
    expect(code).to.equal(await ethers.provider.getCode(await first.generators.getAddress()));
    const transaction = first.generators.deploymentTransaction();
    const { data } = transaction as { readonly data: string };
    const bytes = ethers.getBytes(data);
    const zeros = bytes.filter((b) => b === 0).length;
    const before = 53_000 + 4 * zeros + 16 * (bytes.length - zeros) + 2 * Math.ceil(bytes.length / 32);
    expect(Number((await transaction?.wait())?.gasUsed) - before).to.equal(Number(gas));
  });
});

describe('F6 broken precompiles, on the second EVM', () => {
  const answer =
    (length: number): Replacement =>
    ({ gasLimit }) => ({ executionGasUsed: gasLimit / 2n, returnValue: new Uint8Array(length) });
  const failure =
    (length: number): Replacement =>
    ({ gasLimit }) => ({
      executionGasUsed: gasLimit,
      returnValue: new Uint8Array(length),
      exceptionError: new EVMError(EVMError.errorMessages.OUT_OF_GAS),
    });
  const BROKEN: Readonly<Record<string, Replacement>> = {
    nothing: answer(0),
    'half a point': answer(32),
    'a word too many': answer(96),
    'a byte too few': answer(63),
    failure: failure(0),
    'failure with a point': failure(64),
  };
  /** From the n-th call on it is broken, before it works. */
  const after = (n: number, broken: Replacement): Replacement => {
    let calls = 0;
    return (input, original) => (calls++ < n ? original() : broken(input, original));
  };
  const only = (n: number, broken: Replacement): Replacement => {
    let calls = 0;
    return (input, original) => (calls++ === n ? broken(input, original) : original());
  };

  /** What the harness answers, or the error's name, where precompiles are replaced. */
  async function call(replaced: Readonly<Record<number, Replacement>>, name: string, parameters: readonly unknown[]): Promise<string> {
    for (const [number, own] of Object.entries(replaced)) second.replaced.set(Number(number), own);
    const data = first.harness.interface.encodeFunctionData(name, [...parameters]);
    const result = await second.call(places.get(first.harness) as Hex, data);
    second.replaced.clear();
    return result.ok ? result.data : (first.harness.interface.parseError(result.data)?.name ?? result.data);
  }
  const mulAdd = (replaced: Readonly<Record<number, Replacement>>) => call(replaced, 'mulAdd', [G.x, G.y, 3n, H.x, H.y]);
  const commit = (replaced: Readonly<Record<number, Replacement>>) =>
    call(replaced, 'commit', [places.get(first.generators), toHex(encodeRow(ROW))]);

  it('F6 no product and no sum is made up', async () => {
    expect(await mulAdd({ 6: after(9, failure(0)) })).to.equal(await mulAdd({}));
    for (const [name, broken] of Object.entries(BROKEN))
      for (const precompile of [6, 7])
        expect(await mulAdd({ [precompile]: broken }), `${precompile}: ${name}`).to.equal('PrecompileFailed');
  });

  it('F6 one broken addition among those of a row spoils its commitment, whichever it is', async () => {
    let additions = 0;
    const counted: Replacement = (_, original) => (additions++, original());
    const right = await commit({ 6: counted });
    expect(right).to.have.length(2 + 8 * 32);
    const places = [0, 1, 2, 3, 4, 5, Math.floor(additions / 2), additions - 3, additions - 2, additions - 1];
    for (const n of places)
      for (const name of ['nothing', 'half a point', 'a word too many', 'failure with a point'])
        expect(await commit({ 6: only(n, BROKEN[name] as Replacement) }), `addition ${n}: ${name}`).to.equal('PrecompileFailed');
    expect(await commit({ 6: after(additions, BROKEN['failure'] as Replacement) }), 'no addition more').to.equal(right);
  });

  it('F6 no generator is made up', async () => {
    for (const broken of [answer(0), answer(31), answer(64), failure(32)]) {
      for (const n of [0, 1, 100]) {
        second.replaced.set(5, only(n, broken));
        const error = await second.deploy('Generators').then(
          () => 'nothing',
          (e: Error) => e.message,
        );
        second.replaced.clear();
        expect(error).to.contain(ethers.id('ModexpFailed()').slice(0, 10));
      }
    }
  });
});
