// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {BountyEscrow} from "../../../contracts/BountyEscrow.sol";
import {Body, Kind, Rule, Terms} from "../../../contracts/Types.sol";
import {IBountyEscrow} from "../../../contracts/interfaces/IBountyEscrow.sol";
import {IDelivery} from "../../../contracts/interfaces/IDelivery.sol";
import {IFraudProof} from "../../../contracts/interfaces/IFraudProof.sol";
import {Handler} from "./Handler.sol";
import {Table} from "./Table.sol";
import {vm} from "./Vm.sol";

/// Properties that need a sequence of calls and then a particular end.
contract EscrowTest {
    uint256 internal constant MOVES = 60;
    bytes32 internal constant K = keccak256("K");
    bytes32 internal constant DIGEST = keccak256("inputs");
    bytes32 internal constant SALT = keccak256("salt");

    Handler internal handler;
    BountyEscrow internal escrow;

    function setUp() public {
        handler = new Handler(false);
        escrow = handler.escrow();
    }

    /// Time alone, and anybody's calls, lead every bounty, claim and demand to a terminal state, and everything out of the
    /// escrow, though no party does anything any more.
    function testFuzz_timeEndsEverything(uint256[MOVES] calldata seeds) external {
        _play(seeds);
        uint256 time = handler.time() + 100 days;
        vm.warp(time);
        (uint256 bounties, uint256 claimed, uint256 demanded) = handler.counts();
        for (uint256 i = 0; i < bounties; ++i) {
            for (uint256 turns = 0; _isOpen(i); ++turns) {
                require(turns < 3 * claimed + 3, "a bounty does not end");
                _next(i, demanded);
                time += 100 days;
                vm.warp(time);
            }
        }
        _afterTheEnd(bounties, claimed, demanded);
        require(handler.liabilities(address(0)) == address(escrow).balance, "coins without an owner");
        for (uint256 i = 0; i < 14; ++i) _try(Handler.withdraw.selector, (i / 2) * 256 + (i & 1));
        require(address(escrow).balance == 0, "native coin is stuck");
        require(handler.coin().balanceOf(address(escrow)) == 0, "tokens are stuck");
    }

    /// Of an action and its counter-action at most one is possible at any time.
    function testFuzz_actionOrCounterAction(uint256[MOVES] calldata seeds, uint256 later) external {
        _play(seeds);
        uint256 time = handler.time() + (later % 1 days);
        vm.warp(time);
        (uint256 bounties, uint256 claimed, uint256 demanded) = handler.counts();
        for (uint256 i = 0; i < bounties; ++i) _probeBounty(i);
        for (uint256 i = 0; i < claimed; ++i) _probeClaim(i, time);
        for (uint256 i = 0; i < demanded; ++i) _probeDemand(i);
    }

    /// The handler's calls reach every end; otherwise the properties above would say little. Seeds are read as in `makeTerms`.
    function test_theCallsReachEveryEnd() external {
        uint256 optimistic = 1 << 12;
        uint256 delivering = optimistic | (1 << 16);
        uint256 lie = (1 << 72) | (1 << 76);
        uint256 truth = 1 << 76;

        handler.post(0);
        handler.claim(truth);
        handler.attest(1 << 64);
        handler.accept(0);
        require(handler.paid() == 1, "no payment by a verdict");
        handler.collect(0);
        require(!_try(Handler.collect.selector, 0) && handler.collected() == 1, "no fees collected, or twice");

        handler.post(optimistic);
        handler.claim(lie);
        handler.challenge(0);
        require(handler.challenged() == 1, "no challenge");
        handler.wait(2 hours);
        handler.refund(0);
        require(handler.refunded() == 1, "no refund");

        handler.post(optimistic);
        handler.claim(lie);
        handler.demand(0);
        handler.wait(2 hours);
        handler.defaulted(0);
        require(handler.defaults() == 1, "no default");

        handler.post(delivering);
        handler.claim(lie);
        handler.claim(truth);
        handler.demand(2 << 64);
        handler.wait(2 hours);
        handler.accept(1 << 64);
        handler.reveal(0);
        handler.complain(0);
        require(handler.complaints() == 1, "no complaint");
        handler.accept(0);
        handler.wait(1 hours);
        handler.wait(1 hours);
        handler.settle(0);
        require(handler.settled() == 1, "no settlement of a claim that answered and revealed");

        handler.post((1 << 17) | (6000 << 240));
        handler.reserve(0);
        require(handler.reserved() == 1, "no reservation");
        handler.claim(0);

        handler.post(3 << 2);
        handler.enter(0);
        handler.wait(1);
        handler.disclose(0);
        require(handler.disclosed() == 1, "no disclosure");
        handler.claim(0);
        handler.attest(1 << 64);
        handler.accept(0);
        require(handler.paid() == 3, "no payment of an entrant");
        require(!handler.honestClaimLostItsBond() && !handler.leftTerminalState(), "the watch is wrong");
    }

    /// Undoes what it tried: reverts with one byte that says whether the call went through.
    function probe(address by, uint256 value, bytes calldata data) external {
        vm.deal(by, value);
        vm.prank(by);
        (bool ok, ) = address(escrow).call{value: value}(data);
        bytes memory answer = abi.encodePacked(ok);
        assembly ("memory-safe") {
            revert(add(answer, 32), 1)
        }
    }

    // --- The end of everything ---

    /// One call that anybody can make, once all times are over.
    function _next(uint256 bounty, uint256 demanded) private {
        Terms memory t = handler.termsOf(bounty);
        IBountyEscrow.Bounty memory record = escrow.bountyOf(handler.bountyIds(bounty));
        bytes32 first = record.first;
        if (first == 0) {
            if (t.kind != Kind.Training && !record.disclosed) escrow.undisclosed(t);
            else escrow.refund(t);
            return;
        }
        IBountyEscrow.Claim memory entry = escrow.claimOf(first);
        bool pending = entry.status == IBountyEscrow.ClaimStatus.Pending;
        if (pending && entry.openDemands != 0) return _default(t, first, demanded);
        if (pending && t.rule == Rule.Attested && entry.attesters == 0) return escrow.lapse(t, first);
        if (pending) return escrow.accept(t, first);
        if (entry.status == IBountyEscrow.ClaimStatus.Accepted) return escrow.unrevealed(t, first);
        if (entry.openRowDemands != 0) return _default(t, first, demanded);
        escrow.settle(t, first);
    }

    /// Defaults any open demand of the claim.
    function _default(Terms memory t, bytes32 id, uint256 demanded) private {
        for (uint256 i = 0; i < demanded; ++i) {
            Table.Asked memory asked = handler.askedOf(i);
            (bytes32 of_, , , , ) = handler.claims(asked.claim);
            if (of_ != id || handler.demandStatus(i) != IBountyEscrow.DemandStatus.Open) continue;
            return escrow.defaulted(t, id, asked.node);
        }
        revert("an open demand that nobody made");
    }

    function _afterTheEnd(uint256 bounties, uint256 claimed, uint256 demanded) private {
        for (uint256 i = 0; i < claimed; ++i) {
            (bytes32 id, uint256 of_, , , ) = handler.claims(i);
            IBountyEscrow.Claim memory entry = escrow.claimOf(id);
            IBountyEscrow.ClaimStatus status = entry.status;
            if (status == IBountyEscrow.ClaimStatus.Superseded) escrow.release(handler.termsOf(of_), id);
            if (handler.owesFees(entry)) escrow.collect(handler.termsOf(of_), id);
            require(status >= IBountyEscrow.ClaimStatus.Paid, "a claim is still live");
        }
        for (uint256 i = 0; i < demanded; ++i) {
            if (handler.demandStatus(i) != IBountyEscrow.DemandStatus.Open) continue;
            Table.Asked memory asked = handler.askedOf(i);
            (bytes32 id, uint256 of_, , , ) = handler.claims(asked.claim);
            escrow.reclaim(handler.termsOf(of_), id, asked.node);
        }
        for (uint256 i = 0; i < bounties; ++i) {
            for (uint256 p = 0; p < 4; ++p) {
                address entrant = handler.person(p);
                bool holds = escrow.entryOf(handler.bountyIds(i), entrant).holdsBond;
                if (holds) escrow.releaseEntry(handler.termsOf(i), entrant);
            }
        }
    }

    // --- Action and counter-action ---

    function _probeBounty(uint256 i) private {
        Terms memory t = handler.termsOf(i);
        address entrant = handler.person(0);
        Body memory b;
        b.nonce = keccak256("probe");
        b.adapterRoot = bytes32(uint256(uint160(entrant)));
        if (t.deliveryDepth != 0) b.ephemeralKey = t.deliveryKey;
        bytes memory claim = abi.encodeCall(IBountyEscrow.claim, (t, b));
        bool canClaim = _possible(entrant, t.bond, claim) || _possible(entrant, 0, claim);
        bool canReserve = _possible(entrant, t.bond, abi.encodeCall(IBountyEscrow.reserve, (t)));
        bool canRefund = _possible(entrant, 0, abi.encodeCall(IBountyEscrow.refund, (t)));
        bool canEnter = _possible(handler.person(1), t.bond, abi.encodeCall(IBountyEscrow.enter, (t, DIGEST)));
        bool canDisclose = _possible(t.poster, 0, abi.encodeCall(IBountyEscrow.disclose, (t, DIGEST, SALT, "")));
        bool canUndisclosed = _possible(entrant, 0, abi.encodeCall(IBountyEscrow.undisclosed, (t)));
        bool canLeave = _possible(entrant, 0, abi.encodeCall(IBountyEscrow.releaseEntry, (t, entrant)));
        require(!canRefund || !(canClaim || canReserve || canEnter || canDisclose), "refund");
        require(!canEnter || !canDisclose, "enter and disclose");
        require(!canUndisclosed || !(canDisclose || canEnter || canClaim || canRefund), "undisclosed");
        require(!canLeave || !canClaim, "claim and releaseEntry");
    }

    function _probeClaim(uint256 i, uint256 time) private {
        (bytes32 id, uint256 of_, address claimant, , ) = handler.claims(i);
        Terms memory t = handler.termsOf(of_);
        bool canLapse = _anyone(abi.encodeCall(IBountyEscrow.lapse, (t, id)));
        bool canAccept = _anyone(abi.encodeCall(IBountyEscrow.accept, (t, id)));
        bool canAttest = _canAttest(t, id, uint64(time + 1));
        require(!canLapse || !(canAttest || canAccept), "lapse");
        if (canAccept) {
            require(!_anyone(abi.encodeCall(IBountyEscrow.refund, (t))), "accept and refund");
            require(!_anyone(abi.encodeCall(IBountyEscrow.release, (t, id))), "accept and release");
        }
        Body memory b = handler.bodyOf(i);
        IDelivery.Complaint memory c;
        bool canReveal = _anyone(abi.encodeCall(IBountyEscrow.reveal, (t, claimant, b, K)));
        bool canUnrevealed = _anyone(abi.encodeCall(IBountyEscrow.unrevealed, (t, id)));
        bool canSettle = _anyone(abi.encodeCall(IBountyEscrow.settle, (t, id)));
        bool canComplain = _possible(t.poster, 0, abi.encodeCall(IBountyEscrow.complain, (t, claimant, b, K, c)));
        require(!canReveal || !canUnrevealed, "reveal and unrevealed");
        require(!canSettle || !(canComplain || canReveal || canUnrevealed), "settle");
        if (canSettle) {
            IBountyEscrow.Node memory n = IBountyEscrow.Node(IFraudProof.Tree.Cipher, 0, 3);
            bytes memory demand = abi.encodeCall(IBountyEscrow.demand, (t, id, n, handler.key_()));
            require(!_possible(t.poster, t.demandFee, demand), "settle and demand");
        }
    }

    function _probeDemand(uint256 i) private {
        Table.Asked memory asked = handler.askedOf(i);
        (bytes32 id, uint256 of_, address claimant, , ) = handler.claims(asked.claim);
        Terms memory t = handler.termsOf(of_);
        (bytes32[] memory words, bytes32[] memory path) = handler.answerOf(i);
        Body memory b = handler.bodyOf(asked.claim);
        bool canAnswer = _anyone(
            abi.encodeCall(IBountyEscrow.answer, (t, claimant, b, asked.node, handler.key_(), words, path))
        );
        bool canDefault = _anyone(abi.encodeCall(IBountyEscrow.defaulted, (t, id, asked.node)));
        bool canReclaim = _anyone(abi.encodeCall(IBountyEscrow.reclaim, (t, id, asked.node)));
        require(!canAnswer || !canDefault, "answer and defaulted");
        require(!canReclaim || !(canAnswer || canDefault), "reclaim");
    }

    function _canAttest(Terms memory t, bytes32 id, uint64 expiry) private returns (bool) {
        (uint16 mask, bytes[] memory signatures) = handler.signatures_(id, true, expiry, t.threshold);
        return _anyone(abi.encodeCall(IBountyEscrow.attest, (t, id, true, expiry, mask, signatures)));
    }

    function _anyone(bytes memory data) private returns (bool) {
        return _possible(address(0xBEEF), 0, data);
    }

    function _possible(address by, uint256 value, bytes memory data) private returns (bool ok) {
        try this.probe(by, value, data) {} catch (bytes memory answer) {
            require(answer.length == 1, "the probe failed");
            ok = answer[0] != 0;
        }
    }

    function _isOpen(uint256 bounty) private view returns (bool) {
        return escrow.bountyOf(handler.bountyIds(bounty)).status == IBountyEscrow.BountyStatus.Open;
    }

    // --- Play ---

    function _play(uint256[MOVES] calldata seeds) private {
        handler.post(uint256(keccak256(abi.encode(seeds[0]))));
        for (uint256 i = 1; i < MOVES; ++i) {
            // Fuzzers like numbers with few bits; the game wants all of them.
            uint256 seed = uint256(keccak256(abi.encode(seeds[i], i)));
            uint256 move = seed & 63;
            seed >>= 8;
            _try(move < 60 ? _moveOf(move, seed) : Handler.wait.selector, seed);
        }
    }

    function _moveOf(uint256 move, uint256 seed) private pure returns (bytes4) {
        if (move < 5) return Handler.post.selector;
        if (move < 13) return Handler.claim.selector;
        if (move < 17) return Handler.attest.selector;
        if (move < 22) return Handler.accept.selector;
        if (move < 26) return Handler.complain.selector;
        if (move < 29) return _tidying((seed >> 250) & 15);
        if (move < 32) return Handler.enter.selector;
        if (move < 34) return Handler.disclose.selector;
        if (move < 39) return Handler.reveal.selector;
        if (move < 41) return Handler.settle.selector;
        if (move < 43) return Handler.advance.selector;
        if (move == 43) return Handler.challenge.selector;
        if (move < 48) return Handler.demand.selector;
        if (move < 50) return Handler.answer.selector;
        if (move < 54) return Handler.defaulted.selector;
        if (move < 57) return Handler.reserve.selector;
        return Handler.advance.selector;
    }

    function _tidying(uint256 move) private pure returns (bytes4) {
        if (move < 3) return Handler.lapse.selector;
        if (move < 5) return Handler.refund.selector;
        if (move < 8) return Handler.unrevealed.selector;
        if (move < 10) return Handler.undisclosed.selector;
        if (move == 10) return Handler.releaseEntry.selector;
        if (move == 11) return Handler.reclaim.selector;
        if (move == 12) return Handler.release.selector;
        if (move == 13) return Handler.collect.selector;
        return Handler.withdraw.selector;
    }

    /// A call that may be refused.
    function _try(bytes4 selector, uint256 seed) private returns (bool ok) {
        (ok, ) = address(handler).call(abi.encodeWithSelector(selector, seed));
    }
}
