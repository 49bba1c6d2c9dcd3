// SPDX-License-Identifier: MIT

/// Where a drain allocator gets its memory: two functions and what they are called with.
@frozen
@unsafe
public struct MemorySource: @unchecked Sendable {
    /// Gives memory of a size and an alignment (a power of two, at least 16), or nil.
    public typealias Allocate =
        @convention(c) (
            _ context: UnsafeMutableRawPointer?, _ byteCount: Int, _ alignment: Int
        ) -> UnsafeMutableRawPointer?

    /// Takes memory back, with the size and alignment that it was asked for.
    public typealias Deallocate =
        @convention(c) (
            _ context: UnsafeMutableRawPointer?, _ memory: UnsafeMutableRawPointer,
            _ byteCount: Int,
            _ alignment: Int
        ) -> Void

    package let allocate: Allocate
    package let deallocate: Deallocate
    package let context: UnsafeMutableRawPointer?

    /// A source whose functions may be called by any thread at any time.
    public init(
        allocate: Allocate, deallocate: Deallocate, context: UnsafeMutableRawPointer?
    ) {
        // SAFETY: the caller says that the three belong together.
        unsafe self.allocate = allocate
        unsafe self.deallocate = deallocate  // SAFETY: as above.
        unsafe self.context = context  // SAFETY: as above.
    }

    /// The system's allocator. When the system has no memory, it ends the process.
    public static var system: MemorySource {
        // SAFETY: the two functions are a pair and need no context.
        unsafe MemorySource(
            allocate: { _, byteCount, alignment in
                UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: alignment)
            },
            deallocate: { _, memory, _, _ in
                unsafe memory.deallocate()  // SAFETY: it came from the function above.
            }, context: nil)
    }
}
