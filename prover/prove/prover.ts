/**
 * Answers the core's requests for one proof (verifier/protocol/transition.ts): the prover's messages, from the witness.
 *
 * A `Prover` belongs to one transcript: its masks, blinds and Σ-protocol masks are drawn in it and never used again. State blinds pass
 * from a proof to the next, because state-out rows are the next proof's state-in rows.
 */
import type { Affine } from '../../verifier/curve.ts';
import { inverse, mod } from '../../verifier/field.ts';
import type { Compiled, PolyLayout, SumcheckShape, TablePlan } from '../../verifier/program/compile.ts';
import { polyOfRole } from '../../verifier/public-content.ts';
import { fixedPolys } from '../../verifier/protocol/accumulator.ts';
import { eqTable } from '../../verifier/protocol/algebra.ts';
import { RunMachine, fromFelts, fromPoints, toFelts, toPoints, type Felt } from '../../verifier/protocol/machine.ts';
import type { Ask, Constraints, Reply, Request } from '../../verifier/protocol/messages.ts';
import { cellsAt, type CellSource } from '../backend/sources.ts';
import type { Backend, Cells, FieldVector, FractionTree, LeafBlock, SumcheckRounds } from '../backend/types.ts';
import { Kernels, formFactors } from './forms.ts';
import { OpeningRounds } from './opening.ts';
import type { RandomSource } from './random.ts';
import { JointSumcheck, maskRound, maskTotal, type Instance } from './sumchecks.ts';
import { addRows, commitRows, type Matrix } from './rows.ts';
import type { Witness } from './witness.ts';

const o = new RunMachine();
const plain = (v: Felt): bigint => fromFelts([v])[0] as bigint;
const last = (point: readonly Felt[]): bigint => plain(point[point.length - 1] as Felt);

export type Phase = 'commit' | 'look-ups' | 'forms' | 'opening' | 'closing';

/** A value with the blind of its commitment. */
export interface Blinded {
  readonly value: bigint;
  readonly blind: bigint;
}

export interface ProverInput {
  readonly compiled: Compiled;
  readonly backend: Backend;
  readonly random: RandomSource;
  readonly witness: Witness;
  /** Index of the proof, 0-based. */
  readonly proof: number;
  readonly stateInBlinds: readonly bigint[];
  /** Blinds of the state-out rows; the caller draws them, since the last ones are fixed with the claim. */
  readonly stateOutBlinds: readonly bigint[];
  /** Blinds of the delivered rows, likewise; without them, drawn here. */
  readonly deliveryBlinds?: readonly bigint[];
  /** The running claims of acc_{t−1}: by fixed polynomial ρ_f, and for hidden ones V_{f,t−1}. */
  readonly runningPoints: readonly (readonly bigint[])[];
  readonly running: readonly Blinded[];
  readonly runningWeight: bigint;
  readonly onPhase?: (phase: Phase) => void;
}

/** Rounds of the sumcheck in progress: values without mask, given the challenge before. */
interface Rounds {
  readonly shape: SumcheckShape;
  readonly next: (challenge: bigint | null) => Promise<readonly bigint[]>;
}

export class Prover {
  /** Set when Φ of the secret rows is not 0: the witness does not satisfy the program, and the proof will be refused. */
  unsatisfied = false;
  /** New values of hidden fixed polynomials with their blinds, for the next proof or the decider. */
  readonly hiddenValues: Blinded[] = [];

  private readonly input: ProverInput;
  private witnessBlinds: readonly bigint[] = [];
  private deliveryBlinds: readonly bigint[] = [];
  private mask: readonly bigint[] = [];
  private maskBlind = 0n;
  private readonly valueRows: (readonly bigint[])[] = [];
  private readonly valueBlinds: bigint[] = [];
  private tree: FractionTree | null = null;
  private layer: SumcheckRounds | null = null;
  private forms: JointSumcheck | null = null;
  private formsSum = 0n;
  private opening: JointSumcheck | null = null;
  private opened: readonly bigint[] = [];
  private rounds: Rounds | null = null;
  private sumchecks = 0;
  private secret: (readonly bigint[])[] = [];
  private blinds: readonly bigint[] = [];
  private d: (readonly bigint[])[] = [];
  private dBlinds: readonly bigint[] = [];
  private e: readonly [bigint, bigint] = [0n, 0n];
  private nextZ = 0;

  constructor(input: ProverInput) {
    this.input = input;
  }

  /** Replies to one request of the transition. */
  async answer(request: Request): Promise<Reply> {
    if (request.kind === 'msm') return toPoints([await this.input.backend.msm(fromFelts(request.scalars), fromPoints(request.points))]);
    if (request.kind === 'points') return toPoints(await this.points(request.ask));
    if (request.kind === 'scalars') return toFelts(await this.scalars(request.ask));
    throw new Error('a transition evaluates no public polynomial');
  }

