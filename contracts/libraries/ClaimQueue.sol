// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IBountyEscrow} from "../interfaces/IBountyEscrow.sol";

/// @title Queue of live claims
/// @notice A doubly linked list, so that ending any claim costs the same however many there are.
library ClaimQueue {
    /// @notice Puts a claim at the end.
    function push(
        IBountyEscrow.Bounty storage bounty,
        mapping(bytes32 claimId => IBountyEscrow.Claim claim) storage claims,
        bytes32 claimId
    ) internal {
        bytes32 last = bounty.last;
        if (last == 0) {
            bounty.first = claimId;
        } else {
            claims[last].next = claimId;
            claims[claimId].previous = last;
        }
        bounty.last = claimId;
    }

    /// @notice Takes a claim out; the order of the others stays.
    function remove(
        IBountyEscrow.Bounty storage bounty,
        mapping(bytes32 claimId => IBountyEscrow.Claim claim) storage claims,
        bytes32 claimId
    ) internal {
        IBountyEscrow.Claim storage entry = claims[claimId];
        bytes32 previous = entry.previous;
        bytes32 next = entry.next;
        if (previous == 0) bounty.first = next;
        else claims[previous].next = next;
        if (next == 0) bounty.last = previous;
        else claims[next].previous = previous;
        entry.previous = 0;
        entry.next = 0;
    }
}
