// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Body, Terms} from "../Types.sol";
import {IDelivery} from "./IDelivery.sol";
import {IFraudProof} from "./IFraudProof.sol";

/// @title Escrow of fine-tuning bounties
/// @notice A poster funds a bounty, contributors claim it with a proven training run, and the first claim in the queue is
/// paid that attesters found valid, or that nobody could show to be false in its window. No owner, no pause, no upgrade, no
/// fee of its own.
///
/// Whoever calls hands in the terms again (and a claim's body, where its content matters); the identities are their hashes,
/// so nothing else can stand behind them. A call that names no caller is open to anybody.
/// Times: an action is allowed while `now < t`, its counter-action from `now >= t` on.
///
/// Money: the reward is the native coin or an ERC-20; bonds and fees are native. Payments are credits, and only `withdraw`
/// sends anything, so a payee that cannot receive hurts nobody else.
///
/// Tokens: the balance must change by exactly the amount sent. Tokens that take a fee of a transfer are refused when the
/// bounty is posted. Rebasing tokens are unsupported: one that shrinks balances leaves the last payees short.
///
/// What can stop liveness: a token that pauses or blocks the escrow (its reward, nothing else); a chain that halts.
/// Attesters who stay silent cost time: claims lapse and get their bonds back, or wait for their window, as the rule says.
///
/// What a party must do in time, or lose: a claimant answer demands within `Terms.answer` and reveal within
/// `Terms.revealFor`; a poster disclose before `Terms.discloseBy` and complain within `Terms.complainFor`; whoever doubts
/// an unattested claim show its fault before it is paid.
interface IBountyEscrow {
    /// @notice State of a bounty.
    enum BountyStatus {
        None,
        Open,
        Paid,
        Refunded
    }

    /// @notice State of a claim; live: Pending, Accepted or Revealed, and the bounty open. Superseded: pending when another
    /// claim was paid; Released: then the bond went back.
    enum ClaimStatus {
        None,
        Pending,
        Accepted,
        Revealed,
        Paid,
        Rejected,
        Superseded,
        Released
    }

    /// @notice State of a demand. Reclaimed: the claim ended without an answer, and the fee went back.
    enum DemandStatus {
        None,
        Open,
        Answered,
        Defaulted,
        Reclaimed
    }

    /// @notice A bounty's state in the words of ERC-8183. Open: not posted here. Funded: open, without a live claim.
    /// Submitted: open, with a live claim. Completed: paid. Expired: refunded. Rejected does not occur.
    enum JobStatus {
        Open,
        Funded,
        Submitted,
        Completed,
        Rejected,
        Expired
    }

    /// @notice Why a claim was rejected.
    enum Reason {
        InvalidVerdict,
        Lapsed,
        Challenged,
        Defaulted,
        Unrevealed,
        WrongDelivery
    }

    /// @notice A bounty's record. `first` and `last` are the ends of the queue of live claims, or 0. A reservation that was
    /// neither used nor replaced stays until the next call that would meet it.
    struct Bounty {
        BountyStatus status;
        address reservedBy;
        uint40 reservedUntil;
        uint32 entrants;
        bool disclosed;
        bytes32 first;
        bytes32 last;
    }

    /// @notice A claim's record. Its first words are all that most claims ever use, packed for their sake.
    struct Claim {
        bytes32 bountyId;
        bytes32 previous;
        bytes32 next;
        address claimant;
        ClaimStatus status;
        /// @dev When the turn passes to the counter-action: acceptFrom while pending, revealBy once accepted, complainBy once
        /// revealed.
        uint40 deadline;
        /// @dev Until when demands are taken: of bundle and trace while pending; of encrypted rows once revealed (before,
        /// always), which is the first complainBy.
        uint40 demandsBy;
        /// @dev Bit i is set if `Terms.signers[i]` signed the valid verdict.
        uint16 attesters;
        /// @dev Attesters found it invalid under Both: only its window can make it payable.
        bool barred;
        /// @dev Unanswered demands: of bundle and trace, which stop `accept`; of encrypted rows, which stop `settle`.
        uint32 openDemands;
        uint32 openRowDemands;
        /// @dev The attesters' fees of a paid claim have been credited.
        bool collected;
    }

