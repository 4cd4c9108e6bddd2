import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Command, Option } from 'commander';
import { zeroAddress, type Address } from 'viem';
import { delivers } from '../../verifier/delivery/terms.ts';
import { InputError, toHex, type Hex } from '../../verifier/input.ts';
import { bountyId, type Terms } from '../../verifier/statement.ts';
import { escrowOf, findBounty, listBounties, listClaims } from '../lib/bounties.ts';
import { described, standingOf, summary } from '../lib/bounty-text.ts';
import { recipeOf, recipeOptions, type RecipeOptions } from '../lib/bounty-options.ts';
import { loadCard } from '../lib/card-files.ts';
import { cautionsOf } from '../lib/cautions.ts';
import { BOUNTY_STATUS, withChain } from '../lib/chain.ts';
import { amountOf, fetchWith, readCoin, readCoins, unitsOf, type Coin } from '../lib/coins.ts';
import { action, example, table, type Report } from '../lib/command.ts';
import { delivered, deliveryOf, deliveryOptions, type DeliveryOptions } from '../lib/delivery/options.ts';
import { endWhatIsDue } from '../lib/endings.ts';
import { signingAccount } from '../lib/keys.ts';
import { loadOpenings } from '../lib/openings.ts';
import { checkPrevious, continuedOf, milestoneOptions, stepsDone, type MilestoneOptions } from '../lib/milestone.ts';
import { readShape } from '../lib/model-folder.ts';
import { addressOption, amountOption, chainOptions, digestArgument, durationOption, repeated, type ChainOptions } from '../lib/options.ts';
import { withEngine } from '../lib/engine.ts';
import { checkedVerifier } from '../lib/optimistic.ts';
import { checkRebuild, openPackage, readPosting } from '../lib/package.ts';
import { makePackage, makeTerms, post } from '../lib/post-bounty.ts';
import { earlierPosting } from '../lib/reposting.ts';
import { checkReservations, checkRule, DEFAULT_WINDOW, doubtsOf, judgesOf, ruleOptions, type RuleOptions } from '../lib/rule-options.ts';
import { nothingUnderWay } from '../lib/sending.ts';
import { checkFunds, postPaying, rewardCoin, type Posted } from '../lib/token-reward.ts';

interface PostOptions extends ChainOptions, RecipeOptions, RuleOptions, DeliveryOptions, MilestoneOptions {
  readonly model: string;
  readonly data: string;
  readonly opening?: readonly string[];
  readonly out: string;
  readonly reward: string;
  readonly token: Address;
  readonly claimWithin?: number;
  readonly reserveFor?: number;
}

const DAY = 86400;

/** How the escrow could take the reward, for people. */
const ALLOWED = {
  native: '',
  allowance: ', taken from an earlier allowance',
  permit: ', taken by a signed permit (ERC-2612)',
  approval: ', taken from an approval of that amount',
} as const;

