// SPDX-License-Identifier: MIT

/// A lock that the model knows: to take it is one step, which waits until the lock is free and
/// acquires; to give it back is one step, which releases. Whoever waits in vain is a deadlock.
///
/// It stands for the lock of the program under test, when that is correct and not what is looked
/// at: of all that a lock does with its word, only who has it after whom is left. Zero is free.
public enum ModelLock {
    /// Whether locks are to be single steps here: inside a model with `ModelOptions.locksAreSteps`.
    public static var standsIn: Bool { areLocksSteps }

    /// Takes the lock. Only inside a model.
    @unsafe
    public static func lock(
        _ word: UnsafeMutablePointer<Atomic<UInt32>>,
        file: StaticString = #fileID, line: UInt32 = #line
    ) {
        unsafe take(.lock, .acquiring, word, 1, file, line)  // SAFETY: the caller's word.
    }

    /// Gives the lock back. Only inside a model, by the thread that has it.
    @unsafe
    public static func unlock(
        _ word: UnsafeMutablePointer<Atomic<UInt32>>,
        file: StaticString = #fileID, line: UInt32 = #line
    ) {
        unsafe take(.unlock, .releasing, word, 0, file, line)  // SAFETY: the caller's word.
    }

    private static func take(
        _ kind: AtomicOperation.Kind, _ order: MemoryOrder,
        _ word: UnsafeMutablePointer<Atomic<UInt32>>, _ value: UInt64,
        _ file: StaticString, _ line: UInt32
    ) {
        precondition(isModelRunning, "ModelLock is for the inside of a model")
        var step = AtomicOperation(
            kind, order: order, address: UInt(bitPattern: word), byteCount: 4,
            site: CodeSite(file: file, line: line))
        step.operand = AtomicBits(low: value)
        _ = modelStep(step)
    }
}
