// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Body, Kind, Terms} from "../Types.sol";
import {IBountyEscrow} from "../interfaces/IBountyEscrow.sol";
import {ClaimQueue} from "../libraries/ClaimQueue.sol";
import {Statement} from "../libraries/Statement.sol";
import {ClaimCheck} from "../libraries/ClaimCheck.sol";
import {Bounties} from "./Bounties.sol";

/// @title Ways into a bounty
/// @notice Reserving a training bounty; entering one that judges by hidden inputs, and their disclosure; claiming.
abstract contract Entries is Bounties {
    using ClaimQueue for Bounty;

    mapping(bytes32 bountyId => mapping(address entrant => Entry entry)) internal _entries;

    /// @inheritdoc IBountyEscrow
    function reserve(Terms calldata terms) external payable nonReentrant {
        (bytes32 bountyId, Bounty storage bounty) = _openBounty(terms);
        _requireBefore(terms.claimBy);
        if (terms.reserveFor == 0) revert NoReservations(bountyId);
        if (bounty.first != 0) revert LiveClaims(bountyId, bounty.first);
        _requireUnreserved(bounty);
        _requireValue(terms.bond);
        _forfeitReservation(terms, bounty);

        uint256 until = block.timestamp + terms.reserveFor;
        if (until > terms.claimBy) until = terms.claimBy;
        bounty.reservedBy = msg.sender;
        bounty.reservedUntil = uint40(until);
        emit Reserved(bountyId, msg.sender, until);
    }

    /// @inheritdoc IBountyEscrow
    function enter(Terms calldata terms, bytes32 adapterRoot) external payable nonReentrant {
        (bytes32 bountyId, Bounty storage bounty) = _openBounty(terms);
        _requireBefore(terms.enterBy);
        if (adapterRoot == 0) revert EmptyRoot();
        Entry storage entry = _entries[bountyId][msg.sender];
        if (entry.adapterRoot != 0) revert AlreadyEntered(bountyId, msg.sender);
        _requireValue(terms.bond);

        entry.adapterRoot = adapterRoot;
        entry.holdsBond = true;
        ++bounty.entrants;
        emit Entered(bountyId, msg.sender, adapterRoot);
    }

    /// @inheritdoc IBountyEscrow
    function disclose(Terms calldata terms, bytes32 digest, bytes32 salt, string calldata uri) external nonReentrant {
        (bytes32 bountyId, Bounty storage bounty) = _openBounty(terms);
        if (msg.sender != terms.poster) revert NotPoster(msg.sender, terms.poster);
        _requireFrom(terms.enterBy);
        _requireBefore(terms.discloseBy);
        if (bounty.disclosed) revert AlreadyDisclosed(bountyId);
        bytes32 commitment = keccak256(abi.encode(digest, salt));
        if (commitment != terms.inputsCommitment) revert WrongInputs(commitment, terms.inputsCommitment);

        bounty.disclosed = true;
        emit Disclosed(bountyId, digest, salt, uri);
        _credit(NATIVE, terms.poster, terms.disclosureBond);
    }

    /// @inheritdoc IBountyEscrow
    function undisclosed(Terms calldata terms) external nonReentrant {
        (bytes32 bountyId, Bounty storage bounty) = _openBounty(terms);
        if (terms.kind == Kind.Training) revert NoEntries(bountyId);
        _requireFrom(terms.discloseBy);
        if (bounty.disclosed) revert AlreadyDisclosed(bountyId);

        _refund(terms, bountyId, bounty);
        // What the shares leave over: all of it without entrants.
        uint256 entrants = bounty.entrants;
        uint256 rest = entrants == 0 ? terms.disclosureBond : terms.disclosureBond % entrants;
        _credit(NATIVE, terms.poster, rest);
    }

    /// @inheritdoc IBountyEscrow
    function releaseEntry(Terms calldata terms, address entrant) external nonReentrant {
        bytes32 bountyId = Statement.bountyId(terms);
        Bounty storage bounty = _bounties[bountyId];
        if (bounty.status == BountyStatus.Open) _requireFrom(terms.claimBy);
        Entry storage entry = _entries[bountyId][entrant];
        if (!entry.holdsBond) revert NoEntryBond(bountyId, entrant);
        // Before anybody disclosed there are no claims, so each entrant still holds a bond and gets a share.
        bool shared = bounty.status == BountyStatus.Refunded && !bounty.disclosed;
        if (bounty.status == BountyStatus.Open && !bounty.disclosed) revert NotDisclosed(bountyId);

        entry.holdsBond = false;
        emit EntryReleased(bountyId, entrant);
        _credit(NATIVE, entrant, terms.bond + (shared ? terms.disclosureBond / bounty.entrants : 0));
    }

    /// @inheritdoc IBountyEscrow
    function claim(Terms calldata terms, Body calldata body) external payable nonReentrant returns (bytes32 claimId) {
        (bytes32 bountyId, Bounty storage bounty) = _openBounty(terms);
        _requireBefore(terms.claimBy);
        bool bondIsIn =
            terms.kind == Kind.Training
                ? _takeReservation(terms, bounty)
                : _takeEntry(bountyId, bounty, body.adapterRoot);
        _requireValue(bondIsIn ? 0 : terms.bond);
        ClaimCheck.check(terms, body);
        claimId = Statement.claimId(bountyId, msg.sender, body);
        Claim storage entry = _claims[claimId];
        if (entry.status != ClaimStatus.None) revert AlreadyClaimed(claimId);

        uint256 acceptFrom = block.timestamp + terms.window;
        entry.bountyId = bountyId;
        entry.claimant = msg.sender;
        entry.status = ClaimStatus.Pending;
        entry.deadline = uint40(acceptFrom);
        entry.demandsBy = uint40(acceptFrom + 3 * (uint256(terms.answer) + terms.react));
        bounty.push(_claims, claimId);
        emit Claimed(claimId, bountyId, msg.sender, uint64(acceptFrom), body);
    }

    /// @dev Whether the caller's reservation pays the bond; refuses others' claims while one runs.
    function _takeReservation(Terms calldata terms, Bounty storage bounty) private returns (bool) {
        if (terms.reserveFor == 0) return false;
        if (bounty.reservedBy == msg.sender && block.timestamp < bounty.reservedUntil) {
            bounty.reservedBy = address(0);
            return true;
        }
        _requireUnreserved(bounty);
        _forfeitReservation(terms, bounty);
        return false;
    }

    /// @dev Whether the caller's entry pays the bond; refuses others, and other adapters than the one entered.
    function _takeEntry(bytes32 bountyId, Bounty storage bounty, bytes32 adapterRoot) private returns (bool held) {
        if (!bounty.disclosed) revert NotDisclosed(bountyId);
        Entry storage entry = _entries[bountyId][msg.sender];
        if (entry.adapterRoot != adapterRoot || adapterRoot == 0) revert NotEntered(msg.sender, adapterRoot);
        held = entry.holdsBond;
        entry.holdsBond = false;
    }

    function _requireUnreserved(Bounty storage bounty) private view {
        if (bounty.reservedBy != address(0) && block.timestamp < bounty.reservedUntil) {
            revert IsReserved(bounty.reservedBy, bounty.reservedUntil);
        }
    }
}