    /// @notice A contributor's entry in a bounty that judges by hidden inputs.
    struct Entry {
        bytes32 adapterRoot;
        /// @dev Until it is used by a claim or released.
        bool holdsBond;
    }

    /// @notice A demand's record.
    struct Demand {
        address demander;
        uint40 answerBy;
        DemandStatus status;
    }

    /// @notice A node of one of a claim's trees; level 0 are the leaves.
    struct Node {
        IFraudProof.Tree tree;
        uint8 level;
        uint64 index;
    }

    /// @notice An ERC-2612 approval of the reward.
    struct Permit {
        uint256 deadline;
        uint8 v;
        bytes32 r;
        bytes32 s;
    }

    event Posted(bytes32 indexed bountyId, address indexed poster, Terms terms);
    event Continued(bytes32 indexed bountyId, bytes32 indexed previousId, bytes32 indexed previousClaimId);
    event Reserved(bytes32 indexed bountyId, address indexed holder, uint256 until);
    event ReservationForfeited(bytes32 indexed bountyId, address indexed holder);
    event Entered(bytes32 indexed bountyId, address indexed entrant, bytes32 adapterRoot);
    event Disclosed(bytes32 indexed bountyId, bytes32 digest, bytes32 salt, string uri);
    event EntryReleased(bytes32 indexed bountyId, address indexed entrant);
    event Claimed(
        bytes32 indexed claimId,
        bytes32 indexed bountyId,
        address indexed claimant,
        uint64 acceptFrom,
        Body body
    );
    event Attested(bytes32 indexed claimId, bytes32 indexed bountyId, bool valid, uint64 expiry, uint16 attesters);
    event Accepted(bytes32 indexed claimId, bytes32 indexed bountyId, uint64 revealBy);
    event Rejected(bytes32 indexed claimId, bytes32 indexed bountyId, Reason reason);
    event Committed(bytes32 indexed commitment, address indexed sender);
    event Challenged(
        bytes32 indexed claimId,
        bytes32 indexed bountyId,
        address indexed challenger,
        uint256 position,
        IFraudProof.Fault fault
    );
    event Demanded(
        bytes32 indexed claimId,
        bytes32 indexed bountyId,
        address indexed demander,
        Node node,
        uint64 answerBy
    );
    event Answered(bytes32 indexed claimId, bytes32 indexed bountyId, Node node, uint64 reactUntil);
    event Defaulted(bytes32 indexed claimId, bytes32 indexed bountyId, address indexed demander, Node node);
    event Reclaimed(bytes32 indexed claimId, bytes32 indexed bountyId, address indexed demander, Node node);
    event Revealed(bytes32 indexed claimId, bytes32 indexed bountyId, bytes32 key, uint64 complainBy);
    event Complained(bytes32 indexed claimId, bytes32 indexed bountyId, uint256 index, IDelivery.Fault fault);
    event Paid(bytes32 indexed claimId, bytes32 indexed bountyId, address indexed claimant);
    event Refunded(bytes32 indexed bountyId);
    event Released(bytes32 indexed claimId, bytes32 indexed bountyId);
    event Collected(bytes32 indexed claimId, bytes32 indexed bountyId);
    event Credited(address indexed account, address indexed token, uint256 amount);
    event Withdrawn(address indexed account, address indexed token, address indexed to, uint256 amount);

