import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { formatEther, zeroAddress } from 'viem';
import { delivers } from '../../verifier/delivery/terms.ts';
import { toHex, type Hex } from '../../verifier/input.ts';
import { bountyId, RULE, type Terms } from '../../verifier/statement.ts';
import { escrowOf, findBounty, listBounties, listClaims, type PostedBounty } from '../lib/bounties.ts';
import { recipeOf, recipeOptions, type RecipeOptions } from '../lib/bounty-options.ts';
import { loadCard } from '../lib/card-files.ts';
import { BOUNTY_STATUS, withChain } from '../lib/chain.ts';
import { action, example, table, type Report } from '../lib/command.ts';
import { delivered, deliveryOf, deliveryOptions, type DeliveryOptions } from '../lib/delivery/options.ts';
import { endWhatIsDue } from '../lib/endings.ts';
import { signingAccount } from '../lib/keys.ts';
import { loadOpenings } from '../lib/openings.ts';
import { readShape } from '../lib/model-folder.ts';
import { chainOptions, digestArgument, durationOption, etherOption, repeated, type ChainOptions } from '../lib/options.ts';
import { withEngine } from '../lib/engine.ts';
import { checkedVerifier } from '../lib/optimistic.ts';
import { checkRebuild, openPackage, readPosting } from '../lib/package.ts';
import { makePackage, makeTerms, post } from '../lib/post-bounty.ts';
import { earlierPosting } from '../lib/reposting.ts';
import { checkRule, DEFAULT_WINDOW, doubtsOf, judgesOf, ruleOptions, type RuleOptions } from '../lib/rule-options.ts';
import { nothingUnderWay, type Sent } from '../lib/sending.ts';

interface PostOptions extends ChainOptions, RecipeOptions, RuleOptions, DeliveryOptions {
  readonly model: string;
  readonly data: string;
  readonly opening?: readonly string[];
  readonly out: string;
  readonly reward: bigint;
  readonly claimWithin?: number;
}

const DAY = 86400;

function postCommand(): Command {
  const command = deliveryOptions(
    ruleOptions(recipeOptions(chainOptions(new Command('post').description('make a bounty’s package and post it with its reward')))),
  )
    .requiredOption('--model <folder>', 'folder of `model commit`')
    .requiredOption('--data <folder>', 'folder of `data commit`')
    .requiredOption('--out <folder>', 'folder for the package to publish')
    .requiredOption('--reward <ether>', 'reward in ether', etherOption)
    .option('--opening <file>', 'secret opening of a hidden card, for the calibration; may be repeated', repeated)
    .option('--claim-within <time>', 'claims are taken for this long (default: 30d)', durationOption);
  example(command, 'fineproof bounty post --model model/ --data data/ --steps 8 --rank 4 --reward 1 --attester 0x7099…79C8 --out bounty/');
  return action<PostOptions>(command, (_args, options) =>
    withChain(options.rpc, async (chain) => {
      const account = await signingAccount();
      const escrow = await escrowOf(chain, options.escrow);
      const delivery = await deliveryOf(options, escrow);
      await checkRule(options, escrow, delivery !== null);
      const held = join(options.data, 'held-out.card.json');
      const cards = await withEngine('wasm', async (engine) => ({
        model: loadCard(join(options.model, 'model.card.json'), engine),
        data: loadCard(join(options.data, 'data.card.json'), engine),
        heldOut: existsSync(held) ? loadCard(held, engine) : null,
      }));
      const recipe = { ...recipeOf(options, readShape(options.model).shape, cards.model.card, cards.data.card), ...delivered(delivery) };
      const recorded = options.rule !== 'attested';
      const report = (terms: Terms, sent: Sent | null): Report => {
        const id = bountyId(BigInt(chain.id), escrow.address, terms);
        return {
          json: {
            bounty: id,
            package: options.out,
            rule: options.rule,
            ...(recorded ? { verifierKey: terms.verifierKey } : {}),
            ...(terms.demandFee === 0n ? {} : { demandFee: terms.demandFee }),
            ...(delivery === null ? {} : { deliveryDepth: terms.deliveryDepth, fullState: terms.fullState }),
            already: sent === null,
            transaction: sent?.hash ?? null,
            gas: sent?.gas ?? null,
            maxBundle: terms.maxBundle,
          },
          text: table([
            ['bounty', id],
            ['package', `${options.out} (publish this folder)`],
            ['transaction', sent === null ? 'none: it is posted already' : `${sent.hash}, ${sent.gas} gas`],
          ]),
        };
      };
      const { digest: modelDigest } = cards.model;
      const { digest: dataDigest } = cards.data;
      const asked = { chainId: chain.id, escrow: escrow.address, poster: account.address, reward: options.reward, rule: options, delivery };
      const earlier = earlierPosting(options.out, { ...asked, recipe, modelDigest, dataDigest });
      if (earlier !== null) {
        await nothingUnderWay(chain, account);
        if ((await escrow.bounty(earlier.id)).status !== 0) return report(earlier.terms, null);
        // What can't be posted any more is made anew.
        if ((await chain.client.getBlock()).timestamp < earlier.terms.claimBy)
          return report(earlier.terms, await escrow.post(account, earlier.terms));
      }
      const openings = await loadOpenings(options.opening ?? [], { model: cards.model.card, data: cards.data.card });
      const parts = await makePackage({ folder: options.out, recipe, cards, openings, startSeed: toHex(randomBytes(32)), recorded });
      const money = { token: zeroAddress, reward: options.reward, bond: options.bond, attesterFee: options.attesterFee };
      const deadlines = { claimWithin: options.claimWithin ?? 30 * DAY, window: options.window ?? DEFAULT_WINDOW };
      const now = (await chain.client.getBlock()).timestamp;
      const doubts = doubtsOf(options, parts.maxBundle, delivery !== null);
      const terms = makeTerms(account.address, parts, money, judgesOf(options), deadlines, now, doubts, delivery);
      return report(terms, await post(escrow, account, options.out, terms));
    }),
  );
}

