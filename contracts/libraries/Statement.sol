// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Body, Terms} from "../Types.sol";

/// @title Identities and the statement
/// @notice What names a bounty and a claim, and the words that every proof absorbs before anything else.
/// `verifier/statement.ts` computes the same.
library Statement {
    /// @notice Version of the statement's layout.
    uint256 internal constant VERSION = 1;

    /// @notice Identity of a bounty in the escrow that runs this code: binds chain, contract and every term.
    function bountyId(Terms calldata terms) internal view returns (bytes32) {
        return keccak256(abi.encode(block.chainid, address(this), terms));
    }

    /// @notice Identity of a claim: binds bounty, claimant and the claim's whole content.
    function claimId(bytes32 bounty, address claimant, Body calldata body) internal pure returns (bytes32) {
        return keccak256(abi.encode(bounty, claimant, body));
    }

    /// @notice The statement: version, chain, escrow, bounty, claimant, recipe, T, g, model, data, start, adapter root,
    /// then the announced values, one word each.
    function words(
        Terms calldata terms,
        address claimant,
        Body calldata body
    ) internal view returns (bytes32[] memory list) {
        return _words(terms, claimant, body, 0);
    }

    /// @notice What PUB and PUBF of the recorded verifier read: the statement, then the digest of the last proof.
    function publicWords(
        Terms calldata terms,
        address claimant,
        Body calldata body
    ) internal view returns (bytes32[] memory list) {
        list = _words(terms, claimant, body, 1);
        list[list.length - 1] = body.lastProof;
    }

    /// @dev The statement and room for `more` words.
    function _words(
        Terms calldata terms,
        address claimant,
        Body calldata body,
        uint256 more
    ) private view returns (bytes32[] memory list) {
        uint256 announced = body.announced.length;
        list = new bytes32[](12 + announced + more);
        list[0] = bytes32(VERSION);
        list[1] = bytes32(block.chainid);
        list[2] = bytes32(uint256(uint160(address(this))));
        list[3] = bountyId(terms);
        list[4] = bytes32(uint256(uint160(claimant)));
        list[5] = terms.recipeHash;
        list[6] = bytes32(uint256(terms.steps));
        list[7] = bytes32(uint256(terms.stepsPerProof));
        list[8] = terms.modelDigest;
        list[9] = terms.dataDigest;
        list[10] = terms.startDigest;
        list[11] = body.adapterRoot;
        for (uint256 i = 0; i < announced; ++i) list[12 + i] = bytes32(body.announced[i]);
    }
}