  private async points(ask: Ask): Promise<readonly Affine[]> {
    const { compiled: c, random, backend } = this.input;
    switch (ask.name) {
      case 'rows': {
        this.input.onPhase?.('commit');
        const poly = c.polys.find((p) => p.role === 'witness');
        if (!poly) return [];
        this.witnessBlinds = random.fields(poly.rows.length);
        return commitRows(backend, this.matrix(poly), this.witnessBlinds);
      }
      case 'state-out': {
        const poly = c.polys.find((p) => p.role === 'stateOut');
        return poly ? commitRows(backend, this.matrix(poly), this.input.stateOutBlinds) : [];
      }
      case 'delivery': {
        const poly = polyOfRole(c, 'delivery');
        this.deliveryBlinds = this.input.deliveryBlinds ?? random.fields(poly.rows.length);
        return commitRows(backend, this.matrix(poly), this.deliveryBlinds);
      }
      case 'mask':
        this.mask = random.fields(c.maskLength);
        [this.maskBlind] = random.fields(1) as [bigint];
        return [await backend.commit(this.mask, this.maskBlind)];
      case 'root':
        return this.value(await this.root(plain(ask.alpha), plain(ask.beta)));
      case 'layer-values':
        return this.value(await (this.layer as SumcheckRounds).finish(last(ask.point)));
      case 'lambda':
        return this.value([await this.lambda(ask)]);
      case 'operands':
        return this.value(await this.operands(last(ask.point)));
      case 'opened': {
        const finals = await (this.opening as JointSumcheck).finish(last(ask.point));
        this.opened = finals.map((f) => f[0] as bigint);
        return this.value(this.opened.filter((_, i) => (c.polys[i] as PolyLayout).role !== 'fixed'));
      }
      case 'hidden-values': {
        const out: Affine[] = [];
        for (const f of fixedPolys(c).filter((p) => p.hidden)) {
          const value = this.opened[c.polys.indexOf(f)] as bigint;
          out.push(...(await this.value([value])));
          this.hiddenValues.push({ value, blind: this.valueBlinds[this.valueBlinds.length - 1] as bigint });
        }
        return out;
      }
      case 'D':
        this.input.onPhase?.('closing');
        return this.startClosing(ask.eta, ask.openings);
      case 'E':
        return this.crossTerms(ask.constraints);
      default:
        throw new Error(`no points answer ${ask.name}`);
    }
  }

  private async scalars(ask: Ask): Promise<readonly bigint[]> {
    const { compiled: c } = this.input;
    switch (ask.name) {
      case 'layer': {
        const layer = await (this.tree as FractionTree).layer(ask.layer, fromFelts(ask.point), plain(ask.lambda));
        this.layer = layer;
        let first: readonly bigint[] | null = await layer.round(null);
        const sum = mod((first[0] as bigint) + (first[1] as bigint));
        return this.begin(sum, async (challenge) => {
          const values = first ?? (await layer.round(challenge));
          first = null;
          return values;
        });
      }
      case 'forms': {
        const joint = this.forms as JointSumcheck;
        return this.begin(this.formsSum, (challenge) => joint.round(challenge));
      }
      case 'opening': {
        this.input.onPhase?.('opening');
        const joint = await this.startOpening(ask);
        return this.begin(await joint.sum(), (challenge) => joint.round(challenge));
      }
      case 'round': {
        const { shape, next } = this.rounds as Rounds;
        const values = await next(ask.point.length === 0 ? null : last(ask.point));
        const mask = maskRound(this.segment(shape), shape, fromFelts(ask.point));
        return values.map((v, k) => mod(v + (mask[k] as bigint))).filter((_, k) => k !== 1);
      }
      case 'public-values':
        return this.opened.filter((_, i) => (c.polys[i] as PolyLayout).role === 'fixed' && !(c.polys[i] as PolyLayout).hidden);
      case 'z': {
        const i = this.nextZ++;
        return respond(plain(ask.xi), this.secret[i] as readonly bigint[], this.d[i] as readonly bigint[]);
      }
      case 'zeta':
        return respond(plain(ask.xi), this.blinds, this.dBlinds);
      case 'epsilon':
        return [mod(plain(ask.xi) * this.e[1] + this.e[0])];
      default:
        throw new Error(`no scalars answer ${ask.name}`);
    }
  }

  private matrix(poly: PolyLayout): Matrix {
    return { cells: this.input.witness.polys.get(poly.name) as Cells | CellSource, columns: poly.columns, rows: poly.rows };
  }

