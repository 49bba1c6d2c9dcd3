// SPDX-License-Identifier: MIT

/// Raw memory for the program under test. Inside a model no address is used twice in an execution,
/// and use after the end, use by a thread that has not seen the allocation, and memory that is
/// never given back are failures. Outside it is `UnsafeMutableRawPointer.allocate`.
public enum ModelHeap {
    /// Allocates memory whose bytes are not set.
    @unsafe
    public static func allocate(
        byteCount: Int, alignment: Int, file: StaticString = #fileID, line: UInt32 = #line
    ) -> UnsafeMutableRawPointer {
        let pointer = UnsafeMutableRawPointer.allocate(
            byteCount: byteCount, alignment: alignment)
        if let execution = currentExecution {
            let start = UInt(bitPattern: pointer)
            execution.noteAllocation(
                start..<start + UInt(byteCount), CodeSite(file: file, line: line))
        }
        return unsafe pointer  // SAFETY: passed on.
    }

    /// Gives memory back that `allocate` returned.
    @unsafe
    public static func deallocate(
        _ pointer: UnsafeMutableRawPointer, file: StaticString = #fileID, line: UInt32 = #line
    ) {
        let start = UInt(bitPattern: pointer)
        if let execution = currentExecution, execution.state.heap.hasBlock(at: start) {
            execution.noteDeallocation(start, CodeSite(file: file, line: line))
        } else {
            unsafe pointer.deallocate()  // SAFETY: the caller allocated it outside of a model.
        }
    }
}
