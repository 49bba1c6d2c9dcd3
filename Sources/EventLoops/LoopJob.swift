// SPDX-License-Identifier: MIT

/// Work that a loop does on its thread: a function pointer and a context, so that posting needs no
/// closure.
@frozen
@safe
public struct LoopJob: @unchecked Sendable {
    /// What is called.
    public typealias Body = @convention(c) (UnsafeMutableRawPointer) -> Void

    let body: Body
    let context: UnsafeMutableRawPointer

    /// A job. The context must be fit to be used on the loop's thread, and alive until the job has
    /// run.
    @unsafe
    public init(context: UnsafeMutableRawPointer, _ body: @escaping Body) {
        // SAFETY: both are the caller's promise; nothing is dereferenced.
        unsafe self.body = unsafe body
        unsafe self.context = unsafe context
    }

    func callAsFunction() {
        unsafe body(context)  // SAFETY: whoever made the job vouched for both.
    }
}
