// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ICommitmentRegistry} from "./interfaces/ICommitmentRegistry.sol";

/// @title Registry of commitments
/// @notice See `ICommitmentRegistry`.
contract CommitmentRegistry is ICommitmentRegistry {
    /// @inheritdoc ICommitmentRegistry
    mapping(Subject subject => mapping(bytes32 digest => mapping(address publisher => uint256 time)))
        public publishedAt;

    /// @inheritdoc ICommitmentRegistry
    function publish(Subject subject, bytes32 digest, string calldata uri) external {
        if (digest == bytes32(0)) revert EmptyDigest();
        if (publishedAt[subject][digest][msg.sender] == 0) publishedAt[subject][digest][msg.sender] = block.timestamp;
        emit Published(subject, digest, msg.sender, uri);
    }
}
