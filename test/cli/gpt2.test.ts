/** A tiny GPT-2 as the hub ships it, from its folder to a verified bundle and an exported adapter. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { zeroAddress } from 'viem';
import { makeDataCards } from '../../prover/cards/data.ts';
import { makeModelCard } from '../../prover/cards/model.ts';
import { byteTokenizer } from '../../prover/cards/tokens.ts';
import { encodeSafetensors, openSafetensors } from '../../prover/model/safetensors.ts';
import { exportAdapter } from '../../prover/run/adapter.ts';
import { finalState } from '../../prover/run/training.ts';
import { recipeOf } from '../../scripts/lib/bounty-options.ts';
import { loadCard, saveCard } from '../../scripts/lib/card-files.ts';
import { importModelFolder } from '../../scripts/lib/model-folder.ts';
import { checkRebuild, openPackage, readRecipe, writePosting } from '../../scripts/lib/package.ts';
import { makePackage, makeTerms } from '../../scripts/lib/post-bounty.ts';
import { openRun } from '../../scripts/lib/run-folder.ts';
import { trainAndProve } from '../../scripts/lib/train.ts';
import { verifyClaim } from '../../verifier/bounty.ts';
import { plain } from '../../verifier/engine.ts';
import { COMPACT, type Gpt2Shape } from '../../verifier/models/recipe.ts';
import { modelTensors } from '../../verifier/models/tensors.ts';
import { generator } from '../fixtures/llama.ts';

const SEED = `0x${'5a'.repeat(32)}` as const;
const ME = '0x70997970C51812dc3A010C7d01b50e0d17dc79C8';
const shape: Gpt2Shape = {
  family: 'gpt2',
  vocab: 256,
  width: 12,
  layers: 2,
  heads: 3,
  headWidth: 4,
  ffn: 48,
  positions: 16,
  normEps: 1e-5,
};
const config = { model_type: 'gpt2', vocab_size: 256, n_positions: 16, n_embd: 12, n_layer: 2, n_head: 3, activation_function: 'gelu_new' };
const folder = mkdtempSync(join(tmpdir(), 'fineproof-gpt2-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const path = (name: string): string => join(folder, name);

/** config.json and model.safetensors with the hub's names, which lack the prefix of the language-model class. */
function writeModel(): void {
  mkdirSync(path('model'));
  const random = generator(7);
  const tensors = modelTensors(shape, COMPACT).flatMap((t) =>
    t.sources.map((name) => ({
      name: name.replace(/^transformer\./, ''),
      shape: t.fileShape,
      values: Array.from({ length: t.fileShape.reduce((n, s) => n * s, 1) }, () =>
        /ln_\w\.weight$/.test(name) ? 0.8 + 0.4 * random() : (2 * random() - 1) * 0.4,
      ),
    })),
  );
  writeFileSync(path('model/config.json'), JSON.stringify(config));
  writeFileSync(path('model/model.safetensors'), encodeSafetensors(tensors, 'BF16'));
}

test('a GPT-2 from the hub’s files is posted, checked, trained, proven, verified and exported', async () => {
  writeModel();
  const imported = importModelFolder(path('model'), COMPACT);
  assert.deepEqual(imported.shape, shape);
  await saveCard(path('cards/model.card.json'), makeModelCard('tiny gpt2', imported.tensors), { columns: 8 });
  const bytes = new TextEncoder().encode('We hold these truths to be self-evident, that all men are created equal.');
  const made = makeDataCards(bytes, 'text', byteTokenizer, { name: 'text', batch: 1, sequence: 8, batches: 2, shuffleSeed: SEED });
  await saveCard(path('cards/data.card.json'), made.training, { columns: 8 });
  const [model, data] = ['model', 'data'].map((name) => loadCard(path(`cards/${name}.card.json`)));
  const options = {
    steps: 2,
    stepsPerProof: 1,
    rank: 2,
    firstLayer: 0,
    optimizer: 'adamw',
    learningRate: 0.01,
    weightDecay: 0.01,
    warmup: 0,
    decay: 'constant',
    precision: 'compact',
  } as const;
  const recipe = recipeOf(options, imported.shape, model.card, data.card);
  assert.deepEqual(recipe.lora.targets, ['attn.q', 'attn.v']);
  assert.throws(
    () => recipeOf({ ...options, targets: 'q_proj' }, imported.shape, model.card, data.card),
    /no linear layer q_proj.*choose among attn.q/,
  );

  const pack = path('package');
  const parts = await makePackage({ folder: pack, recipe, cards: { model, data, heldOut: null }, openings: new Map(), startSeed: SEED });
  const money = { token: zeroAddress, reward: 1n, bond: 0n, attesterFee: 0n };
  const terms = makeTerms(ME, parts, money, { signers: [ME], threshold: 1 }, { claimWithin: 3600, window: 60 }, 0n);
  writePosting(pack, { chainId: 31337, escrow: ME, terms });
  const { bounty } = await openPackage(pack, plain);
  checkRebuild(pack, bounty);

  const { claim, bundle } = await trainAndProve({
    bounty,
    claimant: ME,
    folder: path('run'),
    openings: new Map(),
    encrypt: false,
    backend: 'wasm',
  });
  const words = { adapterRoot: claim.adapterRoot, announced: [], lastProof: claim.lastProof };
  assert.equal((await verifyClaim(bounty, ME, words, readFileSync(bundle))).proofs, 2);

  const storage = await openRun(path('run'), bounty.id, ME, false);
  const files = exportAdapter(bounty.program, readRecipe(pack), await finalState(bounty.program, storage), 'gpt2');
  const adapter = openSafetensors(files.weights, 'adapter_model.safetensors');
  assert.deepEqual(adapter.read('base_model.model.transformer.h.1.attn.c_attn.lora_B.weight').shape, [36, 4]);
});
