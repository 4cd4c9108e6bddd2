// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Body, Kind, Rule, Terms} from "../Types.sol";

/// @title Escrow of fine-tuning bounties
/// @notice A poster funds a bounty, contributors claim it with a proven training run, attesters judge the proofs, and
/// the first claim in the queue that they found valid is paid. No owner, no pause, no upgrade, no fee of its own.
///
/// Whoever calls hands in the terms again; the bounty's identity is their hash, so no other terms can stand behind it.
/// Times: an action is allowed while `now < t`, its counter-action from `now >= t` on.
///
/// Money: the reward is the native coin or an ERC-20; bonds and attester fees are native. Payments are credits, and only
/// `withdraw` sends anything, so a payee that cannot receive hurts nobody else.
///
/// Tokens: the balance must change by exactly the amount sent. Tokens that take a fee of a transfer are refused when the
/// bounty is posted. Rebasing tokens are unsupported: one that shrinks balances leaves the last payees short.
///
/// What can stop liveness: a token that pauses or blocks the escrow (its reward, nothing else); attesters who stay
/// silent (claims lapse and get their bonds back, the poster is refunded); a chain that halts.
interface IBountyEscrow {
    /// @notice State of a bounty.
    enum BountyStatus {
        None,
        Open,
        Paid,
        Refunded
    }

    /// @notice State of a claim. Superseded: another claim was paid; Released: then the bond went back.
    enum ClaimStatus {
        None,
        Pending,
        Paid,
        Rejected,
        Superseded,
        Released
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
        Lapsed
    }

    /// @notice A bounty's record. `first` and `last` are the ends of the queue of live claims, or 0.
    struct Bounty {
        BountyStatus status;
        bytes32 first;
        bytes32 last;
    }

    /// @notice A claim's record. `attesters`: bit i is set if `Terms.signers[i]` signed the valid verdict.
    struct Claim {
        bytes32 bountyId;
        bytes32 previous;
        bytes32 next;
        address claimant;
        uint64 acceptFrom;
        ClaimStatus status;
        uint16 attesters;
    }

    /// @notice An ERC-2612 approval of the reward.
    struct Permit {
        uint256 deadline;
        uint8 v;
        bytes32 r;
        bytes32 s;
    }

    event Posted(bytes32 indexed bountyId, address indexed poster, Terms terms);
    event Claimed(
        bytes32 indexed claimId,
        bytes32 indexed bountyId,
        address indexed claimant,
        uint64 acceptFrom,
        Body body
    );
    event Attested(bytes32 indexed claimId, bytes32 indexed bountyId, bool valid, uint64 expiry, uint16 attesters);
    event Rejected(bytes32 indexed claimId, bytes32 indexed bountyId, Reason reason);
    event Paid(bytes32 indexed claimId, bytes32 indexed bountyId, address indexed claimant);
    event Refunded(bytes32 indexed bountyId);
    event Released(bytes32 indexed claimId, bytes32 indexed bountyId);
    event Credited(address indexed account, address indexed token, uint256 amount);
    event Withdrawn(address indexed account, address indexed token, address indexed to, uint256 amount);

    error UnsupportedKind(Kind kind);
    error UnsupportedRule(Rule rule);
    error UnsupportedDelivery();
    error UnsupportedReservation();
    error UnsupportedDemands();
    error TooManySigners(uint256 count);
    error ThresholdOutOfRange(uint256 threshold, uint256 signers);
    error SignersNotAscending(uint256 index);
    error StepsNotDivisible(uint256 steps, uint256 stepsPerProof);
    error TooManyAnnounced(uint256 count);
    error WindowOutOfRange(uint256 window, uint256 minimum, uint256 maximum);
    error ClaimByOutOfRange(uint256 claimBy);
    error WrongAnnouncedCount(uint256 got, uint256 expected);
    error AnnouncedOutOfField(uint256 index, uint256 value);
    error NotPoster(address caller, address poster);
    error WrongValue(uint256 got, uint256 expected);
    error InexactTransfer(uint256 got, uint256 expected);
    error AlreadyPosted(bytes32 bountyId);
    error BountyNotOpen(bytes32 bountyId, BountyStatus status);
    error BountyNotPaid(bytes32 bountyId, BountyStatus status);
    error AlreadyClaimed(bytes32 claimId);
    error ClaimNotOfBounty(bytes32 claimId, bytes32 bountyId);
    error ClaimNotPending(bytes32 claimId, ClaimStatus status);
    error ClaimNotFirst(bytes32 claimId, bytes32 first);
    error NotAttested(bytes32 claimId);
    error AlreadyAttested(bytes32 claimId);
    error WrongSignatureCount(uint256 got, uint256 expected);
    error UnknownAttester(uint256 index);
    error BadSignature(address signer);
    error TooLate(uint256 time, uint256 now_);
    error TooEarly(uint256 time, uint256 now_);
    error LiveClaims(bytes32 bountyId, bytes32 first);
    error NothingToWithdraw(address account, address token);
    error ZeroAddress();

    /// @notice Shortest window that terms may have, in seconds.
    function MINIMUM_WINDOW() external view returns (uint256);

    /// @notice Opens a bounty and takes its money: the reward, and `attesterFee * threshold` native.
    /// @dev Only the poster; terms that the escrow can't keep, or that are posted already, revert. Calls the token.
    function post(Terms calldata terms) external payable returns (bytes32 bountyId);

    /// @notice `post` after an ERC-2612 approval; a permit that fails (or was used by somebody else) is ignored.
    function postWithPermit(Terms calldata terms, Permit calldata permit) external payable returns (bytes32 bountyId);

    /// @notice Claims a bounty with the bond as value: while the bounty is open and `now < claimBy`.
    function claim(Terms calldata terms, Body calldata body) external payable returns (bytes32 claimId);

    /// @notice Records a verdict, while the claim is pending and `now < expiry`, `now < acceptFrom`. Valid: the claim may be
    /// paid. Invalid: it is rejected, its bond goes back. The first verdict with enough signatures stands.
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

    /// @notice Pays the first live claim once it is attested: reward and bond to the claimant, the fee to each attester.
    function accept(Terms calldata terms, bytes32 claimId) external;

    /// @notice Rejects a claim that got no verdict by `acceptFrom`; its bond goes back.
    function lapse(Terms calldata terms, bytes32 claimId) external;

    /// @notice Gives reward and fees back to the poster: from `claimBy` on, without live claims.
    function refund(Terms calldata terms) external;

    /// @notice Gives back the bond of a claim that was still pending when another one was paid.
    function release(Terms calldata terms, bytes32 claimId) external;

    /// @notice Sends the caller's whole credit in `token` (zero: native) to `to`.
    function withdraw(address token, address to) external returns (uint256 amount);

    /// @notice What `account` can withdraw.
    function credits(address token, address account) external view returns (uint256);

    function bountyOf(bytes32 bountyId) external view returns (Bounty memory);

    /// @dev A pending claim of a paid bounty is shown as Superseded.
    function claimOf(bytes32 claimId) external view returns (Claim memory);

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
