// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Body, Terms} from "../../../contracts/Types.sol";
import {IBountyEscrow} from "../../../contracts/interfaces/IBountyEscrow.sol";
import {IDelivery} from "../../../contracts/interfaces/IDelivery.sol";
import {IFraudProof} from "../../../contracts/interfaces/IFraudProof.sol";
import {Choice} from "./Choice.sol";
import {vm} from "./Vm.sol";

/// Drives an escrow with random calls of a few people on a few bounties. A call that the escrow refuses reverts, and so does one
/// that finds nothing to call about: they are part of the game, and counted. Honest claimants, whose claims are true, answer and
/// reveal before time runs out on them.
contract Handler is Choice {
    /// The last status seen of each bounty, claim and demand, to find one that left a terminal state.
    mapping(bytes32 id => IBountyEscrow.BountyStatus) public bountySeen;
    mapping(bytes32 id => IBountyEscrow.ClaimStatus) public claimSeen;
    mapping(uint256 asked => IBountyEscrow.DemandStatus) public demandSeen;
    mapping(bytes32 claimId => uint256 index) private _indexOf;
    bool public leftTerminalState;
    bool public honestClaimLostItsBond;
    uint256 public paid;
    uint256 public refunded;
    uint256 public challenged;
    uint256 public defaults;
    uint256 public complaints;
    uint256 public settled;
    uint256 public reserved;
    uint256 public disclosed;
    uint256 public collected;

    constructor(bool mixing) Choice(mixing) {} // solhint-disable-line no-empty-blocks

    modifier watched() {
        vm.warp(_time);
        _;
        _watch();
    }

    // --- Bounties ---

    function post(uint256 seed) external watched {
        seed = _mixed(seed);
        Terms memory t = makeTerms(seed);
        uint256 value = t.attesterFee * t.threshold + t.disclosureBond;
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

    function reserve(uint256 seed) external watched {
        seed = _mixed(seed);
        Terms memory t = _terms[_pick(seed, _terms.length, _reservable)];
        _pay(_person(seed >> 64), t.bond);
        escrow.reserve{value: t.bond}(t);
        ++reserved;
    }

    function enter(uint256 seed) external watched {
        seed = _mixed(seed);
        Terms memory t = _terms[_pick(seed, _terms.length, _enterable)];
        address by = _person(seed >> 64);
        _pay(by, t.bond);
        escrow.enter{value: t.bond}(t, bytes32(uint256(uint160(by))));
    }

    function disclose(uint256 seed) external watched {
        seed = _mixed(seed);
        Terms memory t = _terms[_pick(seed, _terms.length, _disclosable)];
        vm.prank(t.poster);
        escrow.disclose(t, DIGEST, SALT, "");
        ++disclosed;
    }

    function undisclosed(uint256 seed) external watched {
        seed = _mixed(seed);
        escrow.undisclosed(_terms[_pick(seed, _terms.length, _undisclosable)]);
        ++refunded;
    }

    function releaseEntry(uint256 seed) external watched {
        seed = _mixed(seed);
        uint256 bounty = _pick(seed, _terms.length, _leavable);
        address entrant = _entrant(bounty, seed >> 64);
        escrow.releaseEntry(_terms[bounty], entrant == address(0) ? _person(seed >> 64) : entrant);
    }

    function refund(uint256 seed) external watched {
        seed = _mixed(seed);
        escrow.refund(_terms[_pick(seed, _terms.length, _refundable)]);
        ++refunded;
    }

    // --- Claims ---

    function claim(uint256 seed) external watched {
        seed = _mixed(seed);
        uint256 bounty = _pick(seed, _terms.length, _claimable);
        // In three of four, whoever is in already.
        IBountyEscrow.Bounty memory record = escrow.bountyOf(bountyIds[bounty]);
        address by =
            record.reservedUntil > _time && record.reservedBy != address(0)
                ? record.reservedBy
                : _entrant(bounty, seed >> 64);
        if (by == address(0) || (seed >> 80) & 3 == 3) by = _person(seed >> 64);
        bytes32 nonce = bytes32(claims.length);
        bool honest = (seed >> 72) & 1 == 0;
        Body memory b = _body(bounty, by, nonce, honest);
        // Its bond may be in already; sometimes the wrong value is sent.
        bool held = record.reservedBy == by && record.reservedUntil > _time;
        held = held || escrow.entryOf(bountyIds[bounty], by).holdsBond;
        uint256 value = held == ((seed >> 76) & 7 == 7) ? _terms[bounty].bond : 0;
        _pay(by, value);
        bytes32 id = escrow.claim{value: value}(_terms[bounty], b);
        _indexOf[id] = claims.length;
        claims.push(Made(id, bounty, by, nonce, honest));
    }

    function attest(uint256 seed) external watched {
        seed = _mixed(seed);
        Made memory made = claims[_pick(seed, claims.length, _attestable)];
        Terms memory t = _terms[made.bounty];
        bool valid = (seed >> 64) & 3 != 0;
        uint64 expiry = uint64(_time + 1 + ((seed >> 72) % 1 days));
        (uint16 mask, bytes[] memory signatures) = signatures_(made.id, valid, expiry, t.threshold);
        escrow.attest(t, made.id, valid, expiry, mask, signatures);
    }

    function accept(uint256 seed) external watched {
        seed = _mixed(seed);
        Made memory made = claims[_pick(seed, claims.length, _acceptable)];
        escrow.accept(_terms[made.bounty], made.id);
        if (_terms[made.bounty].deliveryDepth == 0) ++paid;
    }

    function lapse(uint256 seed) external watched {
        seed = _mixed(seed);
        Made memory made = claims[_pick(seed, claims.length, _lapsed)];
        escrow.lapse(_terms[made.bounty], made.id);
    }

    function release(uint256 seed) external watched {
        seed = _mixed(seed);
        Made memory made = claims[_pick(seed, claims.length, _superseded)];
        escrow.release(_terms[made.bounty], made.id);
    }

    function collect(uint256 seed) external watched {
        seed = _mixed(seed);
        Made memory made = claims[_pick(seed, claims.length, _collectable)];
        escrow.collect(_terms[made.bounty], made.id);
        ++collected;
    }

    function reveal(uint256 seed) external watched {
        seed = _mixed(seed);
        _reveal(_pick(seed, claims.length, _revealable));
    }

    function unrevealed(uint256 seed) external watched {
        seed = _mixed(seed);
        Made memory made = claims[_pick(seed, claims.length, _overdue)];
        escrow.unrevealed(_terms[made.bounty], made.id);
        _lost(made);
    }

    function complain(uint256 seed) external watched {
        seed = _mixed(seed);
        uint256 i = _pick(seed, claims.length, _complainable);
        Made memory made = claims[i];
        IDelivery.Complaint memory c;
        Body memory b = bodyOf(i);
        vm.prank(_terms[made.bounty].poster);
        escrow.complain(_terms[made.bounty], made.claimant, b, K, c);
        ++complaints;
        _lost(made);
    }

    function settle(uint256 seed) external watched {
        seed = _mixed(seed);
        Made memory made = claims[_pick(seed, claims.length, _settleable)];
        escrow.settle(_terms[made.bounty], made.id);
        ++paid;
        ++settled;
    }

    /// The next step towards payment of the claim whose turn it is, at its time.
    function advance(uint256 seed) external watched {
        seed = _mixed(seed);
        uint256 bounty = _recent(seed, _terms.length);
        bytes32 id = escrow.bountyOf(bountyIds[bounty]).first;
        require(id != 0, "no claim");
        IBountyEscrow.Claim memory entry = escrow.claimOf(id);
        if (entry.status == IBountyEscrow.ClaimStatus.Accepted) {
            if (!_hides(_indexOf[id])) return _reveal(_indexOf[id]);
            require(entry.deadline > _time, "its time is over");
            return _wait(entry.deadline - _time);
        }
        if (entry.attesters == 0 || entry.status == IBountyEscrow.ClaimStatus.Revealed) {
            if (entry.deadline > _time) _wait(entry.deadline - _time);
        }
        if (entry.status == IBountyEscrow.ClaimStatus.Pending) {
            escrow.accept(_terms[bounty], id);
            if (_terms[bounty].deliveryDepth == 0) ++paid;
        } else {
            escrow.settle(_terms[bounty], id);
            ++paid;
            ++settled;
        }
    }

    // --- Doubts ---

    function challenge(uint256 seed) external watched {
        seed = _mixed(seed);
        uint256 i = _pick(seed, claims.length, _challengeable);
        Made memory made = claims[i];
        address by = _person(seed >> 64);
        vm.prank(by);
        escrow.commit(keccak256(abi.encode(made.id, uint256(0), by, SALT)));
        _wait(1);
        IFraudProof.Accusation memory accusation;
        Body memory b = bodyOf(i);
        vm.prank(by);
        escrow.challenge(_terms[made.bounty], made.claimant, b, SALT, key_(), accusation);
        ++challenged;
        _lost(made);
    }

    function demand(uint256 seed) external watched {
        seed = _mixed(seed);
        uint256 i = _pick(seed, claims.length, _demandable);
        Terms memory t = _terms[claims[i].bounty];
        IBountyEscrow.Node memory n;
        n.tree = IFraudProof.Tree((seed >> 64) % 3);
        n.level = uint8((seed >> 72) % 4);
        n.index = uint64((seed >> 80) % 3);
        address by = n.tree == IFraudProof.Tree.Cipher ? t.poster : _person(seed >> 90);
        _pay(by, t.demandFee);
        escrow.demand{value: t.demandFee}(t, claims[i].id, n, key_());
        _asked.push(Asked(i, n));
    }

    function answer(uint256 seed) external watched {
        seed = _mixed(seed);
        _answer(_pick(seed, _asked.length, _answerable));
    }

    function defaulted(uint256 seed) external watched {
        seed = _mixed(seed);
        Asked memory asked = _asked[_pick(seed, _asked.length, _defaultable)];
        Made memory made = claims[asked.claim];
        escrow.defaulted(_terms[made.bounty], made.id, asked.node);
        ++defaults;
        _lost(made);
    }

    function reclaim(uint256 seed) external watched {
        seed = _mixed(seed);
        Asked memory asked = _asked[_pick(seed, _asked.length, _reclaimable)];
        Made memory made = claims[asked.claim];
        escrow.reclaim(_terms[made.bounty], made.id, asked.node);
    }

    // --- Money and time ---

    function withdraw(uint256 seed) external watched {
        seed = _mixed(seed);
        address token = seed & 1 == 0 ? address(0) : address(coin);
        address by = _payee(seed >> 8);
        for (uint256 n = 1; n < PEOPLE + ATTESTERS && escrow.credits(token, by) == 0; ++n) by = _payee((seed >> 8) + n);
        vm.prank(by);
        escrow.withdraw(token, address(0xD00D));
    }

    function wait(uint256 seed) external watched {
        seed = _mixed(seed);
        _wait(seed % 3 hours);
    }

    // --- The honest, and what is watched ---

    /// Time passes, but not before honest claimants have done what they must do by then.
    function _wait(uint256 span) private {
        for (uint256 i = 0; i < _asked.length; ++i) {
            Made memory made = claims[_asked[i].claim];
            bool due = made.honest && escrow.demandOf(made.id, _asked[i].node).answerBy <= _time + span;
            if (due && _answerable(i)) _answer(i);
        }
        for (uint256 i = 0; i < claims.length; ++i) {
            IBountyEscrow.Claim memory entry = escrow.claimOf(claims[i].id);
            bool accepted = entry.status == IBountyEscrow.ClaimStatus.Accepted;
            bool due = claims[i].honest && accepted && entry.deadline <= _time + span;
            if (due && _revealable(i)) _reveal(i);
        }
        _time += span;
        vm.warp(_time);
    }

    function _answer(uint256 asked) private {
        Made memory made = claims[_asked[asked].claim];
        (bytes32[] memory words, bytes32[] memory path) = answerOf(asked);
        Body memory b = bodyOf(_asked[asked].claim);
        escrow.answer(_terms[made.bounty], made.claimant, b, _asked[asked].node, key_(), words, path);
    }

    function _reveal(uint256 i) private {
        escrow.reveal(_terms[claims[i].bounty], claims[i].claimant, bodyOf(i), K);
    }

    function _lost(Made memory made) private {
        if (made.honest) honestClaimLostItsBond = true;
    }

    function _payee(uint256 n) private view returns (address) {
        n %= PEOPLE + ATTESTERS;
        return n < PEOPLE ? _people[n] : _attesters[n - PEOPLE];
    }

    function _pay(address by, uint256 value) private {
        vm.deal(by, value);
        vm.prank(by);
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
        for (uint256 i = 0; i < _asked.length; ++i) {
            IBountyEscrow.DemandStatus before = demandSeen[i];
            IBountyEscrow.DemandStatus current = demandStatus(i);
            if (before > IBountyEscrow.DemandStatus.Open && current != before) leftTerminalState = true;
            demandSeen[i] = current;
        }
    }
}
