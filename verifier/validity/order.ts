/**
 * No cell may depend on itself: relations that define each other in a circle would leave their values to the prover.
 *
 * Stacked axes (layers, steps) make circles among relations that are none among cells: layer l reads layer l − 1. A circle is harmless
 * if some variable moves in one direction around it. So, as for systems of recurrence equations (Karp, Miller, Winograd 1967): in every
 * strongly connected set of relations find a variable along which no circle of dependencies has a positive total distance; circles of total
 * distance 0 use only the edges that are tight for it, and these must be free of circles in turn, with another variable.
 */
import { ProgramError } from '../program/errors.ts';
import { outputsOf, viewsRead, type Output } from './reads.ts';
import type { Program, Relation, Var, View } from '../program/types.ts';
import { boxOf, boxesMeet, type Box, type Place, type Tensors } from './views.ts';

/** Relation `reader` reads cells that `writer` writes. */
interface Edge {
  readonly reader: number;
  readonly writer: number;
  readonly read: View;
  readonly write: Output;
}

/** Variables along which the cells of a relation can be computed one after the other. */
const coordinates = (r: Relation): readonly Var[] => (r.kind === 'rowmax' ? r.on.vars.filter((v) => v.name !== r.over) : r.on.vars);

/** Bounds of (the writer's value of the variable) − (the reader's), over all pairs of cells of an edge. */
function distance(program: Program, e: Edge, name: string): readonly [number, number] {
  const size = (r: number): number => coordinates(program.relations[r] as Relation).find((v) => v.name === name)?.size ?? 1;
  // A variable that is no coordinate (a sum's, a selector's positions) may bear the same name: the relation's cells then do not move with it.
  const moves = (r: number): boolean => coordinates(program.relations[r] as Relation).some((v) => v.name === name);
  const [reads, writes] = [moves(e.reader), moves(e.writer)];
  const fixed = reads ? e.read.when?.find((w) => w.var === name)?.is : undefined;
  let reader: readonly [number, number] = fixed === undefined ? [0, size(e.reader) - 1] : [fixed, fixed];
  let writer: readonly [number, number] = [0, size(e.writer) - 1];
  for (let a = 0; a < e.read.index.length; a++) {
    const [from, ...moreFrom] = e.read.index[a] as View['index'][number];
    const [to, ...moreTo] = e.write.view.index[a] as View['index'][number];
    if (!from || !to || moreFrom.length > 0 || moreTo.length > 0) continue;
    const readerShift = reads && 'var' in from && from.var === name ? (from.shift ?? 0) : null;
    const writerShift = writes && 'var' in to && to.var === name ? (to.shift ?? 0) : null;
    if (readerShift !== null && writerShift !== null) return [readerShift - writerShift, readerShift - writerShift];
    if (writerShift !== null && 'at' in from) writer = [from.at - writerShift, from.at - writerShift];
    if (readerShift !== null && 'at' in to) reader = [to.at - readerShift, to.at - readerShift];
  }
  return [writer[0] - reader[1], writer[1] - reader[0]];
}

/** Refuses programs with a circle of dependencies among cells. */
export function checkOrder(program: Program, tensors: Tensors): void {
  const writers = new Map<string, { readonly relation: number; readonly output: Output; readonly box: Box }[]>();
  program.relations.forEach((r, i) => {
    for (const output of outputsOf(r)) {
      const entry = { relation: i, output, box: boxOf(tensors, output.view, output.on.vars, place(r, i)) };
      writers.set(output.view.tensor, [...(writers.get(output.view.tensor) ?? []), entry]);
    }
  });
  const edges: Edge[] = [];
  program.relations.forEach((r, i) => {
    const vars = [...r.on.vars, ...sumVars(r)];
    for (const read of viewsRead(r)) {
      const box = boxOf(tensors, read, vars, place(r, i));
      for (const w of writers.get(read.tensor) ?? [])
        if (boxesMeet(box, w.box)) edges.push({ reader: i, writer: w.relation, read, write: w.output });
    }
  });
  for (const part of components(program.relations.length, edges)) checkComponent(program, part, edges);
}

const place = (r: Relation, i: number): Place => ({ where: `relation ${i} (${r.kind})`, relation: i });