    // Terms that the escrow can't keep, and claims that don't fit them.
    error UnexpectedDelivery();
    error UnexpectedDemands();
    error UnexpectedEntries();
    error UnexpectedReservation();
    error FreeDemands();
    error BondTooSmall(uint256 bond, uint256 least);
    error RewardTooLarge(uint256 reward);
    error TooManySigners(uint256 count);
    error ThresholdOutOfRange(uint256 threshold, uint256 signers);
    error SignersNotAscending(uint256 index);
    error StepsNotDivisible(uint256 steps, uint256 stepsPerProof);
    error TooManyAnnounced(uint256 count);
    error DurationOutOfRange(uint256 duration, uint256 minimum, uint256 maximum);
    error ClaimByOutOfRange(uint256 claimBy);
    error EntryTimesOutOfOrder(uint256 enterBy, uint256 discloseBy, uint256 claimBy);
    error DeliveryDepthOutOfRange(uint256 depth, uint256 maximum);
    error WrongAnnouncedCount(uint256 got, uint256 expected);
    error AnnouncedOutOfField(uint256 index, uint256 value);
    error InvalidPoint(uint256 x, uint256 y);
    error EmptyRoot();
    error UrisTooLong(uint256 count, uint256 size);
    error UriNotAscii(uint256 index);

    // Calls out of turn.
    error NotPoster(address caller, address poster);
    error WrongValue(uint256 got, uint256 expected);
    error InexactTransfer(uint256 got, uint256 expected);
    error TooLate(uint256 time, uint256 now_);
    error TooEarly(uint256 time, uint256 now_);
    error AlreadyPosted(bytes32 bountyId);
    error BountyNotOpen(bytes32 bountyId, BountyStatus status);
    error BountyNotPaid(bytes32 bountyId, BountyStatus status);
    error NotAContinuation(bytes32 previousClaimId);
    error NoReservations(bytes32 bountyId);
    error IsReserved(address holder, uint256 until);
    error NoEntries(bytes32 bountyId);
    error AlreadyEntered(bytes32 bountyId, address entrant);
    error NotEntered(address caller, bytes32 adapterRoot);
    error NoEntryBond(bytes32 bountyId, address entrant);
    error AlreadyDisclosed(bytes32 bountyId);
    error NotDisclosed(bytes32 bountyId);
    error WrongInputs(bytes32 commitment, bytes32 expected);
    error LiveClaims(bytes32 bountyId, bytes32 first);
    error AlreadyClaimed(bytes32 claimId);
    error ClaimNotOfBounty(bytes32 claimId, bytes32 bountyId);
    error ClaimNotLive(bytes32 claimId, ClaimStatus status);
    error ClaimIsLive(bytes32 claimId, ClaimStatus status);
    error ClaimNotFirst(bytes32 claimId, bytes32 first);
    error WrongClaimStatus(bytes32 claimId, ClaimStatus status, ClaimStatus expected);
    error NotAttested(bytes32 claimId);
    error AlreadyAttested(bytes32 claimId);
    error NeverLapses(bytes32 claimId);
    error WrongSignatureCount(uint256 got, uint256 expected);
    error UnknownAttester(uint256 index);
    error BadSignature(address signer);
    error NoVerifierKey();
    error WrongKey(bytes32 got, bytes32 expected);
    error NotCommittedBefore(bytes32 claimId, uint256 position, uint256 time);
    error NoFault(bytes32 claimId);
    error NoDelivery(bytes32 claimId);
    error OpenDemands(bytes32 claimId, uint256 count);
    error AlreadyDemanded(bytes32 demandId);
    error DemandNotOpen(bytes32 demandId, DemandStatus status);
    error NoCode(address checker);
    error NothingToCollect(bytes32 claimId);
    error NothingToWithdraw(address account, address token);
    error ZeroAddress();

    // --- Opening and ending a bounty ---

    /// @notice Opens a bounty and takes its money: the reward, and native `attesterFee * threshold + disclosureBond`.
    /// @dev Only the poster; terms that the escrow can't keep, or that are posted already, revert. Calls the token.
    function post(Terms calldata terms) external payable returns (bytes32 bountyId);

    /// @notice `post` after an ERC-2612 approval; a permit that fails (or was used by somebody else) is ignored.
    function postWithPermit(Terms calldata terms, Permit calldata permit) external payable returns (bytes32 bountyId);

    /// @notice `post` of a milestone: starts where the paid claim of `previous` ended, from the same model. `previous` must
    /// have asked for the full state, since nobody can continue a hidden one.
    function postMilestone(
        Terms calldata terms,
        Terms calldata previous,
        address claimant,
        Body calldata body
    ) external payable returns (bytes32 bountyId);

