// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {BountyEscrow} from "../../../contracts/BountyEscrow.sol";
import {Body, Terms} from "../../../contracts/Types.sol";
import {IBountyEscrow} from "../../../contracts/interfaces/IBountyEscrow.sol";
import {Handler} from "./Handler.sol";
import {vm} from "./Vm.sol";

/// Properties that need a sequence of calls and then a particular end.
contract EscrowTest {
    Handler internal handler;
    BountyEscrow internal escrow;

    function setUp() public {
        handler = new Handler();
        escrow = handler.escrow();
    }

    /// Time alone, and anybody's calls, lead every bounty and claim to a terminal state, and everything out of the escrow.
    function testFuzz_timeEndsEverything(uint256[24] calldata seeds) external {
        _play(seeds);
        vm.warp(handler.time() + 100 days);
        (uint256 bounties, uint256 claimed) = handler.counts();
        for (uint256 i = 0; i < bounties; ++i) {
            Terms memory t = handler.termsOf(i);
            bytes32 bounty = handler.bountyIds(i);
            while (escrow.bountyOf(bounty).status == IBountyEscrow.BountyStatus.Open) {
                bytes32 first = escrow.bountyOf(bounty).first;
                if (first == 0) escrow.refund(t);
                else if (escrow.claimOf(first).attesters != 0) escrow.accept(t, first);
                else escrow.lapse(t, first);
            }
        }
        for (uint256 i = 0; i < claimed; ++i) {
            (bytes32 id, uint256 of_) = handler.claims(i);
            IBountyEscrow.ClaimStatus status = escrow.claimOf(id).status;
            if (status == IBountyEscrow.ClaimStatus.Superseded) escrow.release(handler.termsOf(of_), id);
            require(status != IBountyEscrow.ClaimStatus.Pending, "a claim is still pending");
        }
        require(handler.liabilities(address(0)) == address(escrow).balance, "coins without an owner");
        for (uint256 i = 0; i < 14; ++i) handler.withdraw((i / 2) * 256 + (i & 1));
        require(address(escrow).balance == 0, "native coin is stuck");
        require(handler.coin().balanceOf(address(escrow)) == 0, "tokens are stuck");
    }

    /// Of an action and its counter-action at most one is possible at any time: claim and refund, attest and lapse, accept and
    /// lapse, accept and refund, accept and release.
    function testFuzz_actionOrCounterAction(uint256[24] calldata seeds, uint256 later) external {
        _play(seeds);
        uint256 time = handler.time() + (later % 20 days);
        vm.warp(time);
        (uint256 bounties, uint256 claimed) = handler.counts();
        for (uint256 i = 0; i < bounties; ++i) {
            Terms memory t = handler.termsOf(i);
            Body memory b;
            b.nonce = keccak256("probe");
            bool canClaim = _possible(t.bond, abi.encodeCall(IBountyEscrow.claim, (t, b)));
            require(!canClaim || !_possible(0, abi.encodeCall(IBountyEscrow.refund, (t))), "claim and refund");
        }
        for (uint256 i = 0; i < claimed; ++i) {
            (bytes32 id, uint256 of_) = handler.claims(i);
            Terms memory t = handler.termsOf(of_);
            uint64 expiry = uint64(time + 1);
            (uint16 mask, bytes[] memory signatures) = handler.signatures_(id, true, expiry, t.threshold);
            bool canLapse = _possible(0, abi.encodeCall(IBountyEscrow.lapse, (t, id)));
            bool canAccept = _possible(0, abi.encodeCall(IBountyEscrow.accept, (t, id)));
            bytes memory attest = abi.encodeCall(IBountyEscrow.attest, (t, id, true, expiry, mask, signatures));
            require(!canLapse || !_possible(0, attest), "attest and lapse");
            require(!canLapse || !canAccept, "accept and lapse");
            require(!canAccept || !_possible(0, abi.encodeCall(IBountyEscrow.refund, (t))), "accept and refund");
            require(!canAccept || !_possible(0, abi.encodeCall(IBountyEscrow.release, (t, id))), "accept and release");
        }
    }

    /// The game reaches payments and refunds; otherwise the properties above would say little.
    function test_thePlayReachesBothEnds() external {
        uint256 paid = 0;
        uint256 refunded = 0;
        for (uint256 round = 0; round < 12; ++round) {
            uint256[24] memory seeds;
            for (uint256 i = 0; i < 24; ++i) seeds[i] = uint256(keccak256(abi.encode(round, i)));
            setUp();
            this.play(seeds);
            paid += handler.paid();
            refunded += handler.refunded();
        }
        require(paid > 1, "few payments");
        require(refunded > 1, "few refunds");
    }

    function play(uint256[24] calldata seeds) external {
        _play(seeds);
    }

    /// Undoes what it tried: reverts with one byte that says whether the call went through.
    function probe(uint256 value, bytes calldata data) external {
        vm.deal(address(this), value);
        (bool ok, ) = address(escrow).call{value: value}(data);
        bytes memory answer = abi.encodePacked(ok);
        assembly ("memory-safe") {
            revert(add(answer, 32), 1)
        }
    }

    function _possible(uint256 value, bytes memory data) private returns (bool ok) {
        try this.probe(value, data) {} catch (bytes memory answer) {
            require(answer.length == 1, "the probe failed");
            ok = answer[0] != 0;
        }
    }

    function _play(uint256[24] calldata seeds) private {
        handler.post(seeds[0] >> 1);
        for (uint256 i = 1; i < 24; ++i) {
            uint256 seed = seeds[i] >> 8;
            uint256 move = seeds[i] & 15;
            if (move == 0) handler.post(seed);
            else if (move < 5) handler.claim(seed);
            else if (move < 8) handler.attest(seed);
            else if (move < 10) handler.accept(seed);
            else if (move == 10) handler.lapse(seed);
            else if (move == 11) handler.refund(seed);
            else if (move == 12) handler.release(seed);
            else if (move == 13) handler.withdraw(seed);
            else handler.wait(seed);
        }
    }
}