function postCommand(): Command {
  const described = new Command('post').description('make a bounty’s package and post it with its reward');
  const command = milestoneOptions(deliveryOptions(ruleOptions(recipeOptions(chainOptions(described)))))
    .requiredOption('--model <folder>', 'folder of `model commit`')
    .requiredOption('--data <folder>', 'folder of `data commit`')
    .requiredOption('--out <folder>', 'folder for the package to publish')
    .requiredOption('--reward <amount>', 'reward, in ether or in the token of --token', amountOption)
    .option('--token <address>', 'ERC-20 of the reward (default: the chain’s native coin)', addressOption, zeroAddress)
    .option('--opening <file>', 'secret opening of a hidden card, for the calibration; may be repeated', repeated)
    .option('--claim-within <time>', 'claims are taken for this long (default: 30d)', durationOption)
    .option(
      '--reserve-for <time>',
      'whoever puts the bond down keeps others from claiming for this long (default: nobody can)',
      durationOption,
    );
  example(command, 'fineproof bounty post --model model/ --data data/ --steps 8 --rank 4 --reward 1 --attester 0x7099…79C8 --out bounty/');
  return action<PostOptions>(command, (_args, options) =>
    withChain(options.rpc, async (chain) => {
      const account = await signingAccount();
      const escrow = await escrowOf(chain, options.escrow);
      const delivery = await deliveryOf(options, escrow);
      await checkRule(options, escrow, delivery !== null);
      const claimWithin = options.claimWithin ?? 30 * DAY;
      checkReservations(options.reserveFor, claimWithin, options.bond);
      const judges = judgesOf(options);
      const coin = await rewardCoin(chain, options.token);
      const reward = unitsOf(options.reward, coin, '--reward');
      const continued = await withEngine('wasm', (engine) => continuedOf(options, escrow, engine));
      const held = join(options.data, 'held-out.card.json');
      const cards = await withEngine('wasm', async (engine) => ({
        model: loadCard(join(options.model, 'model.card.json'), engine),
        data: loadCard(join(options.data, 'data.card.json'), engine),
        heldOut: existsSync(held) ? loadCard(held, engine) : null,
      }));
      if (continued !== null && continued.claim.terms.modelDigest !== cards.model.digest)
        throw new InputError('--model', '', 'is not the model of the claim’s bounty', 'a milestone goes on with the same model card');
      const recipe = { ...recipeOf(options, readShape(options.model).shape, cards.model.card, cards.data.card), ...delivered(delivery) };
      const recorded = options.rule !== 'attested';
      const report = (terms: Terms, sent: Posted | null): Report => {
        const id = bountyId(BigInt(chain.id), escrow.address, terms);
        const approvals = sent?.allowed.sent ?? [];
        return {
          json: {
            bounty: id,
            package: options.out,
            rule: options.rule,
            reward,
            token: options.token,
            symbol: coin.symbol,
            decimals: coin.decimals,
            allowed: sent?.allowed.how ?? null,
            approvals: approvals.map(({ hash, gas }) => ({ transaction: hash, gas })),
            ...(recorded ? { verifierKey: terms.verifierKey } : {}),
            ...(terms.demandFee === 0n ? {} : { demandFee: terms.demandFee }),
            ...(delivery === null ? {} : { deliveryDepth: terms.deliveryDepth, fullState: terms.fullState }),
            ...(options.after === undefined ? {} : { continues: options.after }),
            already: sent === null,
            transaction: sent?.hash ?? null,
            gas: sent?.gas ?? null,
            maxBundle: terms.maxBundle,
          },
          text: table([
            ['bounty', id],
            ['package', `${options.out} (publish this folder)`],
            ...(options.after === undefined ? [] : [['continues', `${options.after}, whose final state the package publishes`]]),
            ['reward', `${amountOf(reward, coin)}${sent === null ? '' : ALLOWED[sent.allowed.how]}`],
            ...approvals.map(({ hash, gas }) => ['approval', `${hash}, ${gas} gas`]),
            ['transaction', sent === null ? 'none: it is posted already' : `${sent.hash}, ${sent.gas} gas`],
          ]),
        };
      };
      const { digest: modelDigest } = cards.model;
      const { digest: dataDigest } = cards.data;
      const asked = {
        chainId: chain.id,
        escrow: escrow.address,
        poster: account.address,
        reward,
        token: options.token,
        rule: options,
        delivery,
      };
      const done = continued === null ? {} : { done: stepsDone(continued) };
      const { reserveFor } = options;
      const earlier = earlierPosting(options.out, { ...asked, reserveFor, recipe: { ...recipe, ...done }, modelDigest, dataDigest });
      if (earlier !== null) {
        await nothingUnderWay(chain, account);
        if ((await escrow.bounty(earlier.id)).status !== 0) return report(earlier.terms, null);
        // What can't be posted any more is made anew.
        if ((await chain.client.getBlock()).timestamp < earlier.terms.claimBy)
          return report(earlier.terms, await postPaying(escrow, account, earlier.terms, continued?.claim));
      }
      await checkFunds(chain, account.address, coin, reward, options.attesterFee * BigInt(judges.threshold));
      const openings = await loadOpenings(options.opening ?? [], { model: cards.model.card, data: cards.data.card });
      const startSeed = toHex(randomBytes(32));
      const start = continued === null ? {} : { continued };
      const parts = await makePackage({ folder: options.out, recipe, cards, openings, startSeed, recorded, ...start });
      const money = { token: options.token, reward, bond: options.bond, attesterFee: options.attesterFee };
      const deadlines = { claimWithin, window: options.window ?? DEFAULT_WINDOW, reserveFor: reserveFor ?? 0 };
      const now = (await chain.client.getBlock()).timestamp;
      const doubts = doubtsOf(options, parts.maxBundle, delivery !== null);
      const terms = makeTerms(account.address, parts, money, judges, deadlines, now, doubts, delivery);
      return report(terms, await post(escrow, account, options.out, terms, continued === null ? {} : { previous: continued.claim }));
    }),
  );
}

