/** The mutation operators: what one node of the AST can be replaced by. Visibility and types stay as they are. */
import { rangeOf, type AstNode } from './sources.ts';

/** A replacement of `length` bytes from `start` on. */
export interface Change {
  readonly operator: string;
  readonly start: number;
  readonly length: number;
  readonly before: string;
  readonly after: string;
}
type Text = (start: number, length: number) => string;

const BINARY: Readonly<Record<string, readonly [string, readonly string[]]>> = {
  '<': ['relational', ['<=', '>=']],
  '<=': ['relational', ['<', '>']],
  '>': ['relational', ['>=', '<=']],
  '>=': ['relational', ['>', '<']],
  '==': ['relational', ['!=']],
  '!=': ['relational', ['==']],
  '&&': ['logical', ['||']],
  '||': ['logical', ['&&']],
  '+': ['arithmetic', ['-']],
  '-': ['arithmetic', ['+']],
  '*': ['arithmetic', ['/']],
  '/': ['arithmetic', ['*']],
  '%': ['arithmetic', ['*']],
  '<<': ['arithmetic', ['>>']],
  '>>': ['arithmetic', ['<<']],
  '&': ['arithmetic', ['|']],
  '|': ['arithmetic', ['&']],
};
const ASSIGNMENTS: Readonly<Record<string, string>> = { '+=': '-=', '-=': '+=', '*=': '/=', '/=': '*=', '|=': '&=', '&=': '|=' };
const YUL: Readonly<Record<string, readonly [string, string]>> = {
  lt: ['relational', 'gt'],
  gt: ['relational', 'lt'],
  add: ['arithmetic', 'sub'],
  sub: ['arithmetic', 'add'],
  mul: ['arithmetic', 'div'],
  div: ['arithmetic', 'mul'],
  mod: ['arithmetic', 'div'],
  shl: ['arithmetic', 'shr'],
  shr: ['arithmetic', 'shl'],
  and: ['logical', 'or'],
  or: ['logical', 'and'],
  xor: ['arithmetic', 'or'],
  addmod: ['arithmetic', 'mulmod'],
  mulmod: ['arithmetic', 'addmod'],
};
/** Builtins whose first two arguments don't commute. */
const ORDERED = new Set(['sub', 'div', 'mod', 'lt', 'gt', 'shl', 'shr', 'mstore', 'mcopy', 'extcodecopy', 'calldatacopy', 'return']);
/** Functions whose first two arguments commute. */
const COMMUTATIVE = new Set(['addmod', 'mulmod']);
/** Statements that can be left out; declarations can't, since what follows needs the name. */
const DELETABLE =
  /^(ExpressionStatement|EmitStatement|RevertStatement|IfStatement|ForStatement|TryStatement|Return|Continue|Break|Yul(ExpressionStatement|Assignment|If|ForLoop|Break|Continue))$/;

export function changesOf(node: AstNode, ancestors: readonly AstNode[], text: Text): Change[] {
  const changes: Change[] = [];
  const parent = ancestors.at(-1);
  const replace = (operator: string, [start, length]: readonly [number, number], after: string): void => {
    changes.push({ operator, start, length, before: text(start, length), after });
  };
  const whole = rangeOf(node);
  const child = (key: string): AstNode => node[key] as AstNode;

  if (parent !== undefined && DELETABLE.test(node.nodeType) && !isOnlyPart(node, parent)) {
    // Solidity has no empty statement, so a block takes the place of one and of its semicolon.
    const semicolon = text(whole[0] + whole[1], 1) === ';' ? 1 : 0;
    replace('deletion', [whole[0], whole[1] + semicolon], parent['loopExpression'] === node ? '' : '{}');
  }

  switch (node.nodeType) {
    case 'BinaryOperation': {
      const [operator, others] = BINARY[node['operator'] as string] ?? ['', []];
      const gap = gapBetween(child('leftExpression'), child('rightExpression'), text, node['operator'] as string);
      for (const other of others) replace(operator, gap, other);
      break;
    }
    case 'Assignment': {
      const other = ASSIGNMENTS[node['operator'] as string];
      const gap = gapBetween(child('leftHandSide'), child('rightHandSide'), text, node['operator'] as string);
      if (other !== undefined) replace('assignment', gap, other);
      break;
    }
    case 'UnaryOperation': {
      const own = node['operator'] as string;
      const at = node['prefix'] === true ? whole[0] : whole[0] + whole[1] - own.length;
      if (own === '++' || own === '--') replace('assignment', [at, 2], own === '++' ? '--' : '++');
      if (own === '!') replace('logical', [at, 1], '');
      break;
    }
    case 'IfStatement':
    case 'Conditional':
    case 'ForStatement':
      if (isNode(node['condition']) && !negatedOtherwise(node['condition'])) {
        const range = rangeOf(node['condition']);
        replace('negation', range, `!(${text(...range)})`);
      }
      break;
    case 'Literal':
      if (node['kind'] === 'bool') replace('constant', whole, node['value'] === 'true' ? 'false' : 'true');
      if (node['kind'] === 'number') for (const other of neighbours(text(...whole))) replace('constant', whole, other);
      break;
    case 'FunctionCall':
      swaps(node, text, replace);
      break;
    case 'ModifierInvocation':
      if (node['kind'] === 'modifierInvocation') replace('modifier', whole, '');
      break;
    case 'YulFunctionCall':
      inAssembly(node, text, replace);
      break;
    case 'YulIf': {
      const range = rangeOf(child('condition'));
      replace('negation', range, `iszero(${text(...range)})`);
      break;
    }
    case 'YulLiteral':
      if (node['kind'] === 'number') for (const other of neighbours(text(...whole))) replace('constant', whole, other);
      break;
  }
  return changes;
}