  /** Commits to a value row. */
  private async value(row: readonly bigint[]): Promise<readonly Affine[]> {
    const [blind] = this.input.random.fields(1) as [bigint];
    this.valueRows.push(row);
    this.valueBlinds.push(blind);
    return [await this.input.backend.commit(row, blind)];
  }

  private segment(shape: SumcheckShape): readonly bigint[] {
    return this.mask.slice(shape.mask, shape.mask + shape.n * shape.d + 1);
  }

  /** Opens the next sumcheck and returns its masked sum S. */
  private begin(sum: bigint, next: Rounds['next']): readonly bigint[] {
    const shape = this.input.compiled.sumchecks[this.sumchecks++] as SumcheckShape;
    this.rounds = { shape, next };
    return [mod(sum + maskTotal(this.segment(shape), shape.n))];
  }

  private async root(alpha: bigint, beta: bigint): Promise<readonly bigint[]> {
    const { compiled: c, backend, witness } = this.input;
    this.input.onPhase?.('look-ups');
    const leaves = c.leaves.map((leaf, i) => ({
      offset: leaf.offset,
      numerators: 'ones' as const,
      id: leaf.id,
      ...(witness.leaves[i] as Witness['leaves'][number]),
    }));
    const tables: LeafBlock[] = [];
    for (const [i, t] of c.tables.entries())
      tables.push({
        offset: t.offset,
        domain: { sizes: [2 ** t.bits] },
        numerators: witness.multiplicities[i] as Float64Array,
        values: await this.tableColumns(t),
        id: t.id,
      });
    this.tree = await backend.fractionTree(c.depth, [...leaves, ...tables], alpha, beta);
    const [p0, p1, q0, q1] = await this.tree.root();
    const u = mod(q0 * q1);
    if (u === 0n) throw new Error('a look-up denominator is zero; prove again with fresh randomness');
    return [p0, p1, q0, q1, u, inverse(u)];
  }

  private async tableColumns(t: TablePlan): Promise<Cells[]> {
    const rows = 2 ** t.bits;
    const columns: Cells[] = [Float64Array.from({ length: rows }, (_, i) => t.lo + i)];
    for (const y of [t.y, t.y2]) {
      const poly = y && this.input.witness.polys.get(y.tensor.poly);
      if (y && poly) columns.push(await cellsAt(poly, y.offset, rows));
    }
    return columns;
  }

  /** Builds every form's tables; λ_A = q(r) − public part − Σ forms. */
  private async lambda(ask: Extract<Ask, { name: 'lambda' }>): Promise<bigint> {
    const { compiled: c, backend, witness, proof } = this.input;
    this.input.onPhase?.('forms');
    this.tree?.free();
    const [, , q0, q1] = this.valueRows[this.valueRows.length - 1] as [bigint, bigint, bigint, bigint];
    const denominator = q0 + plain(ask.mu) * (q1 - q0);
    const instances: Instance[] = [];
    for (const [i, f] of c.forms.entries()) {
      const { factors, point } = await formFactors(backend, witness.polys, f, ask.points[i] as (typeof ask.points)[number], proof);
      const degree = factors.length + (point.length > 0 ? 1 : 0);
      const weight = plain(ask.weights[i] as Felt);
      const value = (finals: readonly bigint[]): bigint => finals.reduce((z, v) => mod(z * v), weight);
      const tables = f.rounds > 0 ? await backend.formProduct(factors, point, weight) : await this.constants(factors.map((x) => x.table));
      instances.push({ rounds: f.rounds, degree, tables, value });
    }
    const shape = c.sumchecks[c.sumchecks.length - 2] as SumcheckShape;
    this.forms = new JointSumcheck(shape, instances);
    this.formsSum = await this.forms.sum();
    return mod(denominator - plain(ask.publicPart) - this.formsSum);
  }

  /** Values of tables without variables. */
  private async constants(tables: readonly FieldVector[]): Promise<bigint[]> {
    const out: bigint[] = [];
    for (const t of tables) {
      out.push((await this.input.backend.toField(t))[0] as bigint);
      this.input.backend.free(t);
    }
    return out;
  }

  private async operands(challenge: bigint): Promise<readonly bigint[]> {
    const { compiled: c } = this.input;
    const finals = await (this.forms as JointSumcheck).finish(challenge);
    const row = c.forms.flatMap((f, i) => {
      const factors = (finals[i] as readonly bigint[]).slice(-f.factors.length);
      return factors.length === 3 ? [...factors, mod((factors[0] as bigint) * (factors[1] as bigint))] : factors;
    });
    return row.length === 0 ? [0n] : row;
  }

