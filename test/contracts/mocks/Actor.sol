// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

/// A contract as a party: it calls what it is told to, may refuse money or call back when it gets some, and signs by ERC-1271 for an owner.
contract Actor is IERC1271 {
    bool public refuses;
    address public target;
    bytes public data;
    bool public succeeded;
    bytes public result;
    address public owner;

    receive() external payable {
        require(!refuses, "no money, please");
        if (target != address(0)) (succeeded, result) = target.call(data);
    }

    function execute(address to, uint256 value, bytes calldata call_) external payable returns (bytes memory answer) {
        bool ok;
        (ok, answer) = to.call{value: value}(call_);
        if (!ok) {
            assembly ("memory-safe") {
                revert(add(answer, 32), mload(answer))
            }
        }
    }

    function setRefuses(bool on) external {
        refuses = on;
    }

    function setCallback(address target_, bytes calldata data_) external {
        target = target_;
        data = data_;
    }

    function setOwner(address owner_) external {
        owner = owner_;
    }

    function isValidSignature(bytes32 hash, bytes calldata signature) external view returns (bytes4) {
        (address signer, ECDSA.RecoverError fault, ) = ECDSA.tryRecoverCalldata(hash, signature);
        bool valid = fault == ECDSA.RecoverError.NoError && signer == owner;
        return valid ? IERC1271.isValidSignature.selector : bytes4(0xffffffff);
    }
}

/// Forces its native coin on an account that has no say in it.
contract Forcer {
    constructor(address payable to) payable {
        selfdestruct(to);
    }
}