function sumVars(r: Relation): readonly Var[] {
  const exprs = r.kind === 'divide' ? [r.num, r.den] : r.kind === 'map' ? [r.x] : r.kind === 'isqrt' ? [r.of] : 'expr' in r ? [r.expr] : [];
  // Products sum over variables of their own, which may share a name: the largest size reaches all their cells.
  const vars = new Map<string, Var>();
  for (const v of exprs.flatMap((e) => e.products.flatMap((p) => p.sum))) if (v.size > (vars.get(v.name)?.size ?? 0)) vars.set(v.name, v);
  return [...vars.values()];
}

/** A strongly connected set of relations is in order if some variable makes progress around its circles, and so is what remains. */
function checkComponent(program: Program, part: readonly number[], all: readonly Edge[]): void {
  const members = new Set(part);
  const edges = all.filter((e) => members.has(e.reader) && members.has(e.writer));
  if (edges.length === 0) return;
  const names = new Set(part.flatMap((i) => coordinates(program.relations[i] as Relation).map((v) => v.name)));
  for (const name of names) {
    const bounds = edges.map((e) => distance(program, e, name));
    for (const weights of [bounds.map(([, max]) => max), bounds.map(([min]) => -min)]) {
      const potentials = noPositiveCircle(part, edges, weights);
      if (!potentials) continue;
      const tight = edges.filter((e, k) => (weights[k] as number) + (potentials.get(e.writer) as number) === potentials.get(e.reader));
      if (tight.length === edges.length) continue;
      for (const rest of components(program.relations.length, tight)) checkComponent(program, rest, tight);
      return;
    }
  }
  const shown = part.slice(0, 6).map((i) => `${i} (${outputsOf(program.relations[i] as Relation)[0]?.view.tensor})`);
  throw new ProgramError(
    `relation ${part[0]}`,
    `relations ${shown.join(', ')}${part.length > 6 ? ' …' : ''} define each other in a circle`,
    'let each read only what others compute before it',
    {
      relation: part[0] as number,
      tensor: edges[0]?.read.tensor ?? '',
    },
  );
}

/**
 * Longest paths: potentials with weight + potential(writer) <= potential(reader) on every edge, or null if a circle has a positive sum.
 * (Bellman and Ford.)
 */
function noPositiveCircle(part: readonly number[], edges: readonly Edge[], weights: readonly number[]): Map<number, number> | null {
  const potential = new Map(part.map((i) => [i, 0]));
  for (let round = 0; round <= part.length; round++) {
    let changed = false;
    edges.forEach((e, k) => {
      const reach = (potential.get(e.writer) as number) + (weights[k] as number);
      if (reach <= (potential.get(e.reader) as number)) return;
      potential.set(e.reader, reach);
      changed = true;
    });
    if (!changed) return potential;
  }
  return null;
}

/** Strongly connected components with at least one edge inside (Tarjan, without recursion). */
function components(count: number, edges: readonly Edge[]): number[][] {
  const next: number[][] = Array.from({ length: count }, () => []);
  for (const e of edges) (next[e.reader] as number[]).push(e.writer);
  const index = new Array<number>(count).fill(-1);
  const low = new Array<number>(count).fill(0);
  const open = new Array<boolean>(count).fill(false);
  const stack: number[] = [];
  const found: number[][] = [];
  let counter = 0;
  for (let root = 0; root < count; root++) {
    if (index[root] !== -1) continue;
    const path: { node: number; edge: number }[] = [{ node: root, edge: 0 }];
    while (path.length > 0) {
      const top = path[path.length - 1] as { node: number; edge: number };
      const v = top.node;
      if (top.edge === 0) {
        index[v] = low[v] = counter++;
        stack.push(v);
        open[v] = true;
      }
      const w = (next[v] as number[])[top.edge++];
      if (w !== undefined) {
        if (index[w] === -1) path.push({ node: w, edge: 0 });
        else if (open[w]) low[v] = Math.min(low[v] as number, index[w] as number);
        continue;
      }
      path.pop();
      const parent = path[path.length - 1];
      if (parent) low[parent.node] = Math.min(low[parent.node] as number, low[v] as number);
      if (low[v] !== index[v]) continue;
      const part: number[] = [];
      for (;;) {
        const x = stack.pop() as number;
        open[x] = false;
        part.push(x);
        if (x === v) break;
      }
      if (part.length > 1 || (next[v] as number[]).includes(v)) found.push(part.sort((a, b) => a - b));
    }
  }
  return found;
}