type Replace = (operator: string, range: readonly [number, number], after: string) => void;

/** Neighbouring arguments of one type. */
function swaps(node: AstNode, text: Text, replace: Replace): void {
  const list = node['arguments'] as readonly AstNode[];
  const callee = (node['expression'] as AstNode)['name'] as string | undefined;
  if (node['kind'] === 'typeConversion') return;
  for (let i = 0; i + 1 < list.length; i++) {
    if (i === 0 && callee !== undefined && COMMUTATIVE.has(callee)) continue;
    const [a, b] = [list[i] as AstNode, list[i + 1] as AstNode];
    if (typeOf(a) === typeOf(b)) swap(a, b, text, replace);
  }
}

function swap(a: AstNode, b: AstNode, text: Text, replace: Replace): void {
  const [start, length] = rangeOf(a);
  const [next, last] = rangeOf(b);
  const [first, second] = [text(start, length), text(next, last)];
  const between = text(start + length, next - start - length);
  // With named arguments (`name: value`) the values change places.
  if (first !== second) replace('swap', [start, next + last - start], `${second}${between}${first}`);
}

function inAssembly(node: AstNode, text: Text, replace: Replace): void {
  const name = (node['functionName'] as AstNode)['name'] as string;
  const range = rangeOf(node['functionName'] as AstNode);
  const whole = rangeOf(node);
  const other = YUL[name];
  if (other !== undefined) replace(other[0], range, other[1]);
  if (name === 'eq') replace('relational', whole, `iszero(${text(...whole)})`);
  const [a, b] = node['arguments'] as readonly AstNode[];
  if (ORDERED.has(name) && a !== undefined && b !== undefined) swap(a, b, text, replace);
}

/** The next numbers, in the same notation. */
export function neighbours(literal: string): string[] {
  const [number, unit] = literal.split(/\s+/) as [string, string?];
  const plain = number.replaceAll('_', '');
  if (!/^(0x[0-9a-fA-F]+|\d+)$/.test(plain)) return [];
  const value = BigInt(plain);
  const written = (v: bigint): string => {
    // As many digits as before: they make the type of a hexadecimal literal.
    const digits = plain.startsWith('0x') ? `0x${v.toString(16).padStart(plain.length - 2, '0')}` : `${v}`;
    return unit === undefined ? digits : `${digits} ${unit}`;
  };
  return value === 0n ? [written(1n)] : [written(value + 1n), written(value - 1n)];
}

const isNode = (value: unknown): value is AstNode => typeof value === 'object' && value !== null;

/** Whether the node is all that its parent does when its condition holds, so that leaving out the parent is the same change. */
function isOnlyPart(node: AstNode, parent: AstNode): boolean {
  if (parent.nodeType === 'IfStatement') return parent['falseBody'] === undefined || parent['falseBody'] === null;
  const body = (parent['statements'] ?? []) as readonly AstNode[];
  return parent.nodeType === 'YulBlock' && body.length === 1 && body[0] === node && node.nodeType !== 'YulAssignment';
}

/** Relations and negations have mutants of their own that do the same. */
function negatedOtherwise(condition: AstNode): boolean {
  const operator = condition['operator'] as string | undefined;
  if (condition.nodeType === 'BinaryOperation') return BINARY[operator as string]?.[0] === 'relational';
  return condition.nodeType === 'UnaryOperation' && operator === '!';
}

function gapBetween(left: AstNode, right: AstNode, text: Text, operator: string): [number, number] {
  const [start, length] = rangeOf(left);
  const [next] = rangeOf(right);
  const gap = text(start + length, next - start - length);
  const at = Buffer.byteLength(gap.slice(0, gap.indexOf(operator)));
  return [start + length + at, operator.length];
}

/** The type, without where its value lies; a literal is a number like others. */
function typeOf(node: AstNode): string {
  const { typeString } = node['typeDescriptions'] as { readonly typeString?: string | null };
  const name = (typeString ?? '').replace(/ (calldata|memory|storage)( ref| pointer)?\b/g, '');
  return /^int_const\b/.test(name) || /^uint\d+$/.test(name) ? 'uint' : name.replace(/ payable$/, '');
}
