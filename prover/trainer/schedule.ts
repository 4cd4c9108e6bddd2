/**
 * The order of a walk. An instance is a relation with fixed values of the variables that index serial axes (`step`, `layer`) of
 * tensors the walk writes; it depends on the instances that write the slots it reads, a slot being a tensor at one index of its serial axes.
 */
import { ProgramError } from '../../verifier/program/errors.ts';
import type { ProgramPlan, RelationPlan, TensorPlan, ViewPlan } from './plan.ts';
import { forCells, resolve, type Env } from './resolve.ts';

export interface ScheduledInstance {
  readonly plan: RelationPlan;
  readonly env: Env;
}

/** Number of slots of a tensor. */
const slotCount = (t: TensorPlan): number => t.serialAxes.reduce((n, a) => n * t.sizes[a], 1);

/** Slots that a view touches in an instance. */
function slotsOf(view: ViewPlan, plan: RelationPlan, env: Env): number[] {
  const r = resolve(view, plan.vars, env, 0);
  if (r === null) return [];
  let slots = [0];
  for (const a of view.tensor.serialAxes) {
    const axis = view.axes[a];
    let indices = [axis.constant];
    for (const t of axis.terms) {
      const [from, to] = env[t.v] >= 0 ? [env[t.v], env[t.v] + 1] : [r.lo[t.v], r.hi[t.v]];
      indices = indices.flatMap((i) => Array.from({ length: to - from }, (_, k) => i + (from + k) * t.multiplier));
    }
    for (const x of axis.reduces) indices = indices.flatMap((i) => Array.from({ length: x.size }, (_, y) => i + y * x.multiplier));
    if (axis.proofMultiplier > 0) indices = Array.from({ length: axis.size }, (_, i) => i);
    slots = slots.flatMap((s) => indices.filter((i) => i >= 0 && i < axis.size).map((i) => s * axis.size + i));
  }
  return slots;
}

const describe = (t: TensorPlan, slot: number): string => {
  const at: string[] = [];
  for (const a of [...t.serialAxes].reverse()) {
    at.unshift(`${t.tensor.axes[a].name} ${slot % t.sizes[a]}`);
    slot = Math.floor(slot / t.sizes[a]);
  }
  return at.length > 0 ? `${t.name} at ${at.join(', ')}` : t.name;
};

function instancesOf(plan: RelationPlan): ScheduledInstance[] {
  let envs: Env[] = [new Int32Array(plan.vars.length).fill(-1)];
  for (const v of plan.serial)
    envs = envs.flatMap((env) =>
      Array.from({ length: plan.vars[v].size }, (_, x) => {
        const next = Int32Array.from(env);
        next[v] = x;
        return next;
      }),
    );
  return envs.map((env) => ({ plan, env }));
}

/** Cells that an instance writes through a view, in order of its domain. */
function writtenCells(view: ViewPlan, { plan, env }: ScheduledInstance, cell: (offset: number) => void): void {
  const r = resolve(view, plan.vars, env, 0);
  if (r === null) return;
  const used = plan.vars.flatMap((_, v) => (r.strides[v] !== 0 && env[v] < 0 ? [v] : []));
  const [i, j] = plan.causal ? plan.causal.map((v) => used.indexOf(v)) : [-1, -1];
  const sizes = used.map((v) => plan.vars[v].size);
  const index = (at: number, d: number): number => Math.floor(at / sizes.slice(d + 1).reduce((n, s) => n * s, 1)) % sizes[d];
  forCells(r, plan.vars, used, env, 0, (offset, _, at) => {
    if (i < 0 || j < 0 || index(at, j) <= index(at, i)) cell(offset);
  });
}

/** How many cells an instance writes through a view; null where they must be counted one by one. */
function writtenCount(view: ViewPlan, { plan, env }: ScheduledInstance): number | null {
  const r = resolve(view, plan.vars, env, 0);
  if (r === null) return 0;
  if (r.guarded) return null;
  let n = 1;
  for (let v = 0; v < plan.vars.length; v++) {
    if (env[v] >= 0 || r.strides[v] === 0) continue;
    if (plan.causal?.includes(v) && r.strides[plan.causal[0]] !== 0 && r.strides[plan.causal[1]] !== 0) {
      if (r.hi[v] - r.lo[v] !== plan.vars[v].size) return null;
      if (v === plan.causal[0]) n *= (plan.vars[v].size * (plan.vars[v].size + 1)) / 2;
    } else n *= r.hi[v] - r.lo[v];
  }
  return n;
}

