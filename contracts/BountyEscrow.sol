// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import {Body, Terms} from "./Types.sol";
import {Bounties} from "./escrow/Bounties.sol";
import {Disputes} from "./escrow/Disputes.sol";
import {Handover} from "./escrow/Handover.sol";
import {IBountyEscrow} from "./interfaces/IBountyEscrow.sol";
import {IDelivery} from "./interfaces/IDelivery.sol";
import {IFraudProof} from "./interfaces/IFraudProof.sol";
import {Statement} from "./libraries/Statement.sol";

/// @title Escrow of fine-tuning bounties
/// @notice See `IBountyEscrow`. One contract, written in the order of a claim's life: Ledger (money), Bounties (posting, the ends),
/// Entries (ways in), Verdicts (attesting, accepting), Disputes (fraud proofs, demands), Handover (the adapter).
contract BountyEscrow is Handover {
    /// @param minimumWindow Shortest window that terms may have, in seconds (a day on mainnet, two on an L2).
    /// @param minimumReaction Shortest time to answer, react, reveal and complain, in seconds.
    constructor(
        uint256 minimumWindow,
        uint256 minimumReaction,
        IFraudProof fraudProof,
        IDelivery delivery
    ) EIP712("Fineproof", "1") Bounties(minimumWindow, minimumReaction) Disputes(fraudProof) Handover(delivery) {} // solhint-disable-line no-empty-blocks

    /// @inheritdoc IBountyEscrow
    function bountyOf(bytes32 bountyId) external view returns (Bounty memory) {
        return _bounties[bountyId];
    }

    /// @inheritdoc IBountyEscrow
    function claimOf(bytes32 claimId) external view returns (Claim memory entry) {
        entry = _claims[claimId];
        bool paid = _bounties[entry.bountyId].status == BountyStatus.Paid;
        if (paid && entry.status == ClaimStatus.Pending) entry.status = ClaimStatus.Superseded;
    }

    /// @inheritdoc IBountyEscrow
    function entryOf(bytes32 bountyId, address entrant) external view returns (Entry memory) {
        return _entries[bountyId][entrant];
    }

    /// @inheritdoc IBountyEscrow
    function demandOf(bytes32 claimId, Node calldata node) external view returns (Demand memory) {
        return _demands[keccak256(abi.encode(claimId, node))];
    }

    /// @inheritdoc IBountyEscrow
    function status(bytes32 bountyId) external view returns (JobStatus) {
        Bounty storage bounty = _bounties[bountyId];
        if (bounty.status == BountyStatus.None) return JobStatus.Open;
        if (bounty.status == BountyStatus.Paid) return JobStatus.Completed;
        if (bounty.status == BountyStatus.Refunded) return JobStatus.Expired;
        return bounty.first == 0 ? JobStatus.Funded : JobStatus.Submitted;
    }

    /// @inheritdoc IBountyEscrow
    function bountyIdOf(Terms calldata terms) external view returns (bytes32) {
        return Statement.bountyId(terms);
    }

    /// @inheritdoc IBountyEscrow
    function claimIdOf(bytes32 bountyId, address claimant, Body calldata body) external pure returns (bytes32) {
        return Statement.claimId(bountyId, claimant, body);
    }

    /// @inheritdoc IBountyEscrow
    function statementOf(
        Terms calldata terms,
        address claimant,
        Body calldata body
    ) external view returns (bytes32[] memory) {
        return Statement.words(terms, claimant, body);
    }
}
