/**
 * Mutants of a contract's source: places in solc's typed AST, Solidity and inline assembly, and what each is replaced by. An id names contract, function and
 * operator, and hashes the statement and the change, so it outlives edits elsewhere in the file.
 */
import { createHash } from 'node:crypto';
import { changesOf, type Change } from './operators.ts';
import { rangeOf, type AstNode } from './sources.ts';

export interface Mutant extends Change {
  readonly id: string;
  readonly file: string;
  readonly line: number;
  /** The statement (or declaration) around the change, in one line. */
  readonly statement: string;
}

/** What is not code, or is code of nobody's: types, declarations without bodies. */
const SKIPPED = new Set([
  ...['PragmaDirective', 'ImportDirective', 'StructDefinition', 'EventDefinition', 'ErrorDefinition', 'EnumDefinition'],
  ...['ElementaryTypeName', 'UserDefinedTypeName', 'ArrayTypeName', 'Mapping', 'StructuredDocumentation', 'UsingForDirective'],
]);

/** Every mutant of a file; `ast` is the AST of `source`. */
export function mutantsOf(file: string, source: string, ast: AstNode): Mutant[] {
  const bytes = Buffer.from(source);
  const text = (start: number, length: number): string => bytes.subarray(start, start + length).toString();
  const mutants: Mutant[] = [];
  const seen = new Map<string, number>();

  const walk = (node: AstNode, ancestors: readonly AstNode[]): void => {
    if (SKIPPED.has(node.nodeType) || (node.nodeType === 'ContractDefinition' && node['contractKind'] === 'interface')) return;
    for (const change of changesOf(node, ancestors, text)) {
      const around = ancestors.findLast(({ nodeType }) => /(Statement|Return|VariableDeclaration|YulAssignment)$/.test(nodeType)) ?? node;
      const [from, length] = rangeOf(around);
      const statement = oneLine(text(from, length));
      const name = `${nameOf(ancestors)}/${change.operator}`;
      const place = oneLine(text(from, Math.max(0, change.start - from))).length;
      const hash = createHash('sha256')
        .update(`${name}\0${statement}\0${place}\0${change.before}\0${change.after}`)
        .digest('hex')
        .slice(0, 8);
      // Equal statements of one function are told apart by their order.
      const count = seen.get(`${name}/${hash}`) ?? 0;
      seen.set(`${name}/${hash}`, count + 1);
      const id = `${name}/${hash}${count === 0 ? '' : `-${count + 1}`}`;
      mutants.push({ ...change, id, file, statement, line: text(0, change.start).split('\n').length });
    }
    const path = [...ancestors, node];
    for (const value of Object.values(node))
      for (const child of Array.isArray(value) ? value : [value]) if (isNode(child)) walk(child, path);
  };
  walk(ast, []);
  return mutants;
}

/** The source with one mutant in it. */
export function applyTo(source: string, { start, length, after }: Mutant): string {
  const bytes = Buffer.from(source);
  return `${bytes.subarray(0, start)}${after}${bytes.subarray(start + length)}`;
}

const isNode = (value: unknown): value is AstNode => typeof value === 'object' && value !== null && 'nodeType' in value;
const oneLine = (own: string): string =>
  own
    .replaceAll(/\/\/.*$/gm, '')
    .replaceAll(/\s+/g, ' ')
    .trim();

function nameOf(ancestors: readonly AstNode[]): string {
  const contract = ancestors.find(({ nodeType }) => nodeType === 'ContractDefinition')?.['name'] ?? '';
  const definition = ancestors.findLast(({ nodeType }) => /^(Function|Modifier)Definition$/.test(nodeType));
  return `${String(contract)}.${definition === undefined ? 'constants' : String(definition['name'] || definition['kind'])}`;
}
