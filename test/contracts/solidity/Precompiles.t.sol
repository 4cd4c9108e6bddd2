// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Generators} from "../../../contracts/Generators.sol";
import {BN254} from "../../../contracts/libraries/BN254.sol";
import {Harness} from "../mocks/Harness.sol";
import {vm} from "./Vm.sol";

/// The curve through precompiles that work, that fail, and that are not there.
contract PrecompilesTest {
    Harness internal harness = new Harness();
    address internal generators = address(new Generators());

    /// s · P + A for the base point's multiples: (s · p + a) · G, with every edge that small numbers have.
    function testFuzz_mulAddIsLinear(uint256 p, uint256 s, uint256 a) external view {
        uint256 r = BN254.R;
        (p, s, a) = (_edge(p), _edge(s), _edge(a));
        (uint256 px, uint256 py) = harness.mulAdd(1, 2, p, 0, 0);
        (uint256 ax, uint256 ay) = harness.mulAdd(1, 2, a, 0, 0);
        (uint256 x, uint256 y) = harness.mulAdd(px, py, s, ax, ay);
        (uint256 ex, uint256 ey) = harness.mulAdd(1, 2, addmod(mulmod(p, s, r), a, r), 0, 0);
        require(x == ex && y == ey, "not linear");
        require(harness.isOnCurve(x, y), "off the curve");
    }

    function testFuzz_onlyCanonicalPointsAreOnTheCurve(uint256 p, uint256 change) external view {
        (uint256 x, uint256 y) = harness.mulAdd(1, 2, (p % (BN254.R - 1)) + 1, 0, 0);
        require(!harness.isOnCurve(x + BN254.Q, y), "x + q");
        require(!harness.isOnCurve(x, y + BN254.Q), "y + q");
        if (change % BN254.Q != 0) {
            uint256 other = addmod(y, change, BN254.Q);
            require(!harness.isOnCurve(x, other) || addmod(y, other, BN254.Q) == 0, "another y");
        }
    }

    /// F6: an answer of another size is no answer, whatever lies in memory.
    function test_shortAnswersRevert() external {
        bytes[3] memory answers = [bytes(""), abi.encode(uint256(1)), abi.encode(uint256(1), uint256(2), uint256(3))];
        for (uint256 i = 0; i < 3; ++i) {
            for (uint160 precompile = 6; precompile < 8; ++precompile) {
                vm.mockCall(address(precompile), "", answers[i]);
                _mustRevert();
                vm.clearMockedCalls();
            }
        }
        harness.mulAdd(1, 2, 3, 1, 2);
    }

    /// F6: nor is a failure.
    function test_failuresRevert() external {
        for (uint160 precompile = 6; precompile < 8; ++precompile) {
            vm.mockCallRevert(address(precompile), "", "");
            _mustRevert();
            vm.clearMockedCalls();
        }
    }

    /// F6: one addition among the many of a row's commitment, while its buckets are filled or collected.
    function test_oneShortAnswerReverts() external {
        bytes memory code = generators.code;
        uint256[2] memory g;
        for (uint256 i = 0; i < 64; ++i) g[i / 32] = (g[i / 32] << 8) | uint8(code[1 + 64 + i]);
        bytes[2] memory additions = [abi.encode(0, 0, g[0], g[1]), abi.encode(0, 0, 0, 0)];
        for (uint256 i = 0; i < 2; ++i) {
            // Half a point at infinity: what follows would go through.
            vm.mockCall(address(6), additions[i], abi.encode(uint256(0)));
            _commitReverts();
            vm.clearMockedCalls();
        }
        harness.commit(generators, _row());
    }

    /// F6: nor is a generator made up where roots can't be computed.
    function test_noGeneratorIsMadeUp() external {
        bytes[3] memory answers = [bytes(""), abi.encodePacked(uint128(1)), abi.encode(uint256(1), uint256(2))];
        for (uint256 i = 0; i < 3; ++i) {
            vm.mockCall(address(5), "", answers[i]);
            _derivationReverts();
            vm.clearMockedCalls();
        }
        vm.mockCallRevert(address(5), "", "");
        _derivationReverts();
        vm.clearMockedCalls();
        require(address(new Generators()).codehash == generators.codehash, "the points have changed");
    }

    function _derivationReverts() private {
        try new Generators() {
            revert("a broken precompile was believed");
        } catch (bytes memory reason) {
            require(bytes4(reason) == Generators.ModexpFailed.selector, "another error");
        }
    }

    function _mustRevert() private view {
        try harness.mulAdd(1, 2, 3, 1, 2) {
            revert("a broken precompile was believed");
        } catch (bytes memory reason) {
            require(bytes4(reason) == BN254.PrecompileFailed.selector, "another error");
        }
        _commitReverts();
    }

    function _commitReverts() private view {
        try harness.commit(generators, _row()) {
            revert("a broken precompile was believed");
        } catch (bytes memory reason) {
            require(bytes4(reason) == BN254.PrecompileFailed.selector, "another error");
        }
    }

    /// Limb 1 is 0x12, the blind 5.
    function _row() private pure returns (bytes memory row) {
        row = new bytes(544);
        row[3] = 0x12;
        row[543] = 0x05;
    }

    /// Mostly what it is mod r, every fourth time next to 0 or r.
    function _edge(uint256 v) private pure returns (uint256) {
        if (v & 3 != 0) return v % BN254.R;
        return (v >> 2) & 1 == 0 ? (v >> 3) % 3 : BN254.R - 1 - ((v >> 3) % 3);
    }
}