const time = (seconds: bigint): string => new Date(Number(seconds) * 1000).toISOString().replace('.000Z', 'Z');

const summary = (b: PostedBounty): Record<string, unknown> => ({
  bounty: b.id,
  status: b.status,
  poster: b.terms.poster,
  reward: b.terms.reward,
  token: b.terms.token,
  steps: b.terms.steps,
  claimBy: time(b.terms.claimBy),
});

/** A bounty for people; what this version's terms leave empty is left out. */
const described = ({ id, status, terms: t }: PostedBounty): Readonly<Record<string, string>> => ({
  bounty: id,
  status,
  poster: t.poster,
  reward: `${formatEther(t.reward)}${t.token === zeroAddress ? '' : ` of token ${t.token}`}`,
  bond: formatEther(t.bond),
  'attester fee': formatEther(t.attesterFee),
  rule: Object.keys(RULE)[t.rule] ?? String(t.rule),
  ...(t.signers.length === 0 ? {} : { attesters: `${t.threshold} of ${t.signers.join(' ')}` }),
  ...(t.demandFee === 0n ? {} : { demands: `${formatEther(t.demandFee)} each, ${t.answer} s to answer, ${t.react} s to react` }),
  ...(t.rule === RULE.attested ? {} : { 'verifier key': t.verifierKey }),
  ...(delivers(t)
    ? {
        delivery: `${t.fullState ? 'the whole state' : 'the adapter'}, at most ${2 ** t.deliveryDepth} rows, ${t.revealFor} s to reveal, ${t.complainFor} s to complain`,
        'delivery key': `${t.deliveryKey.x},${t.deliveryKey.y}`,
      }
    : {}),
  steps: `${t.steps}, ${t.stepsPerProof} in a proof`,
  model: t.modelDigest,
  data: t.dataDigest,
  recipe: t.recipeHash,
  start: t.startDigest,
  'claim by': time(t.claimBy),
  window: `${t.window} s`,
  bundle: `${t.maxBundle} bytes at most`,
});

function listCommand(): Command {
  const command = chainOptions(new Command('list').description('list the bounties of an escrow'));
  example(command, 'fineproof bounty list --rpc https://node --escrow 0x…');
  return action<ChainOptions>(command, (_args, options) =>
    withChain(options.rpc, async (chain) => {
      const bounties = (await listBounties(await escrowOf(chain, options.escrow))).map(summary);
      return {
        json: { bounties },
        text:
          bounties.length === 0
            ? 'no bounties'
            : table([
                ['bounty', 'status', 'steps', 'reward', 'claim by'],
                ...bounties.map((b) => [
                  String(b['bounty']),
                  String(b['status']),
                  Number(b['steps']),
                  `${formatEther(b['reward'] as bigint)}`,
                  String(b['claimBy']),
                ]),
              ]),
      };
    }),
  );
}