  /** K_P of every polynomial, and the sumcheck of Σ P·K_P. */
  private async startOpening(ask: Extract<Ask, { name: 'opening' }>): Promise<JointSumcheck> {
    const { compiled: c, backend, proof, runningPoints, runningWeight } = this.input;
    const deltas = fromFelts(ask.deltas);
    const kernels = new Kernels(proof);
    ask.functionals.forEach((terms, i) => kernels.addTerms(terms, deltas[i] as bigint));
    c.tables.forEach(({ multiplicity }, i) => {
      const { prefix, local } = ask.tables[i] as (typeof ask.tables)[number];
      kernels.addEq(multiplicity.tensor.poly, multiplicity.offset, fromFelts(local), mod((deltas[1] as bigint) * plain(prefix)));
    });
    fixedPolys(c).forEach((f, i) => {
      const weight = mod((deltas[ask.functionals.length + i] as bigint) * runningWeight);
      kernels.addEq(f.name, 0, runningPoints[i] as readonly bigint[], weight);
    });
    const shape = c.sumchecks[c.sumchecks.length - 1] as SumcheckShape;
    const instances: Instance[] = [];
    for (const p of c.polys) {
      const tables = await OpeningRounds.start(backend, this.matrix(p), kernels.of(p.name));
      const value = ([a, b]: readonly bigint[]): bigint => mod((a as bigint) * (b as bigint));
      instances.push({ rounds: p.bits, degree: 2, tables, value });
    }
    this.opening = new JointSumcheck(shape, instances);
    return this.opening;
  }

  /** The secret rows, their Σ-protocol masks, and the commitments D to the masks. */
  private async startClosing(eta: Felt, rho: readonly (readonly Felt[])[]): Promise<readonly Affine[]> {
    const { compiled: c, backend, random, running, stateInBlinds, stateOutBlinds } = this.input;
    const blindsOf = { witness: this.witnessBlinds, stateIn: stateInBlinds, stateOut: stateOutBlinds, delivery: this.deliveryBlinds };
    /** Σ η^P·(eq(ρ_rows)·rows of P), and its blind, over these polynomials. */
    const combined = async (columns: number, wanted: (role: PolyLayout['role']) => boolean): Promise<[readonly bigint[], bigint]> => {
      const x = backend.zeros(2 ** columns);
      let xBlind = 0n;
      let weight = 1n;
      for (const [i, p] of c.polys.entries()) {
        if (p.role === 'fixed' || !wanted(p.role)) continue;
        const own = blindsOf[p.role];
        const rows = fromFelts(eqTable(o, (rho[i] as readonly Felt[]).slice(0, p.bits - columns)));
        await addRows(backend, this.matrix(p), rows, weight, x);
        p.rows.forEach((r, k) => (xBlind += mod(weight * (rows[r] as bigint)) * (own[k] as bigint)));
        weight = mod(weight * plain(eta));
      }
      const values = await backend.toField(x);
      backend.free(x);
      return [values, mod(xBlind)];
    };
    const [x, xBlind] = await combined(c.columns, (role) => role !== 'delivery');
    const limbs = c.delivered.length > 0 ? [await combined(polyOfRole(c, 'delivery').columns, (role) => role === 'delivery')] : [];
    this.secret = [x, this.mask, ...this.valueRows, ...running.map((v) => [v.value]), ...limbs.map(([values]) => values)];
    this.blinds = [xBlind, this.maskBlind, ...this.valueBlinds, ...running.map((v) => v.blind), ...limbs.map(([, blind]) => blind)];
    this.d = this.secret.map((row) => random.fields(row.length));
    this.dBlinds = random.fields(this.secret.length);
    return backend.commitAll(this.d, this.dBlinds);
  }

  /** E_0, E_1: commitments to the coefficients of Φ_ξ(ξ·s + d) below ξ². */
  private async crossTerms(constraints: Constraints): Promise<readonly Affine[]> {
    const { backend, random } = this.input;
    const [b0, b1] = random.fields(2) as [bigint, bigint];
    const phi = (xi: bigint, rows: readonly (readonly bigint[])[]): bigint => plain(constraints.evaluate(o.felt(xi), rows.map(toFelts)));
    const atMask = phi(0n, this.d);
    const atSecret = phi(1n, this.secret);
    this.unsatisfied = atSecret !== 0n;
    const sum = this.secret.map((row, i) => respond(1n, row, this.d[i] as readonly bigint[]));
    const cross = mod(phi(1n, sum) - atMask - atSecret);
    this.e = [b0, b1];
    return backend.commitAll([[atMask], [cross]], this.e);
  }
}

/** ξ·secret + mask. */
const respond = (xi: bigint, secret: readonly bigint[], mask: readonly bigint[]): bigint[] =>
  secret.map((v, i) => mod(xi * v + (mask[i] as bigint)));
