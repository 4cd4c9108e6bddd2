/**
 * The audit: rebuilds a bounty from the chain's events and the published files, verifies every bundle again, and compares the outcome with what
 * the attesters said and the escrow did. Without the package it tells what the chain tells.
 *
 * It rests on the node (that its events are the chain's, and all of them), and on the contract at the escrow's address being Fineproof's, which it
 * compares with this version's.
 */
import { readFileSync } from 'node:fs';
import type { Address } from 'viem';
import { bundleBytes } from '../../../verifier/bundle.ts';
import { openBounty, type OpenBounty } from '../../../verifier/bounty.ts';
import { cellCount, type Card } from '../../../verifier/cards.ts';
import type { Engine } from '../../../verifier/engine.ts';
import { digestOf, InputError, type Hex } from '../../../verifier/input.ts';
import { findBounty, listClaims, type PostedBounty, type PostedClaim } from '../bounties.ts';
import type { BundleSource } from '../bundles.ts';
import { BOUNTY_STATUS, CLAIM_STATUS, type Escrow } from '../chain.ts';
import { readCoins, type Coin } from '../coins.ts';
import { packageFiles, readRecipe } from '../package.ts';
import { inTurn } from '../scan.ts';
import { codeOf, otherCode } from './code.ts';
import { auditedClaim, judged, stateFindings } from './claims.ts';
import { historyOf, withdrawalsOf, type History } from './history.ts';
import { balancesOf, moneyOf } from './money.ts';
import { coinsOf, partiesOf, rolesOf } from './parties.ts';
import { recipeFault, replay, verifierOrFault, type Replayed, type Replayer } from './replay.ts';
import type { Audit, AuditedCard, AuditedPackage, Making, Role, Withdrawal } from './types.ts';

/** What bundles are verified with, where the package was given. */
export interface Replaying {
  readonly folder: string;
  readonly source: BundleSource;
  readonly engine: Engine;
}

const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as { version: string };

/** Now; `command` makes the audit again. */
export async function makingOf(escrow: Escrow, command: string): Promise<Making> {
  const block = await escrow.chain.client.getBlockNumber();
  return { time: Math.floor(Date.now() / 1000), block, version, command, code: await codeOf(escrow) };
}

const card = ({ name, commitment, tensors }: Card): AuditedCard => ({
  name,
  hidden: commitment !== undefined,
  tensors: tensors.length,
  values: tensors.reduce((n, t) => n + cellCount(t), 0),
});

interface Opened {
  readonly replayer: Replayer;
  readonly facts: AuditedPackage;
  readonly findings: readonly string[];
}

/** Opens the package against the chain's terms. Errors: its files are not those of the terms. */
async function open(escrow: Escrow, { terms }: PostedBounty, { folder, source, engine }: Replaying): Promise<Opened> {
  const files = packageFiles(folder, engine.keccak);
  const bounty: OpenBounty = await openBounty(BigInt(escrow.chain.id), escrow.address, terms, files, engine);
  const fault = recipeFault(folder, bounty);
  const verifier = verifierOrFault(bounty, engine);
  const { model, data } = bounty.cards;
  const facts: AuditedPackage = {
    folder,
    recipe: fault ?? 'the program is what the recipe gives',
    training: readRecipe(folder),
    model: card(model),
    data: { ...card(data), tokenizer: data.tokens?.tokenizer ?? '' },
    program: digestOf(files.program),
    proofs: bounty.compiled.proofs,
    bundleBytes: bundleBytes(bounty.compiled),
    stores: source.stores,
    engine: engine.name,
  };
  const replayer = { bounty, source, engine, verifier: typeof verifier === 'string' ? null : verifier };
  return { replayer, facts, findings: [fault, typeof verifier === 'string' ? verifier : null].filter((f) => f !== null) };
}

const UNSEEN: Replayed = {
  ...{ valid: null, trace: null, reason: 'the bounty’s package was not given', checks: [], bytes: 0, seconds: 0 },
};

/** What the chain tells of a bounty, all of it as it was after one block. */
export interface Facts {
  readonly posted: PostedBounty;
  readonly claims: readonly PostedClaim[];
  readonly history: History;
  readonly roles: ReadonlyMap<Address, readonly Role[]>;
  readonly coins: readonly Coin[];
  /** Credits not yet withdrawn. */
  readonly waiting: (account: Address, token: Address) => bigint;
  readonly withdrawals: readonly Withdrawal[];
  readonly made: Making;
}

