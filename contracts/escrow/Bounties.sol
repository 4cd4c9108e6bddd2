// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";

import {Body, Kind, Terms} from "../Types.sol";
import {IBountyEscrow} from "../interfaces/IBountyEscrow.sol";
import {ClaimQueue} from "../libraries/ClaimQueue.sol";
import {Statement} from "../libraries/Statement.sol";
import {TermsRules} from "../TermsRules.sol";
import {Ledger} from "./Ledger.sol";

/// @title Bounties and the ends of claims
/// @notice Records, posting and refund, and the two ends that every way through a claim comes to: rejected or paid.
abstract contract Bounties is Ledger {
    using ClaimQueue for Bounty;

    /// @inheritdoc IBountyEscrow
    uint256 public immutable MINIMUM_WINDOW;
    /// @inheritdoc IBountyEscrow
    uint256 public immutable MINIMUM_REACTION;
    TermsRules private immutable _RULES;

    mapping(bytes32 bountyId => Bounty bounty) internal _bounties;
    mapping(bytes32 claimId => Claim claim) internal _claims;

    constructor(uint256 minimumWindow, uint256 minimumReaction) {
        MINIMUM_WINDOW = minimumWindow;
        MINIMUM_REACTION = minimumReaction;
        _RULES = new TermsRules(minimumWindow, minimumReaction);
    }

    // --- Entry points ---

    /// @inheritdoc IBountyEscrow
    function post(Terms calldata terms) external payable nonReentrant returns (bytes32 bountyId) {
        return _post(terms);
    }

    /// @inheritdoc IBountyEscrow
    function postWithPermit(
        Terms calldata terms,
        Permit calldata permit
    ) external payable nonReentrant returns (bytes32 bountyId) {
        // A permit can be used by anybody who sees it, so its failure says nothing: the allowance decides.
        try
            IERC20Permit(terms.token).permit(
                msg.sender,
                address(this),
                terms.reward,
                permit.deadline,
                permit.v,
                permit.r,
                permit.s
            )
        {} catch {} // solhint-disable-line no-empty-blocks
        return _post(terms);
    }

    /// @inheritdoc IBountyEscrow
    function postMilestone(
        Terms calldata terms,
        Terms calldata previous,
        address claimant,
        Body calldata body
    ) external payable nonReentrant returns (bytes32 bountyId) {
        bytes32 previousId = Statement.bountyId(previous);
        bytes32 claimId = Statement.claimId(previousId, claimant, body);
        if (_claims[claimId].status != ClaimStatus.Paid) {
            revert WrongClaimStatus(claimId, _claims[claimId].status, ClaimStatus.Paid);
        }
        bool continues =
            previous.fullState && body.adapterRoot == terms.startDigest && previous.modelDigest == terms.modelDigest;
        if (!continues) revert NotAContinuation(claimId);
        bountyId = _post(terms);
        emit Continued(bountyId, previousId, claimId);
    }

    /// @inheritdoc IBountyEscrow
    function refund(Terms calldata terms) external nonReentrant {
        (bytes32 bountyId, Bounty storage bounty) = _openBounty(terms);
        _requireFrom(terms.claimBy);
        if (bounty.first != 0) revert LiveClaims(bountyId, bounty.first);
        if (terms.kind != Kind.Training && !bounty.disclosed) revert NotDisclosed(bountyId);
        _forfeitReservation(terms, bounty);
        _refund(terms, bountyId, bounty);
    }

    /// @inheritdoc IBountyEscrow
    function release(Terms calldata terms, bytes32 claimId) external nonReentrant {
        bytes32 bountyId = Statement.bountyId(terms);
        BountyStatus status_ = _bounties[bountyId].status;
        if (status_ != BountyStatus.Paid) revert BountyNotPaid(bountyId, status_);
        Claim storage entry = _claimIn(bountyId, claimId, ClaimStatus.Pending);

        entry.status = ClaimStatus.Released;
        emit Released(claimId, bountyId);
        _credit(NATIVE, entry.claimant, terms.bond);
    }

    /// @inheritdoc IBountyEscrow
    function collect(Terms calldata terms, bytes32 claimId) external nonReentrant {
        bytes32 bountyId = Statement.bountyId(terms);
        Claim storage entry = _claimIn(bountyId, claimId, ClaimStatus.Paid);
        uint256 attesters = entry.attesters;
        if (attesters == 0 || entry.collected) revert NothingToCollect(claimId);

        entry.collected = true;
        emit Collected(claimId, bountyId);
        for (uint256 i = 0; attesters >> i != 0; ++i) {
            if ((attesters >> i) & 1 == 1) _credit(NATIVE, terms.signers[i], terms.attesterFee);
        }
    }

    // --- Internals ---

    function _post(Terms calldata terms) private returns (bytes32 bountyId) {
        if (msg.sender != terms.poster) revert NotPoster(msg.sender, terms.poster);
        _RULES.check(terms);
        uint256 value = terms.attesterFee * terms.threshold + terms.disclosureBond;
        if (terms.token == NATIVE) value += terms.reward;
        _requireValue(value);
        bountyId = Statement.bountyId(terms);
        if (_bounties[bountyId].status != BountyStatus.None) revert AlreadyPosted(bountyId);

        _bounties[bountyId].status = BountyStatus.Open;
        emit Posted(bountyId, msg.sender, terms);
        if (terms.token != NATIVE) _collect(terms.token, terms.reward);
    }

    /// @dev Ends a bounty without payment. The disclosure bond is not part of it.
    function _refund(Terms calldata terms, bytes32 bountyId, Bounty storage bounty) internal {
        bounty.status = BountyStatus.Refunded;
        emit Refunded(bountyId);
        _creditReward(terms, terms.poster, terms.attesterFee * terms.threshold);
    }

    /// @dev Ends a live claim: `amount` of its bond to `payee`, the rest to the poster.
    function _reject(
        Terms calldata terms,
        bytes32 bountyId,
        bytes32 claimId,
        Reason reason,
        address payee,
        uint256 amount
    ) internal {
        _claims[claimId].status = ClaimStatus.Rejected;
        _bounties[bountyId].remove(_claims, claimId);
        emit Rejected(claimId, bountyId, reason);
        _credit(NATIVE, payee, amount);
        _credit(NATIVE, terms.poster, terms.bond - amount);
    }

    /// @dev Ends claim and bounty: reward and bond to the claimant; fees stay for `collect`, or go back without a verdict.
    function _pay(Terms calldata terms, bytes32 bountyId, bytes32 claimId) internal {
        Claim storage entry = _claims[claimId];
        entry.status = ClaimStatus.Paid;
        _bounties[bountyId].status = BountyStatus.Paid;
        address claimant = entry.claimant;
        emit Paid(claimId, bountyId, claimant);
        _creditReward(terms, claimant, terms.bond);
        if (entry.attesters == 0) _credit(NATIVE, terms.poster, terms.attesterFee * terms.threshold);
    }

    /// @dev The bond of a reservation that nobody used in time goes to the poster.
    function _forfeitReservation(Terms calldata terms, Bounty storage bounty) internal {
        address holder = bounty.reservedBy;
        if (holder == address(0)) return;
        bounty.reservedBy = address(0);
        emit ReservationForfeited(Statement.bountyId(terms), holder);
        _credit(NATIVE, terms.poster, terms.bond);
    }

    /// @dev The reward, and a native amount, in one credit where they are one coin.
    function _creditReward(Terms calldata terms, address account, uint256 native) private {
        if (terms.token == NATIVE) {
            _credit(NATIVE, account, terms.reward + native);
        } else {
            _credit(terms.token, account, terms.reward);
            _credit(NATIVE, account, native);
        }
    }

    function _openBounty(Terms calldata terms) internal view returns (bytes32 bountyId, Bounty storage bounty) {
        bountyId = Statement.bountyId(terms);
        bounty = _bounties[bountyId];
        if (bounty.status != BountyStatus.Open) revert BountyNotOpen(bountyId, bounty.status);
    }

    /// @dev A claim of this bounty in this state.
    function _claimIn(
        bytes32 bountyId,
        bytes32 claimId,
        ClaimStatus expected
    ) internal view returns (Claim storage entry) {
        entry = _claims[claimId];
        if (entry.bountyId != bountyId) revert ClaimNotOfBounty(claimId, bountyId);
        if (entry.status != expected) revert WrongClaimStatus(claimId, entry.status, expected);
    }

    /// @dev A claim without an end, of a bounty that is open.
    function _liveClaim(bytes32 bountyId, bytes32 claimId) internal view returns (Claim storage entry) {
        entry = _claims[claimId];
        if (entry.bountyId != bountyId) revert ClaimNotOfBounty(claimId, bountyId);
        ClaimStatus status_ = entry.status;
        bool live =
            status_ == ClaimStatus.Pending || status_ == ClaimStatus.Accepted || status_ == ClaimStatus.Revealed;
        if (!live) revert ClaimNotLive(claimId, status_);
    }
}
