// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {BountyEscrow} from "../../../contracts/BountyEscrow.sol";
import {Body, Kind, Point, Rule, Terms} from "../../../contracts/Types.sol";
import {IBountyEscrow} from "../../../contracts/interfaces/IBountyEscrow.sol";
import {IFraudProof} from "../../../contracts/interfaces/IFraudProof.sol";
import {MockDelivery, MockFraudProof} from "../mocks/Checkers.sol";
import {vm} from "./Vm.sol";

contract Coin is ERC20("Coin", "CN") {
    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }
}

/// An escrow with its people, random terms and claims, and what was ever posted, claimed and demanded. The checkers are mocks
/// that believe what roots say: an odd root is false at 0, an even one true everywhere.
abstract contract Table {
    struct Made {
        bytes32 id;
        uint256 bounty;
        address claimant;
        bytes32 nonce;
        bool honest;
    }

    struct Asked {
        uint256 claim;
        IBountyEscrow.Node node;
    }

    uint256 internal constant PEOPLE = 4;
    uint256 internal constant ATTESTERS = 3;
    bytes32 internal constant K = keccak256("K");
    bytes32 internal constant DIGEST = keccak256("inputs");
    bytes32 internal constant SALT = keccak256("salt");
    bytes32 internal constant TRUE_ROOT = bytes32(uint256(4));
    bytes32 internal constant FALSE_ROOT = bytes32(uint256(1));

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
    Asked[] internal _asked;
    address[] internal _people;
    uint256[] internal _keys;
    address[] internal _attesters;
    uint256 internal _time = 1_800_000_000;

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

    /// Random terms of every kind and rule, with and without delivery; times of hours, so that deadlines meet.
    function makeTerms(uint256 seed) internal view returns (Terms memory t) {
        t.poster = _person(seed);
        t.token = seed & 1 == 0 ? address(0) : address(coin);
        t.kind = Kind((seed >> 2) % 4 == 3 ? 1 + ((seed >> 10) & 1) : 0);
        t.rule = Rule((seed >> 12) % 3);
        t.reward = (seed >> 20) % 5 ether;
        t.bond = 0.2 ether + ((seed >> 80) % 1 ether);
        t.steps = 4;
        t.stepsPerProof = 2;
        t.window = uint64(1 hours + ((seed >> 190) % 3 hours));
        t.claimBy = uint64(_time + 1 + ((seed >> 170) % 2 days));
        t.maxBundle = 8192;
        t.salt = bytes32(_terms.length);
        if (t.rule != Rule.Optimistic) {
            t.signers = _attesters;
            t.threshold = uint16(1 + ((seed >> 160) % ATTESTERS));
            t.attesterFee = (seed >> 120) % 0.1 ether;
        }
        if (t.rule != Rule.Attested) t.verifierKey = keccak256(abi.encode(key_()));
        if ((seed >> 16) & 1 == 1) {
            t.deliveryKey = Point(1, 2);
            t.deliveryDepth = 2;
            t.revealFor = uint64(30 minutes + ((seed >> 200) % 3 hours));
            t.complainFor = uint64(30 minutes + ((seed >> 210) % 3 hours));
        }
        if (t.rule != Rule.Attested || t.deliveryDepth != 0) {
            t.demandFee = 1 + ((seed >> 140) % 0.005 ether);
            t.answer = uint64(30 minutes + ((seed >> 220) % 2 hours));
            t.react = uint64(30 minutes + ((seed >> 230) % 2 hours));
        }
        if (t.kind == Kind.Training) {
            if ((seed >> 17) & 1 == 1) t.reserveFor = uint64((seed >> 240) % 6 hours);
        } else {
            t.inputsCommitment = keccak256(abi.encode(DIGEST, SALT));
            t.disclosureBond = (seed >> 100) % 1 ether;
            t.enterBy = uint64(_time + 1 + ((seed >> 204) % 6 hours));
            t.discloseBy = t.enterBy + uint64(1 hours + ((seed >> 214) % 6 hours));
            t.claimBy = t.discloseBy + uint64(1 hours + ((seed >> 224) % 1 days));
        }
    }

    /// The key that terms pin: bundles of 2^8 cells, traces of 2^10 values.
    function key_() public pure returns (IFraudProof.VerifierKey memory key) {
        key.bundleDepth = 8;
        key.traceDepth = 10;
    }

    function bodyOf(uint256 claim) public view returns (Body memory) {
        Made memory made = claims[claim];
        return _body(made.bounty, made.claimant, made.nonce, made.honest);
    }

    function _body(uint256 bounty, address claimant, bytes32 nonce, bool honest) internal view returns (Body memory b) {
        b.bundleRoot = keccak256("bundle");
        b.adapterRoot = bytes32(uint256(uint160(claimant)));
        b.nonce = nonce;
        b.traceRoot = honest ? TRUE_ROOT : FALSE_ROOT;
        if (_terms[bounty].deliveryDepth != 0) {
            b.cipherRoot = b.traceRoot;
            b.ephemeralKey = Point(1, 2);
            b.keyHash = escrow.DELIVERY().keyHashOf(bountyIds[bounty], claimant, K);
        }
    }

    /// The one word that the mock takes for the right answer.
    function answerOf(uint256 asked) public view returns (bytes32[] memory words, bytes32[] memory path) {
        IBountyEscrow.Node memory n = _asked[asked].node;
        Body memory b = bodyOf(_asked[asked].claim);
        bool rows = n.tree == IFraudProof.Tree.Cipher;
        bool bundle = n.tree == IFraudProof.Tree.Bundle;
        bytes32 root =
            rows
                ? b.cipherRoot
                : bundle
                    ? b.bundleRoot
                    : b.traceRoot;
        uint256 depth =
            rows
                ? 2
                : bundle
                    ? 8
                    : 10;
        words = new bytes32[](1);
        words[0] = keccak256(abi.encode(n.tree, root, depth, uint256(n.level), uint256(n.index)));
        path = new bytes32[](depth - n.level);
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

    // --- What a test asks ---

    /// What the escrow owes in a token: open rewards and fees, bonds, fees not collected, of open demands, disclosure bonds, credits.
    function liabilities(address token) external view returns (uint256 sum) {
        for (uint256 i = 0; i < _terms.length; ++i) {
            IBountyEscrow.Bounty memory bounty = escrow.bountyOf(bountyIds[i]);
            bool open = bounty.status == IBountyEscrow.BountyStatus.Open;
            if (open && _terms[i].token == token) sum += _terms[i].reward;
            if (token == address(0)) sum += _native(i, bounty, open);
        }
        if (token == address(0)) {
            for (uint256 i = 0; i < claims.length; ++i) {
                IBountyEscrow.Claim memory entry = escrow.claimOf(claims[i].id);
                Terms memory t = _terms[claims[i].bounty];
                if (_holdsBond(entry.status)) sum += t.bond;
                if (owesFees(entry)) sum += t.attesterFee * t.threshold;
            }
            for (uint256 i = 0; i < _asked.length; ++i) {
                if (demandStatus(i) != IBountyEscrow.DemandStatus.Open) continue;
                sum += _terms[claims[_asked[i].claim].bounty].demandFee;
            }
        }
        for (uint256 i = 0; i < PEOPLE; ++i) sum += escrow.credits(token, _people[i]);
        for (uint256 i = 0; i < ATTESTERS; ++i) sum += escrow.credits(token, _attesters[i]);
    }

    function _native(uint256 i, IBountyEscrow.Bounty memory bounty, bool open) private view returns (uint256 sum) {
        Terms memory t = _terms[i];
        if (open) sum += t.attesterFee * t.threshold;
        if (open && !bounty.disclosed) sum += t.disclosureBond;
        if (bounty.reservedBy != address(0)) sum += t.bond;
        bool shared = bounty.status == IBountyEscrow.BountyStatus.Refunded && !bounty.disclosed;
        for (uint256 p = 0; p < PEOPLE; ++p) {
            if (!escrow.entryOf(bountyIds[i], _people[p]).holdsBond) continue;
            sum += t.bond + (shared ? t.disclosureBond / bounty.entrants : 0);
        }
    }

    /// Whether attesters of a paid claim still have to be credited.
    function owesFees(IBountyEscrow.Claim memory entry) public pure returns (bool) {
        return entry.status == IBountyEscrow.ClaimStatus.Paid && entry.attesters != 0 && !entry.collected;
    }

    function _holdsBond(IBountyEscrow.ClaimStatus status) private pure returns (bool) {
        return
            status == IBountyEscrow.ClaimStatus.Pending ||
            status == IBountyEscrow.ClaimStatus.Accepted ||
            status == IBountyEscrow.ClaimStatus.Revealed ||
            status == IBountyEscrow.ClaimStatus.Superseded;
    }

    function demandStatus(uint256 asked) public view returns (IBountyEscrow.DemandStatus) {
        return escrow.demandOf(claims[_asked[asked].claim].id, _asked[asked].node).status;
    }

    function termsOf(uint256 bounty) external view returns (Terms memory) {
        return _terms[bounty];
    }

    function askedOf(uint256 asked) external view returns (Asked memory) {
        return _asked[asked];
    }

    function person(uint256 i) external view returns (address) {
        return _people[i];
    }

    function counts() external view returns (uint256 bounties, uint256 claimed, uint256 demanded) {
        return (_terms.length, claims.length, _asked.length);
    }

    function time() external view returns (uint256) {
        return _time;
    }

    /// An index among the last few, so that the calls of a sequence meet.
    function _recent(uint256 seed, uint256 count) internal pure returns (uint256) {
        return count - 1 - (uint32(seed) % (count < 5 ? count : 5));
    }

    function _person(uint256 seed) internal view returns (address) {
        return _people[(seed >> 4) % PEOPLE];
    }
}