    /// @notice Gives reward and fees back to the poster: from `claimBy` on, without live claims.
    function refund(Terms calldata terms) external;

    // --- Ways in ---

    /// @notice Keeps others from claiming for `reserveFor`, with the bond as value: before `claimBy`, where the terms allow
    /// it, without a live claim or a running reservation. The holder's claim takes over the bond; unused, the poster gets it.
    function reserve(Terms calldata terms) external payable;

    /// @notice Enters an outcome or compatibility bounty with one adapter, and the bond as value: before `enterBy`, once.
    function enter(Terms calldata terms, bytes32 adapterRoot) external payable;

    /// @notice Shows the inputs that the terms committed to: the poster, from `enterBy` on and before `discloseBy`. Gives
    /// the disclosure bond back.
    /// @dev The escrow compares digests; whether the content can be had at `uri` is for the entrants to see. If it can't,
    /// nobody can claim, and everybody's money goes back.
    function disclose(Terms calldata terms, bytes32 digest, bytes32 salt, string calldata uri) external;

    /// @notice Refunds a bounty whose inputs were not disclosed: from `discloseBy` on. The disclosure bond goes to the
    /// entrants in equal shares, which `releaseEntry` gives out with their bonds.
    function undisclosed(Terms calldata terms) external;

    /// @notice Gives back the bond of an entry without a claim: after the bounty's end, or from `claimBy` on.
    function releaseEntry(Terms calldata terms, address entrant) external;

    /// @notice Claims a bounty, with the bond as value unless the caller's reservation or entry holds one: while the bounty
    /// is open and `now < claimBy`. Of bounties with entries, for the adapter entered, once the inputs are disclosed.
    function claim(Terms calldata terms, Body calldata body) external payable returns (bytes32 claimId);

    // --- Towards the payment ---

    /// @notice Records a verdict, while the claim is pending and `now < expiry`, `now < acceptFrom`. Valid: the claim may be
    /// paid. Invalid: it is rejected and its bond goes back; under Both it has to wait for its window. The first verdict
    /// with enough signatures stands.
    /// @param attesters Bit i stands for `terms.signers[i]`; exactly `threshold` bits.
    /// @param signatures Theirs in ascending order of the bit, over the EIP-712 struct
    /// `Verdict(bytes32 claimId,bool valid,uint64 expiry)`: 65 bytes, low s; of a signer with code ERC-1271's.
    function attest(
        Terms calldata terms,
        bytes32 claimId,
        bool valid,
        uint64 expiry,
        uint16 attesters,
        bytes[] calldata signatures
    ) external;

    /// @notice Accepts the first live claim without open demands of bundle or trace: once it is attested (Attested, Both),
    /// or from `acceptFrom` on (Optimistic, Both). Without delivery it is paid: reward and bond to the claimant, the fees for
    /// `collect`, or back to the poster if there was no verdict.
    function accept(Terms calldata terms, bytes32 claimId) external;

    /// @notice Rejects a claim that got no verdict by `acceptFrom`, under Attested; its bond goes back.
    function lapse(Terms calldata terms, bytes32 claimId) external;

    /// @notice Shows the key of an accepted claim, before `revealBy`.
    function reveal(Terms calldata terms, address claimant, Body calldata body, bytes32 key) external;

    /// @notice Rejects an accepted claim whose key was not shown by `revealBy`; the poster gets its bond.
    function unrevealed(Terms calldata terms, bytes32 claimId) external;

    /// @notice Rejects a revealed claim by a row that is not the proven adapter's: the poster, before `complainBy`, who gets
    /// its bond. Anything but a proven fault reverts.
    function complain(
        Terms calldata terms,
        address claimant,
        Body calldata body,
        bytes32 key,
        IDelivery.Complaint calldata complaint
    ) external;

    /// @notice Pays a revealed claim: from `complainBy` on, without open demands of encrypted rows.
    function settle(Terms calldata terms, bytes32 claimId) external;

    /// @notice Gives back the bond of a claim that was still pending when another one was paid.
    function release(Terms calldata terms, bytes32 claimId) external;

