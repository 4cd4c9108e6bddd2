/**
 * The demonstration: a chain in a process of its own, a bounty with escrow, a proven fine-tune of the example model, verification by
 * the service, payment, audit. Everything goes through the libraries that the commands use.
 */
import { existsSync, mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { parseEther, zeroAddress, type Address } from 'viem';
import { makeDataCards } from '../../../prover/cards/data.ts';
import { makeModelCard } from '../../../prover/cards/model.ts';
import { byteTokenizer } from '../../../prover/cards/tokens.ts';
import { claimId } from '../../../verifier/statement.ts';
import type { Content } from '../../../verifier/cards.ts';
import { InputError, type Hex } from '../../../verifier/input.ts';
import { attestPending } from '../attester.ts';
import { auditBounty } from '../audit/audit.ts';
import type { Audit } from '../audit/types.ts';
import { recipeOf, PRECISIONS } from '../bounty-options.ts';
import { bundleSize, bundleSource, publishBundle } from '../bundles.ts';
import { loadCard, savePublicCard } from '../card-files.ts';
import { connect, deploy, openEscrow, publishCard, type Chain, type Escrow, type Sent } from '../chain.ts';
import { readBounded, writeAtomic } from '../files.ts';
import { localAccount, recordChain, startLocalChain, type LocalChain } from '../local-chain.ts';
import { importModelFolder } from '../model-folder.ts';
import { withEngine } from '../engine.ts';
import { checkRebuild, openPackage, readHeldOut, readRecipe } from '../package.ts';
import { makePackage, makeTerms, post } from '../post-bounty.ts';
import { bodyOf, writeClaim } from '../run-folder.ts';
import { folderStore } from '../stores/folder.ts';
import { trainAndProve, type Trained } from '../train.ts';
import type { Comparison, ComparisonInput } from './comparison-worker.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');

export interface DemoOptions {
  /** Folder for everything that the demo makes; a new one under the system's temporary folder when missing. */
  readonly out?: string;
  readonly steps: number;
  readonly stepsPerProof: number;
  /** Leave the chain's node running. */
  readonly keep: boolean;
  readonly onProgress: (what: string, part: number) => void;
}

export interface Transaction {
  readonly action: string;
  readonly hash: Hex;
  readonly gas: bigint;
}

export interface Balances {
  readonly poster: bigint;
  readonly contributor: bigint;
  readonly attester: bigint;
  readonly escrow: bigint;
}

export interface DemoResult {
  readonly folder: string;
  readonly rpc: string;
  readonly keptPid: number | null;
  readonly bounty: Hex;
  readonly claim: Hex;
  readonly paid: boolean;
  readonly steps: number;
  readonly stepsPerProof: number;
  readonly tokens: number;
  readonly parameters: number;
  readonly adapterParameters: number;
  readonly losses: Comparison;
  readonly run: Trained;
  readonly verifySeconds: number;
  readonly transactions: readonly Transaction[];
  readonly before: Balances;
  readonly after: Balances;
  readonly audit: Audit;
  readonly seconds: number;
}

const BATCH = 4;
const SEQUENCE = 32;
const RANK = 4;
const SEED: Hex = `0x${'f1'.repeat(32)}`;
const REWARD = parseEther('1');
const BOND = parseEther('0.1');
const FEE = parseEther('0.01');
const DAY = 86400;

const [deployer, poster, contributor, attester] = [0, 1, 2, 3].map(localAccount) as [
  ReturnType<typeof localAccount>,
  ReturnType<typeof localAccount>,
  ReturnType<typeof localAccount>,
  ReturnType<typeof localAccount>,
];

async function balancesOf(chain: Chain, escrow: Address): Promise<Balances> {
  const of = (address: Address): Promise<bigint> => chain.client.getBalance({ address });
  const [p, c, a, e] = await Promise.all([poster.address, contributor.address, attester.address, escrow].map(of));
  return { poster: p as bigint, contributor: c as bigint, attester: a as bigint, escrow: e as bigint };
}

