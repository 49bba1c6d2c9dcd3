// SPDX-License-Identifier: MIT

/// One line of a terminal that is written over and over: what a running command is at.
///
/// Nothing is written when the stream is no terminal. Threads: one at a time.
public struct StatusLine: ~Copyable, Sendable {
    private let stream: StandardStream
    /// Whether anything would be seen: if not, the text need not be made.
    public let isVisible: Bool
    private var isShown = false

    /// A line on a stream.
    public init(on stream: StandardStream = .error) {
        self.stream = stream
        isVisible = stream.isTerminal
    }

    /// Shows the text in place of the one before, cut to the terminal's width.
    public mutating func show(_ text: String) {
        guard isVisible else { return }
        isShown = true
        stream.write("\r\u{1B}[K" + text.prefix(stream.columnCount - 1))
    }

    /// Takes away whatever line is shown, for somebody who does not own it. On the owner's thread.
    public static func erase(on stream: StandardStream = .error) {
        if stream.isTerminal { stream.write("\r\u{1B}[K") }
    }

    /// Takes the line away, e.g. before something else is written.
    public mutating func clear() {
        guard isShown else { return }
        isShown = false
        stream.write("\r\u{1B}[K")
    }
}
