// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Kind, Rule} from "../../../contracts/Types.sol";
import {IBountyEscrow} from "../../../contracts/interfaces/IBountyEscrow.sol";
import {Table} from "./Table.sol";

/// What a random call is about: three times of four something that the escrow takes it for, if there is such a thing, since a game
/// of calls that are nearly all refused would reach little.
abstract contract Choice is Table {
    uint256 private constant LOOK_BACK = 12;
    bool private immutable _MIXING;
    uint256 private _calls;

    /// @param mixing Whether seeds are hashed: fuzzers like numbers with few bits, the game wants all of them.
    constructor(bool mixing) {
        _MIXING = mixing;
    }

    function _mixed(uint256 seed) internal returns (uint256) {
        return _MIXING ? uint256(keccak256(abi.encode(seed, ++_calls))) : seed;
    }

    /// An index below `count`, mostly of one that fits; reverts if there is none at all.
    function _pick(
        uint256 seed,
        uint256 count,
        function(uint256) internal view returns (bool) fits
    ) internal view returns (uint256 i) {
        i = _recent(seed, count);
        if ((seed >> 248) & 3 == 3) return i;
        uint256 last = count < LOOK_BACK ? count : LOOK_BACK;
        for (uint256 n = 0; n < last; ++n) {
            uint256 j = count - 1 - ((((seed >> 232) + n) & 0xffff) % last);
            if (fits(j)) return j;
        }
    }

    // --- Bounties ---

    function _open(uint256 i) private view returns (bool) {
        return escrow.bountyOf(bountyIds[i]).status == IBountyEscrow.BountyStatus.Open;
    }

    function _judgesByInputs(uint256 i) private view returns (bool) {
        return _terms[i].kind != Kind.Training;
    }

    function _disclosed(uint256 i) private view returns (bool) {
        return escrow.bountyOf(bountyIds[i]).disclosed;
    }

    function _claimable(uint256 i) internal view returns (bool) {
        return _open(i) && _time < _terms[i].claimBy && (!_judgesByInputs(i) || _disclosed(i));
    }

    function _reservable(uint256 i) internal view returns (bool) {
        IBountyEscrow.Bounty memory bounty = escrow.bountyOf(bountyIds[i]);
        return _claimable(i) && _terms[i].reserveFor != 0 && bounty.first == 0 && bounty.reservedUntil <= _time;
    }

    function _enterable(uint256 i) internal view returns (bool) {
        return _judgesByInputs(i) && _open(i) && _time < _terms[i].enterBy;
    }

    function _disclosable(uint256 i) internal view returns (bool) {
        bool inTime = _terms[i].enterBy <= _time && _time < _terms[i].discloseBy;
        return _judgesByInputs(i) && _open(i) && !_disclosed(i) && inTime;
    }

    function _undisclosable(uint256 i) internal view returns (bool) {
        return _judgesByInputs(i) && _open(i) && !_disclosed(i) && _terms[i].discloseBy <= _time;
    }

    function _refundable(uint256 i) internal view returns (bool) {
        bool free = escrow.bountyOf(bountyIds[i]).first == 0 && (!_judgesByInputs(i) || _disclosed(i));
        return _open(i) && free && _terms[i].claimBy <= _time;
    }

    function _leavable(uint256 i) internal view returns (bool) {
        return (!_open(i) || (_disclosed(i) && _terms[i].claimBy <= _time)) && _entrant(i, 0) != address(0);
    }

    /// Somebody whose entry still holds a bond, from the seed's person on.
    function _entrant(uint256 bounty, uint256 seed) internal view returns (address) {
        for (uint256 n = 0; n < PEOPLE; ++n) {
            address by = _people[(seed + n) % PEOPLE];
            if (escrow.entryOf(bountyIds[bounty], by).holdsBond) return by;
        }
        return address(0);
    }

    // --- Claims ---

    function _status(uint256 i) private view returns (IBountyEscrow.ClaimStatus) {
        return escrow.claimOf(claims[i].id).status;
    }

    function _due(uint256 i) private view returns (bool) {
        return escrow.claimOf(claims[i].id).deadline <= _time;
    }

    function _attestable(uint256 i) internal view returns (bool) {
        IBountyEscrow.Claim memory entry = escrow.claimOf(claims[i].id);
        bool judged = entry.attesters != 0 || entry.barred || _terms[claims[i].bounty].rule == Rule.Optimistic;
        return entry.status == IBountyEscrow.ClaimStatus.Pending && !judged && _time < entry.deadline;
    }

    function _acceptable(uint256 i) internal view returns (bool) {
        IBountyEscrow.Claim memory entry = escrow.claimOf(claims[i].id);
        bool turn = escrow.bountyOf(bountyIds[claims[i].bounty]).first == claims[i].id && entry.openDemands == 0;
        bool ready = entry.attesters != 0 || (_terms[claims[i].bounty].rule != Rule.Attested && _due(i));
        return entry.status == IBountyEscrow.ClaimStatus.Pending && turn && ready;
    }

    function _lapsed(uint256 i) internal view returns (bool) {
        bool judged = escrow.claimOf(claims[i].id).attesters != 0 || _terms[claims[i].bounty].rule != Rule.Attested;
        return _status(i) == IBountyEscrow.ClaimStatus.Pending && !judged && _due(i);
    }

    function _superseded(uint256 i) internal view returns (bool) {
        return _status(i) == IBountyEscrow.ClaimStatus.Superseded;
    }

    function _collectable(uint256 i) internal view returns (bool) {
        return owesFees(escrow.claimOf(claims[i].id));
    }

    function _revealable(uint256 i) internal view returns (bool) {
        return _status(i) == IBountyEscrow.ClaimStatus.Accepted && !_due(i) && !_hides(i);
    }

    /// Half of those who lie never reveal a key.
    function _hides(uint256 i) internal view returns (bool) {
        return !claims[i].honest && i % 2 == 0;
    }

    function _overdue(uint256 i) internal view returns (bool) {
        return _status(i) == IBountyEscrow.ClaimStatus.Accepted && _due(i);
    }

    function _complainable(uint256 i) internal view returns (bool) {
        return _status(i) == IBountyEscrow.ClaimStatus.Revealed && !_due(i) && !claims[i].honest;
    }

    function _settleable(uint256 i) internal view returns (bool) {
        bool free = escrow.claimOf(claims[i].id).openRowDemands == 0;
        return _status(i) == IBountyEscrow.ClaimStatus.Revealed && _due(i) && free;
    }

    function _live(uint256 i) internal view returns (bool) {
        IBountyEscrow.ClaimStatus status = _status(i);
        bool ended = status < IBountyEscrow.ClaimStatus.Pending || status > IBountyEscrow.ClaimStatus.Revealed;
        return !ended && _open(claims[i].bounty);
    }

    function _challengeable(uint256 i) internal view returns (bool) {
        return _live(i) && !claims[i].honest && _terms[claims[i].bounty].rule != Rule.Attested;
    }

    function _demandable(uint256 i) internal view returns (bool) {
        IBountyEscrow.Claim memory entry = escrow.claimOf(claims[i].id);
        bool early = entry.status == IBountyEscrow.ClaimStatus.Pending && _time < entry.demandsBy;
        return _live(i) && early && _terms[claims[i].bounty].demandFee != 0;
    }

    // --- Demands ---

    function _unanswered(uint256 i) private view returns (bool) {
        return demandStatus(i) == IBountyEscrow.DemandStatus.Open;
    }

    function _late(uint256 i) private view returns (bool) {
        return escrow.demandOf(claims[_asked[i].claim].id, _asked[i].node).answerBy <= _time;
    }

    function _answerable(uint256 i) internal view returns (bool) {
        return _unanswered(i) && !_late(i) && _live(_asked[i].claim);
    }

    function _defaultable(uint256 i) internal view returns (bool) {
        return _unanswered(i) && _late(i) && _live(_asked[i].claim);
    }

    function _reclaimable(uint256 i) internal view returns (bool) {
        return _unanswered(i) && !_live(_asked[i].claim);
    }
}
