// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {BountyEscrow} from "../../../contracts/BountyEscrow.sol";
import {IBountyEscrow} from "../../../contracts/interfaces/IBountyEscrow.sol";
import {IFraudProof} from "../../../contracts/interfaces/IFraudProof.sol";
import {Handler} from "./Handler.sol";

/// The invariants of docs/chain.md under random sequences of calls.
contract InvariantsTest {
    Handler internal handler;

    function setUp() public {
        handler = new Handler(true);
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    function invariant_liabilitiesAreCovered() external view {
        uint256 native = handler.liabilities(address(0));
        uint256 tokens = handler.liabilities(address(handler.coin()));
        require(native == address(handler.escrow()).balance, "native liabilities are not the balance");
        require(tokens == handler.coin().balanceOf(address(handler.escrow())), "token liabilities are not the balance");
    }

    function invariant_terminalStatesAreFinal() external view {
        require(!handler.leftTerminalState(), "a terminal state was left");
    }

    function invariant_anHonestClaimantInTimeLosesNoBond() external view {
        require(!handler.honestClaimLostItsBond(), "a true claim, answered and revealed in time, was slashed");
    }

    function invariant_theQueueHoldsExactlyTheLiveClaims() external view {
        BountyEscrow escrow = handler.escrow();
        (uint256 bounties, uint256 claimed, ) = handler.counts();
        for (uint256 i = 0; i < bounties; ++i) {
            IBountyEscrow.Bounty memory bounty = escrow.bountyOf(handler.bountyIds(i));
            if (bounty.status != IBountyEscrow.BountyStatus.Open) continue;
            uint256 queued = 0;
            bytes32 previous = 0;
            for (bytes32 id = bounty.first; id != 0; id = escrow.claimOf(id).next) {
                require(escrow.claimOf(id).previous == previous, "a link back is wrong");
                require(_live(escrow.claimOf(id).status), "an ended claim is queued");
                previous = id;
                ++queued;
            }
            require(bounty.last == previous, "the queue's end is wrong");
            uint256 live = 0;
            for (uint256 j = 0; j < claimed; ++j) {
                (bytes32 id, uint256 of_, , , ) = handler.claims(j);
                if (of_ == i && _live(escrow.claimOf(id).status)) ++live;
            }
            require(queued == live, "a live claim is not queued");
        }
    }

    function invariant_countsOfOpenDemandsAreRight() external view {
        BountyEscrow escrow = handler.escrow();
        (, uint256 claimed, uint256 demanded) = handler.counts();
        for (uint256 i = 0; i < claimed; ++i) {
            (bytes32 id, , , , ) = handler.claims(i);
            IBountyEscrow.Claim memory entry = escrow.claimOf(id);
            if (!_live(entry.status)) continue;
            uint256 rows = 0;
            uint256 others = 0;
            for (uint256 j = 0; j < demanded; ++j) {
                if (handler.askedOf(j).claim != i) continue;
                if (handler.demandStatus(j) != IBountyEscrow.DemandStatus.Open) continue;
                if (handler.askedOf(j).node.tree == IFraudProof.Tree.Cipher) ++rows;
                else ++others;
            }
            require(rows == entry.openRowDemands && others == entry.openDemands, "open demands are miscounted");
            require(others == 0 || entry.status == IBountyEscrow.ClaimStatus.Pending, "accepted over an open demand");
        }
    }

    function _live(IBountyEscrow.ClaimStatus status) private pure returns (bool) {
        return
            status == IBountyEscrow.ClaimStatus.Pending ||
            status == IBountyEscrow.ClaimStatus.Accepted ||
            status == IBountyEscrow.ClaimStatus.Revealed;
    }
}
