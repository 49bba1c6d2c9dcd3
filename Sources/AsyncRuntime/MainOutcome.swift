// SPDX-License-Identifier: MIT

internal import AtomicSupport

/// Hands the result of the async program to the thread that waits for it.
final class MainOutcome<Value: Sendable>: @unchecked Sendable {
    // Edges: E1  set store → wait load   carries the result
    private let block = SharedBlock(byteCount: CacheLine.byteCount)
    private var result: Result<Value, any Error>?

    // SAFETY: the zeroed word lives in `block`, which lives as long as `self`.
    private var isSet: UnsafeMutablePointer<Atomic<UInt32>> {
        unsafe block.pointer(at: 0, to: Atomic<UInt32>.self)
    }

    func set(_ result: Result<Value, any Error>) {
        self.result = result
        unsafe isSet.pointee.store(1, ordering: .releasing)  // E1  SAFETY: see `isSet`.
        unsafe Parking.wake(isSet)  // SAFETY: see `isSet`.
    }

    func wait() -> Result<Value, any Error> {
        while unsafe isSet.pointee.load(ordering: .acquiring) == 0 {  // E1  SAFETY: see `isSet`.
            _ = unsafe Parking.wait(on: isSet, while: 0)  // SAFETY: see `isSet`.
        }
        guard let result else { preconditionFailure("published before the word was set") }
        return result
    }
}