function listCommand(): Command {
  const command = chainOptions(new Command('list').description('list the bounties of an escrow'));
  example(command, 'fineproof bounty list --rpc https://node --escrow 0x…');
  return action<ChainOptions>(command, (_args, options) =>
    withChain(options.rpc, async (chain) => {
      const posted = await listBounties(await escrowOf(chain, options.escrow));
      const read = await readCoins(
        chain,
        posted.map((b) => b.terms.token),
      );
      const coins = new Map(read.map((coin) => [coin.token, coin]));
      const bounties = posted.map((b) => summary(b, coins.get(b.terms.token) as Coin));
      return {
        json: { bounties },
        text:
          bounties.length === 0
            ? 'no bounties'
            : table([
                ['bounty', 'status', 'steps', 'reward', 'claim by'],
                ...bounties.map((b) => [b.bounty, b.status, b.steps, amountOf(b.reward, coins.get(b.token) as Coin), b.claimBy]),
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
      const coin = await readCoin(chain, bounty.terms.token);
      const standing = await standingOf(escrow, bounty.id);
      return {
        json: { ...summary(bounty, coin), ...standing, terms: bounty.terms, claims },
        text: [
          table(Object.entries(described(bounty, coin, standing))),
          ...claims.map(
            (c) =>
              `claim ${c.id}: ${c.status}${c.barred ? ', found invalid' : c.attested ? ', attested' : ''}${c.openDemands + c.openRowDemands === 0 ? '' : `, ${c.openDemands + c.openRowDemands} open demands`}, by ${c.claimant}, bundle ${c.body.bundleRoot}`,
          ),
        ].join('\n'),
      };
    }),
  );
}

interface CheckOptions extends ChainOptions {
  readonly offline?: true;
  readonly previous?: string;
}

function checkCommand(): Command {
  const command = chainOptions(
    new Command('check')
      .description('check a package before training: files against terms, program against recipe, terms against the chain')
      .argument('<package>', 'the folder that the poster published'),
  )
    .option('--previous <folder>', 'of a milestone: the package of the bounty that it continues; compares what their states mean')
    .addOption(new Option('--offline', 'leave the chain out').conflicts('previous'));
  example(command, 'fineproof bounty check bounty/');
  return action<CheckOptions>(command, async ([folder], options) => {
    const { previous } = options;
    const { bounty, posting, verifier } = await withEngine('wasm', async (engine) => {
      const opened = await openPackage(folder as string, engine);
      return { ...opened, verifier: checkedVerifier(opened.bounty, engine) };
    });
    checkRebuild(folder as string, bounty);
    const checked = ['files are those of the terms', 'the program is the recipe’s', 'the first state is that of the terms'];
    if (delivers(bounty.terms)) checked.push('what the terms ask to be delivered, the program commits to, row for row');
    if (verifier !== null) checked.push('the verifier key is that of the verifier, recorded anew');
    const cautions: string[] = [];
    let status: string | null = null;
    if (options.offline !== true) {
      const { found, coin, continues, ...rest } = await withChain(options.rpc, async (chain) => {
        const escrow = await escrowOf(chain, options.escrow, posting);
        const { client } = chain;
        return {
          found: await findBounty(escrow, posting.id),
          coin: await readCoin(chain, bounty.terms.token),
          ...(await standingOf(escrow, posting.id)),
          gasPrice: await client.getGasPrice(),
          now: (await client.getBlock()).timestamp,
          claims: await listClaims(escrow, posting.id),
        };
      });
      if (found.status === 'open') cautions.push(...cautionsOf(bounty.terms, rest));
      status = found.status;
      if (previous !== undefined) {
        await withEngine('wasm', (engine) => checkPrevious(bounty, folder as string, previous, continues?.bounty ?? null, engine));
        checked.push('the state means what it meant to the bounty that this one continues, and steps are counted on');
      }
      if (continues !== null) checked.push(`the first state is the final one of the paid claim ${continues.claim}`);
      checked.push(`the bounty is on chain ${posting.chainId}, ${status}, with a reward of ${amountOf(bounty.terms.reward, coin)}`);
    }
    const { reward, token } = bounty.terms;
    return {
      json: { ok: true, bounty: posting.id, status, reward, token, checked, cautions },
      text: [`bounty ${posting.id}`, ...checked.map((c) => `  ok: ${c}`), ...cautions.map((c) => `  but: ${c}`)].join('\n'),
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
      const { reward, token, poster } = bounty.terms;
      const coin = await readCoin(chain, token);
      return {
        json: { bounty: bounty.id, lapsed, already, transaction: sent?.hash ?? null, gas: sent?.gas ?? null },
        text: `${already ? 'already ' : ''}refunded: ${amountOf(reward, coin)} credited to ${poster}; fetch it with ${fetchWith(token)}`,
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