/** Asks the node. Soon after `made`: nodes forget the state of old blocks. */
export async function factsOf(escrow: Escrow, found: PostedBounty, made: Making): Promise<Facts> {
  const { id, terms, block } = found;
  const history = await historyOf(escrow, id, block, made.block);
  const [{ status }, claims] = [await escrow.bounty(id, made.block), await listClaims(escrow, id, block)];
  const roles = rolesOf(terms, history.events, history.transactions);
  const pairs = [...roles.keys()].flatMap((account) => coinsOf(terms).map((token) => ({ account, token })));
  const credits = await inTurn(pairs, ({ account, token }) => escrow.credit(token, account, made.block));
  return {
    posted: { ...found, status: BOUNTY_STATUS[status] ?? 'none' },
    claims: await inTurn(
      claims.filter((c) => c.block <= made.block),
      async (c) => ({ ...c, status: CLAIM_STATUS[(await escrow.claimOf(c.id, made.block)).status] ?? 'none' }),
    ),
    history,
    roles,
    coins: await readCoins(escrow.chain, coinsOf(terms), made.block),
    waiting: (account, token) => credits[pairs.findIndex((p) => p.account === account && p.token === token)] as bigint,
    withdrawals: (await withdrawalsOf(escrow, [...roles.keys()], block)).filter((w) => w.block <= made.block),
    made,
  };
}

/** Audits a bounty; `replaying` null: from events alone. Errors: the package's files are not those of its terms. */
export async function auditFacts(escrow: Escrow, facts: Facts, replaying: Replaying | null): Promise<Audit> {
  const { posted, history, made, roles, waiting, withdrawals } = facts;
  const { id, terms, status } = posted;
  const { events, transactions } = history;
  const opened = replaying === null ? null : await open(escrow, posted, replaying);
  const money = moneyOf(terms, events, transactions);
  const claims = [];
  for (const claim of facts.claims) {
    const replayed = opened === null ? UNSEEN : await replay(opened.replayer, claim);
    claims.push(auditedClaim(terms, claim, history, replayed, opened?.replayer.verifier?.recorded ?? null));
  }
  const judgements = opened === null ? [] : claims.map(judged).filter((j) => j !== null);
  const findings = [
    ...(opened?.findings ?? []),
    ...stateFindings(status, facts.claims, events),
    ...money.findings,
    ...judgements.flatMap((j) => ('finding' in j ? [j.finding] : [])),
  ];
  const notes = [
    ...otherCode(made.code),
    ...(opened === null ? ['the bounty’s package was not given: no file was compared with the terms, and no bundle was verified'] : []),
    ...judgements.flatMap((j) => ('note' in j ? [j.note] : [])),
    ...transactions
      .filter((t) => !t.direct)
      .map((t) => `transaction ${t.hash} went through another contract: what it paid in was not compared`),
  ];
  const sum = (of: 'gas' | 'fee'): bigint => transactions.reduce((n, t) => n + t[of], 0n);
  return {
    ok: findings.length === 0,
    bounty: id,
    chainId: escrow.chain.id,
    escrow: escrow.address,
    status,
    terms,
    coins: facts.coins,
    continues: history.continues,
    continuedBy: history.continuedBy,
    package: opened?.facts ?? null,
    parties: partiesOf(terms, { roles, flows: money.flows, transactions, claims, waiting }),
    claims,
    events,
    transactions,
    gas: sum('gas'),
    fees: sum('fee'),
    flows: money.flows,
    balances: balancesOf(money.flows),
    withdrawals,
    findings,
    notes,
    made,
  };
}

/** Audits one bounty; `command` makes the audit again. Errors: it is not posted, its files are not those of its terms. */
export async function auditBounty(escrow: Escrow, id: Hex, replaying: Replaying, command = ''): Promise<Audit> {
  const posted = await findBounty(escrow, id);
  return auditFacts(escrow, await factsOf(escrow, posted, await makingOf(escrow, command)), replaying);
}

/** The same where a package that cannot be opened is a finding, and what the chain tells is told all the same. */
export async function auditOrFault(escrow: Escrow, facts: Facts, replaying: Replaying): Promise<Audit> {
  try {
    return await auditFacts(escrow, facts, replaying);
  } catch (e) {
    if (!(e instanceof InputError)) throw e;
    const audit = await auditFacts(escrow, facts, null);
    return { ...audit, ok: false, findings: [`the package ${replaying.folder} cannot be opened: ${e.message}`, ...audit.findings] };
  }
}