function domainCells(t: TensorPlan): number {
  let n = t.sizes.reduce((p, s, a) => (t.serialAxes.includes(a) ? p : p * s), 1);
  if (t.tensor.causal) {
    const size = t.sizes[t.tensor.causal[0]];
    n = (n / (size * size)) * ((size * (size + 1)) / 2);
  }
  return n;
}

/** 1 at every index of an axis that an instance writes. */
function writtenIndices(view: ViewPlan, a: number, { plan, env }: ScheduledInstance): Uint8Array {
  const axis = view.axes[a];
  let indices = [axis.constant];
  for (const t of axis.terms) {
    const values = env[t.v] >= 0 ? [env[t.v]] : Array.from({ length: plan.vars[t.v].size }, (_, x) => x);
    indices = indices.flatMap((i) => values.map((x) => i + x * t.multiplier));
  }
  const out = new Uint8Array(axis.size);
  for (const i of indices) if (i >= 0 && i < axis.size) out[i] = 1;
  return out;
}

/** Two writers of a tensor never meet, because they never meet on some axis. */
const apart = (v: ViewPlan, x: ScheduledInstance, w: ViewPlan, y: ScheduledInstance): boolean =>
  v.axes.some((_, a) => {
    const [p, q] = [writtenIndices(v, a, x), writtenIndices(w, a, y)];
    return p.every((b, i) => b === 0 || q[i] === 0);
  });

interface Writers {
  readonly instances: number[][];
  readonly views: ViewPlan[][];
}

/**
 * Refuses cells that are written twice, and cells that are read but never written. Slots whose writers are apart on some axis and
 * together write as many cells as there are pass by counting; the others are looked at cell by cell.
 */
function checkCoverage(
  plan: ProgramPlan,
  instances: readonly ScheduledInstance[],
  writers: readonly (Writers | null)[],
  readers: readonly (readonly number[][] | null)[],
): void {
  for (const t of plan.tensors) {
    const w = writers[t.id];
    if (!w) continue;
    const partial: number[] = [];
    for (let slot = 0; slot < w.instances.length; slot++) {
      const [ns, views] = [w.instances[slot], w.views[slot]];
      const counts = ns.map((n, k) => writtenCount(views[k], instances[n]));
      const total = counts.reduce<number>((sum, n) => sum + (n ?? NaN), 0);
      const disjoint = ns.every((n, k) => ns.slice(0, k).every((m, j) => apart(views[j], instances[m], views[k], instances[n])));
      if (!(disjoint && total === domainCells(t))) partial.push(slot);
    }
    if (partial.length === 0) continue;
    const state = new Int32Array(t.length).fill(-1);
    for (const slot of partial)
      w.instances[slot].forEach((n, k) =>
        writtenCells(w.views[slot][k], instances[n], (offset) => {
          if (state[offset] >= 0)
            throw new ProgramError(
              describe(t, slot),
              `written both by relation ${instances[state[offset]].plan.label} and by relation ${instances[n].plan.label}`,
              'write every cell once',
              { tensor: t.name, relation: instances[n].plan.index },
            );
          state[offset] = n;
        }),
      );
    const [ci, cj] = t.tensor.causal ?? [-1, -1];
    const index = (offset: number, a: number): number => Math.floor(offset / t.strides[a]) % t.sizes[a];
    for (const slot of partial)
      for (const n of readers[t.id]?.[slot] ?? []) {
        const { plan: reader, env } = instances[n];
        for (const view of reader.reads) {
          if (view.tensor !== t || !slotsOf(view, reader, env).includes(slot)) continue;
          const r = resolve(view, reader.vars, env, 0);
          if (r === null) continue;
          const used = reader.vars.flatMap((_, v) => (r.strides[v] !== 0 && env[v] < 0 ? [v] : []));
          forCells(r, reader.vars, used, env, 0, (offset) => {
            if (state[offset] >= 0 || (ci >= 0 && index(offset, cj) > index(offset, ci))) return;
            const at = t.sizes.map((_, a) => index(offset, a));
            const inSlot = t.serialAxes.reduce((s, a) => s * t.sizes[a] + at[a], 0) === slot;
            if (inSlot)
              throw new ProgramError(
                `${t.name} [${at.join(', ')}]`,
                `read by relation ${reader.label} but never written`,
                'add the relation that writes it',
                {
                  tensor: t.name,
                  relation: reader.index,
                },
              );
          });
        }
      }
  }
}

