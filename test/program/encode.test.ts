import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { InputError } from '../../verifier/input.ts';
import { encodeProgram } from '../../prover/program/encode.ts';
import { decodeProgram } from '../../verifier/program/decode.ts';
import type { Program } from '../../verifier/program/types.ts';
import { Random } from '../backend/random.ts';
import { sample } from './sample.ts';

const bytes = encodeProgram(sample);
const plain = (p: Program) => ({
  ...p,
  constants: Object.fromEntries(Object.entries(p.constants).map(([name, values]) => [name, Array.from(values)])),
});
const hex = (b: Uint8Array): string => Buffer.from(b).toString('hex');

describe('program encoding', () => {
  it('round trips', () => {
    const back = decodeProgram(bytes);
    assert.deepEqual(plain(back), plain(sample));
    assert.equal(hex(encodeProgram(back)), hex(bytes));
    assert.equal(hex(encodeProgram(back)), hex(encodeProgram(sample)));
  });

  it('is the one of docs/program.md, byte by byte', () => {
    const ascii = (x: string): number[] => [x.length, ...Buffer.from(x)];
    const n = [{ name: 'n', size: 3 }];
    const small: Program = {
      version: 1,
      name: 'small',
      schedule: { steps: 300, perProof: 1 },
      columns: 2,
      polys: [
        { name: 'constants', role: 'fixed', hidden: false },
        { name: 'w', role: 'witness', hidden: true },
      ],
      tensors: [
        { name: 'c', poly: 'constants', axes: n, bits: 9, signed: true, f: -2, range: 'leaf' },
        { name: 'x', poly: 'w', axes: [...n, ...n], bits: 20, signed: false, causal: [0, 1], f: 3, range: 'map' },
      ],
      tables: [{ id: 64, name: 't', lo: -8, size: 16, y: 'c', fn: { name: 'table', fIn: 0, fOut: -1 } }],
      relations: [
        {
          kind: 'rescale',
          on: {
            vars: [
              { name: 'i', size: 3 },
              { name: 'j', size: 3 },
            ],
            causal: ['i', 'j'],
          },
          out: { tensor: 'x', index: [[{ var: 'i' }], [{ var: 'j' }]] },
          expr: {
            constant: -300n,
            linear: [{ coef: 1n, view: { tensor: 'c', index: [[{ var: 'i', shift: -1 }]], when: [{ var: 'j', is: 2 }] } }],
            products: [],
          },
          shift: 4,
        },
      ],
      constants: { c: [-1, 0, 200] },
    };
    const variable = (name: string) => [...ascii(name), 3];
    const expected = [
      ...Buffer.from('FPRG'),
      1,
      ...ascii('small'),
      0xac,
      0x02,
      1,
      2,
      2,
      ...ascii('constants'),
      3,
      0,
      ...ascii('w'),
      0,
      1,
      2,
      ...ascii('c'),
      0,
      1,
      ...variable('n'),
      9,
      1,
      0,
      3,
      0,
      ...ascii('x'),
      1,
      2,
      ...variable('n'),
      ...variable('n'),
      20,
      0,
      1,
      0,
      1,
      6,
      1,
      1,
      64,
      ...ascii('t'),
      15,
      16,
      0,
      6,
      0,
      1,
      0,
      0,
      1,
      0,
      2,
      ...variable('i'),
      ...variable('j'),
      1,
      ...ascii('i'),
      ...ascii('j'),
      1,
      2,
      1,
      0,
      ...ascii('i'),
      1,
      0,
      ...ascii('j'),
      0,
      5,
      0x2c,
      0x01,
      1,
      2,
      1,
      0,
      1,
      1,
      1,
      ...ascii('i'),
      1,
      1,
      ...ascii('j'),
      2,
      0,
      4,
      2,
      0xff,
      0xff,
      0,
      0,
      200,
      0,
    ];
    assert.equal(hex(encodeProgram(small)), hex(Uint8Array.from(expected)));
    assert.deepEqual(plain(decodeProgram(Uint8Array.from(expected))), plain(small));
  });

  it('does not depend on how a shift of 0, an empty condition or a constant array is written', () => {
    const [first, ...rest] = sample.relations;
    assert.ok(first?.kind === 'equal');
    const out = { ...first.out, index: [[{ var: 'i', shift: 0 }], [{ var: 'k' }]], when: [] };
    const other: Program = { ...sample, relations: [{ ...first, out }, ...rest], constants: plain(sample).constants };
    assert.equal(hex(encodeProgram(other)), hex(bytes));
  });

  it('every change of a field changes the hash', () => {
    const seen = new Set([hex(bytes)]);
    const change = (what: string, p: Program): void => {
      const h = hex(encodeProgram(p));
      assert.ok(!seen.has(h), what);
      seen.add(h);
    };
    change('name', { ...sample, name: 'sample2' });
    change('steps', { ...sample, schedule: { ...sample.schedule, steps: 8 } });
    change('steps a proof', { ...sample, schedule: { ...sample.schedule, perProof: 2 } });
    change('columns', { ...sample, columns: 5 });
    sample.polys.forEach((p, i) => change(`hidden ${p.name}`, { ...sample, polys: sample.polys.with(i, { ...p, hidden: !p.hidden }) }));
    sample.tensors.forEach((t, i) => {
      change(`bits of ${t.name}`, { ...sample, tensors: sample.tensors.with(i, { ...t, bits: t.bits + 1 }) });
      change(`sign of ${t.name}`, { ...sample, tensors: sample.tensors.with(i, { ...t, signed: !t.signed }) });
      change(`f of ${t.name}`, { ...sample, tensors: sample.tensors.with(i, { ...t, f: t.f - 1 }) });
      change(`range of ${t.name}`, { ...sample, tensors: sample.tensors.with(i, { ...t, range: t.range === 'leaf' ? 'map' : 'leaf' }) });
    });
    sample.relations.forEach((_, i) => change(`relation ${i} dropped`, { ...sample, relations: sample.relations.toSpliced(i, 1) }));
    sample.relations.forEach((r, i) => {
      if ('bits' in r) change(`bits of ${i}`, { ...sample, relations: sample.relations.with(i, { ...r, bits: r.bits + 1 }) });
      if ('shift' in r) change(`shift of ${i}`, { ...sample, relations: sample.relations.with(i, { ...r, shift: r.shift + 1 }) });
    });
    const exp = Array.from(sample.constants['constants/exp'] as number[]);
    change('a constant', { ...sample, constants: { ...sample.constants, 'constants/exp': exp.with(3, 7) } });
  });

  it('a large program round trips', () => {
    const tensors = Array.from({ length: 3000 }, (_, i) => ({ ...sample.tensors[8]!, name: `copy${i}` }));
    const large: Program = { ...sample, tensors: [...sample.tensors, ...tensors] };
    assert.deepEqual(plain(decodeProgram(encodeProgram(large))), plain(large));
  });

  it('refuses every truncation', () => {
    for (let n = 0; n < bytes.length; n++)
      assert.throws(
        () => decodeProgram(bytes.subarray(0, n), 'p.bin'),
        (e) => e instanceof InputError && e.message.startsWith('p.bin: '),
        `${n} bytes`,
      );
  });

  it('refuses trailing bytes, another magic and another version', () => {
    assert.throws(() => decodeProgram(Uint8Array.from([...bytes, 0])), /1 bytes after its end/);
    assert.throws(() => decodeProgram(bytes.with(0, 0)), /magic/);
    assert.throws(() => decodeProgram(bytes.with(4, 2)), /version: is 2/);
  });

  it('a flipped bit is refused or gives another program with its own canonical bytes', () => {
    for (let i = 0; i < bytes.length; i++)
      for (const bit of [0, i % 8, 7]) {
        const flipped = bytes.with(i, (bytes[i] as number) ^ (1 << bit));
        let decoded: Program;
        try {
          decoded = decodeProgram(flipped);
        } catch (e) {
          assert.ok(e instanceof InputError, `byte ${i} bit ${bit}: ${String(e)}`);
          continue;
        }
        assert.equal(hex(encodeProgram(decoded)), hex(flipped), `byte ${i} bit ${bit} has a second encoding`);
      }
  });

  it('random bytes in the middle are refused without large allocations', () => {
    const random = new Random(7);
    for (let round = 0; round < 3000; round++) {
      const copy = bytes.slice();
      const at = 5 + random.below(copy.length - 5);
      for (let i = at; i < Math.min(copy.length, at + 1 + random.below(12)); i++)
        copy[i] = random.below(4) === 0 ? 0xff : random.below(256);
      try {
        assert.equal(hex(encodeProgram(decodeProgram(copy))), hex(copy));
      } catch (e) {
        assert.ok(e instanceof InputError, String(e));
      }
    }
  });

  it('refuses numbers that are not in their shortest form', () => {
    const at = 5 + 1 + 'sample'.length; // schedule.steps = 3
    assert.equal(bytes[at], 3);
    const long = Uint8Array.from([...bytes.subarray(0, at), 0x83, 0x00, ...bytes.subarray(at + 1)]);
    assert.throws(() => decodeProgram(long), /schedule\.steps: is not in its shortest form/);
    const endless = Uint8Array.from([...bytes.subarray(0, at), ...new Array(300).fill(0x80), 1, ...bytes.subarray(at + 1)]);
    assert.throws(() => decodeProgram(endless), /schedule\.steps/);
  });

  it('refuses names that occur twice', () => {
    const twice: Program = { ...sample, polys: [...sample.polys, { name: 'model', role: 'fixed', hidden: true }] };
    assert.throws(() => decodeProgram(encodeProgram(twice)), /polys: model occurs twice/);
  });

  it('the encoder refuses what the format cannot hold', () => {
    const bad = (change: Partial<Program>, message: RegExp): void => assert.throws(() => encodeProgram({ ...sample, ...change }), message);
    bad({ columns: 2.5 }, /columns: 2\.5/);
    bad({ columns: 63 }, /columns: 63/);
    bad({ name: 'a\u0000b' }, /name: .* permitted/);
    bad({ constants: {} }, /constants\.constants\/exp: 0 values for 16 cells/);
    bad({ constants: { ...sample.constants, other: [1] } }, /other is no tensor/);
    bad({ constants: { ...sample.constants, 'constants/rate': [0.5, 0, 0] } }, /constants\/rate\[0\]: 0\.5/);
    bad({ tensors: sample.tensors.slice(1) }, /relations\[1\]\.expr.*there is no model\/w/);
  });
});