function compare(input: ComparisonInput): Promise<Comparison> {
  const worker = new Worker(new URL('./comparison-worker.ts', import.meta.url), { workerData: input });
  return new Promise((done, fail) => {
    worker.once('message', done);
    worker.once('error', fail);
  });
}

/** Makes the cards of the example model and text, and the package of a bounty on them. */
function preparePackage(folder: string, options: DemoOptions) {
  const { config, tensors } = importModelFolder(join(root, 'examples', 'base'), PRECISIONS.compact);
  const text = join(root, 'examples', 'data', 'us-constitution.txt');
  const cards = join(folder, 'cards');
  savePublicCard(join(cards, 'model.card.json'), makeModelCard('example base', tensors));
  writeAtomic(join(cards, 'config.json'), readBounded(config, 1 << 20));
  const data = makeDataCards(readBounded(text, 1 << 26), text, byteTokenizer, {
    name: 'us-constitution',
    batch: BATCH,
    sequence: SEQUENCE,
    batches: options.steps,
    shuffleSeed: SEED,
  });
  savePublicCard(join(cards, 'data.card.json'), data.training);
  savePublicCard(join(cards, 'held-out.card.json'), data.heldOut);
  return tensors.reduce((n, t) => n + t.values.length, 0);
}

/** Runs the whole life of a bounty. The chain ends with it unless `keep`. */
export async function runDemo(options: DemoOptions): Promise<DemoResult> {
  const begin = performance.now();
  const folder = options.out === undefined ? mkdtempSync(join(tmpdir(), 'fineproof-demo-')) : resolve(options.out);
  if (existsSync(join(folder, 'bounty'))) throw new InputError('--out', '', `${folder} holds an earlier demo`, 'give an empty folder');
  mkdirSync(folder, { recursive: true });
  options.onProgress('starting a chain', 0);
  const local = await startLocalChain();
  try {
    const result = await live(options, folder, local, begin);
    if (options.keep) local.detach();
    return result;
  } finally {
    if (!options.keep) local.stop();
  }
}