/** All relation instances, each after those it depends on. Errors: `ProgramError` (cycles, cells read but never written or written twice). */
export function schedule(plan: ProgramPlan): ScheduledInstance[] {
  const instances = plan.relations.flatMap(instancesOf);
  const isWritten = (t: TensorPlan): boolean => t.role === 'witness' || t.role === 'stateOut';
  const writers = plan.tensors.map((t): Writers | null =>
    isWritten(t)
      ? { instances: Array.from({ length: slotCount(t) }, () => []), views: Array.from({ length: slotCount(t) }, () => []) }
      : null,
  );
  instances.forEach((x, n) => {
    for (const view of x.plan.writes)
      for (const slot of slotsOf(view, x.plan, x.env)) {
        writers[view.tensor.id]?.instances[slot].push(n);
        writers[view.tensor.id]?.views[slot].push(view);
      }
  });
  const readers = plan.tensors.map((t) => (isWritten(t) ? Array.from({ length: slotCount(t) }, (): number[] => []) : null));
  const next: number[][] = instances.map(() => []);
  const waiting = new Int32Array(instances.length);
  instances.forEach((x, n) => {
    const seen = new Set<number>();
    for (const view of x.plan.reads) {
      const w = writers[view.tensor.id];
      if (!w) continue;
      for (const slot of slotsOf(view, x.plan, x.env)) {
        readers[view.tensor.id]?.[slot].push(n);
        for (const from of w.instances[slot]) seen.add(from);
        if (w.instances[slot].length === 0)
          throw new ProgramError(
            describe(view.tensor, slot),
            `read by relation ${x.plan.label} but never written`,
            'add the relation that writes it',
            {
              tensor: view.tensor.name,
              relation: x.plan.index,
            },
          );
      }
    }
    for (const from of seen) {
      next[from].push(n);
      waiting[n]++;
    }
  });
  checkCoverage(plan, instances, writers, readers);
  const order: number[] = [];
  for (let n = 0; n < instances.length; n++) if (waiting[n] === 0) order.push(n);
  for (let k = 0; k < order.length; k++) for (const n of next[order[k]]) if (--waiting[n] === 0) order.push(n);
  if (order.length < instances.length) throw cycleError(instances, next, waiting);
  return order.map((n) => instances[n]);
}

/** Names a cycle among the instances that were never ready. */
function cycleError(instances: readonly ScheduledInstance[], next: readonly (readonly number[])[], waiting: Int32Array): ProgramError {
  const previous = new Map<number, number>();
  next.forEach((targets, from) => {
    if (waiting[from] > 0) for (const to of targets) if (waiting[to] > 0) previous.set(to, from);
  });
  const path: number[] = [];
  let n = [...previous.keys()][0];
  while (!path.includes(n)) {
    path.push(n);
    n = previous.get(n) as number;
  }
  const cycle = path.slice(path.indexOf(n)).reverse();
  const name = (k: number): string => {
    const { plan, env } = instances[k];
    const at = plan.serial.map((v) => `${plan.vars[v].name} ${env[v]}`).join(', ');
    return at ? `${plan.label} at ${at}` : plan.label;
  };
  return new ProgramError(
    `relation ${name(cycle[0])}`,
    `depends on itself: ${[...cycle, cycle[0]].map(name).join(' → ')}`,
    'only axes named step or layer order relations by their index',
    { relation: instances[cycle[0]].plan.index },
  );
}
