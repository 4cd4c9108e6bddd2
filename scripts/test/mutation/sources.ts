/**
 * Contracts as standard JSON for solc: which contracts a file is part of, and their bytecode with one file changed. Settings are those of hardhat.config.ts,
 * so that mutants are the code that would be deployed, with two exceptions: the metadata's hash is left out, which differs between equal codes, and the
 * escrow is not optimised at first, which takes half the time.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import config from '../../../hardhat.config.ts';

/** Files whose contracts the tests deploy: the product's (the escrow brings `TermsRules`), and the mock that calls the checkers' libraries. */
const UNITS = {
  checkers: ['contracts/FraudProof.sol', 'contracts/Delivery.sol', 'test/contracts/mocks/Harness.sol'],
  escrow: ['contracts/BountyEscrow.sol'],
} as const;
export type Part = keyof typeof UNITS;
const IMPORT = /^import\s[^;]*?["']([^"']+)["'];/gm;

interface SolcError {
  readonly severity: string;
  readonly formattedMessage: string;
}
interface SolcOutput {
  readonly errors?: readonly SolcError[];
  readonly contracts?: Record<string, Record<string, { readonly evm: { readonly bytecode: { readonly object: string } } }>>;
  readonly sources: Record<string, { readonly ast: AstNode }>;
}
/** A node of solc's AST: `src` is `start:length:file` in bytes. */
export interface AstNode {
  readonly nodeType: string;
  readonly src: string;
  readonly [key: string]: unknown;
}

/** Start and length in bytes. */
export function rangeOf({ src }: AstNode): [number, number] {
  const [start, length] = src.split(':').map(Number);
  return [start as number, length as number];
}

/** solc refuses a source; of a mutant: it is none. */
export class CompileError extends Error {
  override readonly name = 'CompileError';
}

let solc: { compile(input: string): string } | undefined;

function compile(sources: Record<string, string>, settings: object): SolcOutput {
  solc ??= createRequire(import.meta.url)('solc') as { compile(input: string): string };
  const input = {
    language: 'Solidity',
    sources: Object.fromEntries(Object.entries(sources).map(([file, content]) => [file, { content }])),
    settings,
  };
  const output = JSON.parse(solc.compile(JSON.stringify(input))) as SolcOutput;
  const error = output.errors?.find(({ severity }) => severity === 'error');
  if (error !== undefined) throw new CompileError(error.formattedMessage);
  return output;
}

/** A file and all that it imports, by solc's names. */
function closure(root: string, entry: string): Record<string, string> {
  const sources: Record<string, string> = {};
  const todo = [entry];
  for (let file = todo.pop(); file !== undefined; file = todo.pop()) {
    if (file in sources) continue;
    const inPackage = file.startsWith('@');
    const content = readFileSync(join(root, inPackage ? 'node_modules' : '', file), 'utf8');
    sources[file] = content;
    for (const [, to] of content.matchAll(IMPORT) as Iterable<[string, string]>)
      todo.push(to.startsWith('.') ? join(dirname(file), to).replaceAll('\\', '/') : to);
  }
  return sources;
}

/** The typed AST of a file. */
export function astOf(root: string, file: string): AstNode {
  const output = compile(closure(root, file), { evmVersion: 'cancun', outputSelection: { [file]: { '': ['ast'] } } });
  return (output.sources[file] as { readonly ast: AstNode }).ast;
}

/** Creation bytecode by contract. */
export type Bytecodes = ReadonlyMap<string, string>;

export class Compiler {
  private readonly root: string;
  private readonly closures = new Map<string, Record<string, string>>();
  private readonly originals = new Map<string, Bytecodes>();

  constructor(root: string) {
    this.root = root;
  }

  /** The contracts of a part whose code differs once `file` has this text, with their new code. Throws CompileError. */
  changedBy(part: Part, file: string, content: string, optimised = part !== 'escrow'): Bytecodes {
    const changed = new Map<string, string>();
    for (const unit of UNITS[part]) {
      if (!(file in this.sourcesOf(unit))) continue;
      const mutated = this.build(unit, optimised, { file, content });
      for (const [name, code] of mutated) if (code !== this.original(unit, optimised).get(name)) changed.set(name, code);
    }
    return changed;
  }

  /** Every contract as it is, compiled as `changedBy` does. */
  all(): Bytecodes {
    return new Map([...UNITS.checkers, ...UNITS.escrow].flatMap((unit) => [...this.original(unit, unit !== UNITS.escrow[0])]));
  }

  private build(unit: string, optimised: boolean, changed?: { readonly file: string; readonly content: string }): Bytecodes {
    const sources = { ...this.sourcesOf(unit) };
    if (changed !== undefined) sources[changed.file] = changed.content;
    const { default: profile } = (config.solidity as unknown as { profiles: { default: Profile } }).profiles;
    const { settings } = profile.overrides[unit] ?? (profile.compilers[0] as Compilation);
    const { contracts } = compile(sources, {
      ...settings,
      ...(optimised ? {} : { optimizer: { enabled: false } }),
      metadata: { appendCBOR: false },
      outputSelection: { [unit]: { '*': ['evm.bytecode.object'] } },
    });
    return new Map(
      Object.entries(contracts?.[unit] ?? {}).flatMap(([name, { evm }]) =>
        evm.bytecode.object === '' ? [] : [[name, `0x${evm.bytecode.object}`] as const],
      ),
    );
  }

  private original(unit: string, optimised: boolean): Bytecodes {
    const key = `${unit} ${optimised}`;
    const own = this.originals.get(key) ?? this.build(unit, optimised);
    this.originals.set(key, own);
    return own;
  }

  private sourcesOf(unit: string): Record<string, string> {
    const own = this.closures.get(unit) ?? closure(this.root, unit);
    this.closures.set(unit, own);
    return own;
  }
}

interface Compilation {
  readonly settings: object;
}
interface Profile {
  readonly compilers: readonly Compilation[];
  readonly overrides: Readonly<Record<string, Compilation>>;
}