function showCommand(): Command {
  const command = chainOptions(
    new Command('show').description('show a bounty: terms, state, claims').argument('<bounty>', 'bounty id', digestArgument),
  );
  example(command, 'fineproof bounty show 0x5f…e1 --escrow 0x…');
  return action<ChainOptions>(command, ([id], options) =>
    withChain(options.rpc, async (chain) => {
      const escrow = await escrowOf(chain, options.escrow);
      const bounty = await findBounty(escrow, id as Hex);
      const claims = await listClaims(escrow, bounty.id);
      return {
        json: { ...summary(bounty), terms: bounty.terms, claims },
        text: [
          table(Object.entries(described(bounty))),
          ...claims.map(
            (c) =>
              `claim ${c.id}: ${c.status}${c.barred ? ', found invalid' : c.attested ? ', attested' : ''}${c.openDemands + c.openRowDemands === 0 ? '' : `, ${c.openDemands + c.openRowDemands} open demands`}, by ${c.claimant}, bundle ${c.body.bundleRoot}`,
          ),
        ].join('\n'),
      };
    }),
  );
}

function checkCommand(): Command {
  const command = chainOptions(
    new Command('check')
      .description('check a package before training: files against terms, program against recipe, terms against the chain')
      .argument('<package>', 'the folder that the poster published'),
  ).option('--offline', 'leave the chain out');
  example(command, 'fineproof bounty check bounty/');
  return action<ChainOptions & { readonly offline?: true }>(command, async ([folder], options) => {
    const { bounty, posting, verifier } = await withEngine('wasm', async (engine) => {
      const opened = await openPackage(folder as string, engine);
      return { ...opened, verifier: checkedVerifier(opened.bounty, engine) };
    });
    checkRebuild(folder as string, bounty);
    const checked = ['files are those of the terms', 'the program is the recipe’s', 'the first state is that of the terms'];
    if (delivers(bounty.terms)) checked.push('what the terms ask to be delivered, the program commits to, row for row');
    if (verifier !== null) checked.push('the verifier key is that of the verifier, recorded anew');
    let status: string | null = null;
    if (options.offline !== true) {
      status = await withChain(
        options.rpc,
        async (chain) => (await findBounty(await escrowOf(chain, options.escrow, posting), posting.id)).status,
      );
      checked.push(`the bounty is on chain ${posting.chainId}, ${status}`);
    }
    return {
      json: { ok: true, bounty: posting.id, status, checked },
      text: [`bounty ${posting.id}`, ...checked.map((c) => `  ok: ${c}`)].join('\n'),
    };
  });
}

function refundCommand(): Command {
  const command = chainOptions(
    new Command('refund')
      .description('end claims that got no verdict in time, then give the reward back to the poster')
      .argument('<bounty>', 'bounty id, or a package', String),
  );
  example(command, 'fineproof bounty refund 0x5f…e1 --escrow 0x…');
  return action<ChainOptions>(command, ([given], options) =>
    withChain(options.rpc, async (chain) => {
      const named = existsSync(given as string) ? readPosting(given as string) : undefined;
      const escrow = await escrowOf(chain, options.escrow, named);
      const bounty = await findBounty(escrow, named?.id ?? digestArgument(given as string));
      const account = await signingAccount();
      await nothingUnderWay(chain, account);
      const { lapsed } = await endWhatIsDue(escrow, account, bounty);
      const already = BOUNTY_STATUS[(await escrow.bounty(bounty.id)).status] === 'refunded';
      const sent = already ? null : await escrow.refund(account, bounty.terms);
      return {
        json: { bounty: bounty.id, lapsed, already, transaction: sent?.hash ?? null, gas: sent?.gas ?? null },
        text: `${already ? 'already refunded' : 'refunded'}: ${formatEther(bounty.terms.reward)} credited to ${bounty.terms.poster}; fetch it with \`fineproof withdraw\``,
      };
    }),
  );
}

/** `fineproof bounty post|list|show|check|refund` */
export function bountyCommand(): Command {
  const command = new Command('bounty').description('bounties');
  for (const make of [postCommand, listCommand, showCommand, checkCommand, refundCommand]) command.addCommand(make());
  return command;
}