    /// @notice Credits each signer of a paid claim's verdict with the fee, once. Who the signers are stands in claim and
    /// terms, so that payment costs the same however many there are.
    function collect(Terms calldata terms, bytes32 claimId) external;

    // --- Doubts ---

    /// @notice Records the time of a commitment `keccak(abi.encode(claimId, position, sender, salt))`; the first one counts.
    function commit(bytes32 commitment) external;

    /// @notice Rejects a live claim by a position of its trace that is false, not under Attested: half the bond to the
    /// caller, who committed to it at an earlier timestamp, half to the poster. Anything but a proven fault reverts.
    function challenge(
        Terms calldata terms,
        address claimant,
        Body calldata body,
        bytes32 salt,
        IFraudProof.VerifierKey calldata key,
        IFraudProof.Accusation calldata accusation
    ) external;

    /// @notice Asks for what lies below a node of a live claim's tree, with the demand fee as value; each node once.
    /// Bundle and trace, not under Attested: while it is pending, for `window + 3 * (answer + react)` from the claim on.
    /// Encrypted rows: the poster, until the first `complainBy`.
    /// @param key Of the verifier, which pins the depths; ignored for encrypted rows.
    function demand(
        Terms calldata terms,
        bytes32 claimId,
        Node calldata node,
        IFraudProof.VerifierKey calldata key
    ) external payable;

    /// @notice Answers a demand before its `answerBy`: the fee goes to the claimant, and the claim waits at least `react`
    /// longer. Words and path as `IFraudProof.checkAnswer` wants them. Logs its calldata without a topic, so that an answer
    /// that a contract gives can be read too.
    function answer(
        Terms calldata terms,
        address claimant,
        Body calldata body,
        Node calldata node,
        IFraudProof.VerifierKey calldata key,
        bytes32[] calldata words,
        bytes32[] calldata path
    ) external;

    /// @notice Rejects a live claim with a demand unanswered by `answerBy`: the fee and half the bond to the demander, half
    /// to the poster.
    function defaulted(Terms calldata terms, bytes32 claimId, Node calldata node) external;

    /// @notice Gives the fee of an open demand back once the claim has ended otherwise.
    function reclaim(Terms calldata terms, bytes32 claimId, Node calldata node) external;

    // --- Money out ---

    /// @notice Sends the caller's whole credit in `token` (zero: native) to `to`.
    function withdraw(address token, address to) external returns (uint256 amount);

    // --- Views ---

    /// @notice Shortest window that terms may have, in seconds.
    function MINIMUM_WINDOW() external view returns (uint256);

    /// @notice Shortest time to answer, react, reveal and complain, in seconds.
    function MINIMUM_REACTION() external view returns (uint256);

    /// @notice What judges fraud proofs and answers.
    function FRAUD_PROOF() external view returns (IFraudProof);

    /// @notice What judges complaints.
    function DELIVERY() external view returns (IDelivery);

    /// @notice What `account` can withdraw.
    function credits(address token, address account) external view returns (uint256);

    function bountyOf(bytes32 bountyId) external view returns (Bounty memory);

    /// @dev A pending claim of a paid bounty is shown as Superseded.
    function claimOf(bytes32 claimId) external view returns (Claim memory);

    function entryOf(bytes32 bountyId, address entrant) external view returns (Entry memory);

    function demandOf(bytes32 claimId, Node calldata node) external view returns (Demand memory);

    /// @notice When a commitment was made, or 0.
    function committedAt(bytes32 commitment) external view returns (uint256);

    function status(bytes32 bountyId) external view returns (JobStatus);

    function bountyIdOf(Terms calldata terms) external view returns (bytes32);

    function claimIdOf(bytes32 bountyId, address claimant, Body calldata body) external pure returns (bytes32);

    /// @notice The words that the claim's proofs absorb first.
    function statementOf(
        Terms calldata terms,
        address claimant,
        Body calldata body
    ) external view returns (bytes32[] memory);

    /// @notice What an attester signs.
    function verdictDigest(bytes32 claimId, bool valid, uint64 expiry) external view returns (bytes32);
}