async function live(options: DemoOptions, folder: string, local: LocalChain, begin: number): Promise<DemoResult> {
  const chain = await connect(local.rpc);
  const transactions: Transaction[] = [];
  const record = (action: string, sent: Sent): void => void transactions.push({ action, hash: sent.hash, gas: sent.gas });

  const contracts = await deploy(chain, deployer, { window: BigInt(DAY), reaction: BigInt(DAY / 2) });
  for (const sent of contracts.sent) record(`deploy ${sent.contract}`, sent);
  const escrow: Escrow = await openEscrow(chain, contracts.escrow);
  const before = await balancesOf(chain, escrow.address);

  options.onProgress('committing to model and data', 0.02);
  const parameters = preparePackage(folder, options);
  const cardPath = (name: string): string => join(folder, 'cards', `${name}.card.json`);
  const cards = { model: loadCard(cardPath('model')), data: loadCard(cardPath('data')), heldOut: loadCard(cardPath('held-out')) };
  record('publish model', await publishCard(chain, poster, contracts.registry, 'model', cards.model.digest, ''));
  record('publish data', await publishCard(chain, poster, contracts.registry, 'data', cards.data.digest, ''));

  options.onProgress('calibrating and posting', 0.04);
  const { shape } = importModelFolder(join(root, 'examples', 'base'), PRECISIONS.compact);
  const recipe = recipeOf(
    {
      stepsPerProof: options.stepsPerProof,
      rank: RANK,
      targets: 'q_proj,v_proj',
      firstLayer: 0,
      optimizer: 'adamw',
      learningRate: 0.007,
      weightDecay: 0.01,
      warmup: 0,
      decay: 'constant',
      precision: 'compact',
    },
    shape,
    cards.model.card,
    cards.data.card,
  );
  const packageFolder = join(folder, 'bounty');
  const parts = await makePackage({ folder: packageFolder, recipe, cards, openings: new Map(), startSeed: SEED });
  const now = (await chain.client.getBlock()).timestamp;
  const money = { token: zeroAddress, reward: REWARD, bond: BOND, attesterFee: FEE };
  const terms = makeTerms(
    poster.address,
    parts,
    money,
    { signers: [attester.address], threshold: 1 },
    { claimWithin: 7 * DAY, window: DAY },
    now,
  );
  record('post', await post(escrow, poster, packageFolder, terms, { registry: contracts.registry }));

  options.onProgress('checking the bounty', 0.06);
  const { bounty } = await withEngine('wasm', (engine) => openPackage(packageFolder, engine));
  checkRebuild(packageFolder, bounty);
  let comparison: Promise<Comparison> | null = null;
  const run = await trainAndProve({
    bounty,
    claimant: contributor.address,
    folder: join(folder, 'run'),
    openings: new Map(),
    encrypt: false,
    backend: 'wasm',
    onProgress: ({ part, what }) => options.onProgress(what, 0.08 + 0.8 * part),
    onTrained: (states) => {
      const heldOut = readHeldOut(packageFolder);
      comparison = compare({
        recipe: readRecipe(packageFolder),
        constants: bounty.program.constants,
        model: bounty.content.model as Content,
        data: bounty.content.data as Content,
        heldOut: heldOut?.content as Content,
        states,
      });
    },
  });
  const losses = await (comparison as Promise<Comparison> | null);
  if (losses === null) throw new Error('the comparison did not run');

  options.onProgress('claiming', 0.9);
  const stores = [folderStore(join(folder, 'store'))];
  const source = bundleSource(stores, () => []);
  const bundle = readBounded(run.bundle, Number(terms.maxBundle));
  await publishBundle(stores, bundle);
  writeAtomic(join(folder, 'bundle.bin'), bundle);
  writeClaim(folder, run.claim);
  const body = bodyOf(run.claim);
  const claim = claimId(bounty.id, contributor.address, body);
  record('claim', await escrow.claim(contributor, terms, body));

  options.onProgress('the verifier service verifies', 0.91);
  const [verdict] = await withEngine('wasm', (engine) =>
    attestPending({
      escrow,
      bounty,
      signer: attester,
      sender: attester,
      source,
      size: bundleSize(bounty),
      records: join(folder, 'verdicts'),
      engine,
    }),
  );
  if (verdict?.sent == null) throw new Error(`the verifier service gave no verdict: ${verdict?.reason ?? 'it saw no claim'}`);
  record('attest', verdict.sent);
  if (verdict.valid !== true) throw new Error(`the verifier service refused the claim: ${verdict.reason}`);
  record('accept', await escrow.accept(contributor, terms, claim));
  record('withdraw (contributor)', await escrow.withdraw(contributor, zeroAddress, contributor.address));
  record('collect', await escrow.collect(attester, terms, claim));
  record('withdraw (attester)', await escrow.withdraw(attester, zeroAddress, attester.address));
  const after = await balancesOf(chain, escrow.address);

  options.onProgress('the auditor replays', 0.95);
  const audit = await withEngine('wasm', (engine) => auditBounty(escrow, bounty.id, { folder: packageFolder, source, engine }));
  await recordChain(local.rpc, join(folder, 'chain.json'));
  const adapterParameters = Object.entries(bounty.start.content).reduce((n, [name, v]) => n + (/\.[AB]$/.test(name) ? v.length : 0), 0);
  return {
    folder,
    rpc: local.rpc,
    keptPid: options.keep ? local.pid : null,
    bounty: bounty.id,
    claim,
    paid: audit.status === 'paid' && after.escrow === 0n,
    steps: terms.steps,
    stepsPerProof: terms.stepsPerProof,
    tokens: BATCH * SEQUENCE,
    parameters,
    adapterParameters,
    losses,
    run,
    verifySeconds: verdict.seconds,
    transactions,
    before,
    after,
    audit,
    seconds: (performance.now() - begin) / 1000,
  };
}
