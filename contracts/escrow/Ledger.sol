// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {IBountyEscrow} from "../interfaces/IBountyEscrow.sol";

/// @title Money in and out
/// @notice What comes in is exact, what goes out is a credit, and only `withdraw` sends.
abstract contract Ledger is IBountyEscrow, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    address internal constant NATIVE = address(0);

    /// @inheritdoc IBountyEscrow
    mapping(address token => mapping(address account => uint256 amount)) public credits;

    /// @inheritdoc IBountyEscrow
    function withdraw(address token, address to) external nonReentrant returns (uint256 amount) {
        if (to == address(0)) revert ZeroAddress();
        amount = credits[token][msg.sender];
        if (amount == 0) revert NothingToWithdraw(msg.sender, token);

        credits[token][msg.sender] = 0;
        emit Withdrawn(msg.sender, token, to, amount);
        if (token == NATIVE) {
            Address.sendValue(payable(to), amount);
        } else {
            // A token that takes more than it was told to would be paid out of other bounties' rewards.
            uint256 before = IERC20(token).balanceOf(address(this));
            IERC20(token).safeTransfer(to, amount);
            uint256 sent = before - IERC20(token).balanceOf(address(this));
            if (sent != amount) revert InexactTransfer(sent, amount);
        }
    }

    /// @dev Takes ERC-20 from the caller.
    function _collect(address token, uint256 amount) internal {
        uint256 before = IERC20(token).balanceOf(address(this));
        IERC20(token).safeTransferFrom(msg.sender, address(this), amount);
        uint256 received = IERC20(token).balanceOf(address(this)) - before;
        if (received != amount) revert InexactTransfer(received, amount);
    }

    function _credit(address token, address account, uint256 amount) internal {
        if (amount == 0) return;
        credits[token][account] += amount;
        emit Credited(account, token, amount);
    }

    function _requireValue(uint256 value) internal view {
        if (msg.value != value) revert WrongValue(msg.value, value);
    }

    function _requireBefore(uint256 time) internal view {
        if (block.timestamp >= time) revert TooLate(time, block.timestamp);
    }

    function _requireFrom(uint256 time) internal view {
        if (block.timestamp < time) revert TooEarly(time, block.timestamp);
    }
}
