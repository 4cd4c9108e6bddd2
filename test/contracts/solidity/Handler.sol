// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {BountyEscrow} from "../../../contracts/BountyEscrow.sol";
import {Body, Kind, Point, Rule, Terms} from "../../../contracts/Types.sol";
import {IBountyEscrow} from "../../../contracts/interfaces/IBountyEscrow.sol";
import {MockDelivery, MockFraudProof} from "../mocks/Checkers.sol";
import {vm} from "./Vm.sol";

contract Coin is ERC20("Coin", "CN") {
    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }
}

/// Drives an escrow with random calls of a few people on a few bounties, and remembers what was ever posted and claimed.
/// Calls that the escrow refuses are swallowed: they are part of the game.
contract Handler {
    struct Made {
        bytes32 id;
        uint256 bounty;
    }

    uint256 internal constant PEOPLE = 4;
    uint256 internal constant ATTESTERS = 3;

    BountyEscrow public immutable escrow = new BountyEscrow(
        1 hours,
        30 minutes,
        new MockFraudProof(),
        new MockDelivery()
    );
    Coin public immutable coin = new Coin();

    Terms[] internal _terms;
    bytes32[] public bountyIds;
    Made[] public claims;
    address[] internal _people;
    uint256[] internal _keys;
    address[] internal _attesters;
    uint256 internal _time = 1_800_000_000;

    /// The last status seen of each bounty and claim, to find one that left a terminal state.
    mapping(bytes32 id => IBountyEscrow.BountyStatus) public bountySeen;
    mapping(bytes32 id => IBountyEscrow.ClaimStatus) public claimSeen;
    bool public leftTerminalState;
    uint256 public paid;
    uint256 public refunded;

    constructor() {
        for (uint256 i = 0; i < PEOPLE; ++i) _people.push(address(uint160(0xA000 + i)));
        for (uint256 key = 1; _attesters.length < ATTESTERS; ++key) {
            address attester = vm.addr(key);
            if (_attesters.length != 0 && attester <= _attesters[_attesters.length - 1]) continue;
            _attesters.push(attester);
            _keys.push(key);
        }
        vm.warp(_time);
    }

    modifier watched() {
        vm.warp(_time);
        _;
        _watch();
    }

    // --- Calls ---

    function post(uint256 seed) external watched {
        Terms memory t;
        t.poster = _person(seed);
        t.token = seed & 1 == 0 ? address(0) : address(coin);
        t.reward = (seed >> 8) % 5 ether;
        t.bond = (seed >> 80) % 1 ether;
        t.attesterFee = (seed >> 120) % 0.1 ether;
        t.kind = Kind.Training;
        t.rule = Rule.Attested;
        t.signers = _attesters;
        t.threshold = uint16(1 + ((seed >> 160) % ATTESTERS));
        t.steps = 4;
        t.stepsPerProof = 2;
        t.claimBy = uint64(_time + 1 + ((seed >> 170) % 3 days));
        t.window = uint64(1 hours + ((seed >> 190) % 3 days));
        t.salt = bytes32(_terms.length);
        uint256 value = t.attesterFee * t.threshold;
        if (t.token == address(0)) {
            value += t.reward;
        } else {
            coin.mint(t.poster, t.reward);
            vm.prank(t.poster);
            coin.approve(address(escrow), t.reward);
        }
        vm.deal(t.poster, value);
        vm.prank(t.poster);
        bountyIds.push(escrow.post{value: value}(t));
        _terms.push(t);
    }

    function claim(uint256 seed) external watched {
        if (_terms.length == 0) return;
        uint256 bounty = _recent(seed, _terms.length);
        Terms memory t = _terms[bounty];
        Body memory b;
        b.nonce = bytes32(claims.length);
        address by = _person(seed >> 64);
        vm.deal(by, t.bond);
        vm.prank(by);
        try escrow.claim{value: t.bond}(t, b) returns (bytes32 id) {
            claims.push(Made(id, bounty));
        } catch {}
    }

    function attest(uint256 seed) external watched {
        if (claims.length == 0) return;
        Made memory made = claims[_recent(seed, claims.length)];
        Terms memory t = _terms[made.bounty];
        bool valid = (seed >> 64) & 3 != 0;
        uint64 expiry = uint64(_time + 1 + ((seed >> 72) % 1 days));
        (uint16 mask, bytes[] memory signatures) = signatures_(made.id, valid, expiry, t.threshold);
        try escrow.attest(t, made.id, valid, expiry, mask, signatures) {} catch {}
    }

    function accept(uint256 seed) external watched {
        if (claims.length == 0) return;
        Made memory made = claims[_recent(seed, claims.length)];
        // Three times of four the claim whose turn it is.
        if ((seed >> 64) & 3 != 0) made.id = escrow.bountyOf(bountyIds[made.bounty]).first;
        try escrow.accept(_terms[made.bounty], made.id) {
            ++paid;
        } catch {}
    }

    function lapse(uint256 seed) external watched {
        if (claims.length == 0) return;
        Made memory made = claims[_recent(seed, claims.length)];
        try escrow.lapse(_terms[made.bounty], made.id) {} catch {}
    }

    function refund(uint256 seed) external watched {
        if (_terms.length == 0) return;
        try escrow.refund(_terms[_recent(seed, _terms.length)]) {
            ++refunded;
        } catch {}
    }

    function release(uint256 seed) external watched {
        if (claims.length == 0) return;
        Made memory made = claims[_recent(seed, claims.length)];
        try escrow.release(_terms[made.bounty], made.id) {} catch {}
    }

    function withdraw(uint256 seed) external watched {
        uint256 who = (seed >> 8) % (PEOPLE + ATTESTERS);
        vm.prank(who < PEOPLE ? _people[who] : _attesters[who - PEOPLE]);
        try escrow.withdraw(seed & 1 == 0 ? address(0) : address(coin), address(0xD00D)) {} catch {}
    }

    function wait(uint256 seed) external watched {
        _time += seed % 2 days;
        vm.warp(_time);
    }

    // --- What a test asks ---

    /// What the escrow owes in a token: open rewards and fees, bonds of claims without an end, credits.
    function liabilities(address token) external view returns (uint256 sum) {
        for (uint256 i = 0; i < _terms.length; ++i) {
            if (escrow.bountyOf(bountyIds[i]).status != IBountyEscrow.BountyStatus.Open) continue;
            if (_terms[i].token == token) sum += _terms[i].reward;
            if (token == address(0)) sum += _terms[i].attesterFee * _terms[i].threshold;
        }
        if (token == address(0)) {
            for (uint256 i = 0; i < claims.length; ++i) {
                IBountyEscrow.ClaimStatus status = escrow.claimOf(claims[i].id).status;
                bool holdsBond =
                    status == IBountyEscrow.ClaimStatus.Pending || status == IBountyEscrow.ClaimStatus.Superseded;
                if (holdsBond) sum += _terms[claims[i].bounty].bond;
            }
        }
        for (uint256 i = 0; i < PEOPLE; ++i) sum += escrow.credits(token, _people[i]);
        for (uint256 i = 0; i < ATTESTERS; ++i) sum += escrow.credits(token, _attesters[i]);
    }

    function termsOf(uint256 bounty) external view returns (Terms memory) {
        return _terms[bounty];
    }

    function counts() external view returns (uint256 bounties, uint256 claimed) {
        return (_terms.length, claims.length);
    }

    function time() external view returns (uint256) {
        return _time;
    }

    function signatures_(
        bytes32 id,
        bool valid,
        uint64 expiry,
        uint256 threshold
    ) public view returns (uint16 mask, bytes[] memory signatures) {
        bytes32 digest = escrow.verdictDigest(id, valid, expiry);
        signatures = new bytes[](threshold);
        for (uint256 i = 0; i < threshold; ++i) {
            (uint8 v, bytes32 r, bytes32 s) = vm.sign(_keys[i], digest);
            signatures[i] = abi.encodePacked(r, s, v);
        }
        mask = uint16((1 << threshold) - 1);
    }

    /// An index among the last few, so that the calls of a sequence meet.
    function _recent(uint256 seed, uint256 count) private pure returns (uint256) {
        return count - 1 - (seed % (count < 5 ? count : 5));
    }

    function _person(uint256 seed) private view returns (address) {
        return _people[(seed >> 4) % PEOPLE];
    }

    function _watch() private {
        for (uint256 i = 0; i < bountyIds.length; ++i) {
            bytes32 id = bountyIds[i];
            IBountyEscrow.BountyStatus before = bountySeen[id];
            IBountyEscrow.BountyStatus current = escrow.bountyOf(id).status;
            if (before > IBountyEscrow.BountyStatus.Open && current != before) leftTerminalState = true;
            bountySeen[id] = current;
        }
        for (uint256 i = 0; i < claims.length; ++i) {
            bytes32 id = claims[i].id;
            IBountyEscrow.ClaimStatus before = claimSeen[id];
            IBountyEscrow.ClaimStatus current = escrow.claimOf(id).status;
            bool terminal =
                before == IBountyEscrow.ClaimStatus.Paid ||
                    before == IBountyEscrow.ClaimStatus.Rejected ||
                    before == IBountyEscrow.ClaimStatus.Released;
            bool released =
                before != IBountyEscrow.ClaimStatus.Superseded ||
                    current == IBountyEscrow.ClaimStatus.Superseded ||
                    current == IBountyEscrow.ClaimStatus.Released;
            if ((terminal && current != before) || !released) leftTerminalState = true;
            claimSeen[id] = current;
        }
    }
}
