// SPDX-License-Identifier: MIT

/// What stands between a socket and whoever reads and writes it: TLS, for one. Whoever uses a
/// connection's two streams does not notice it.
///
///     socket ──► ReceiveStream ── receive ──► layer ── readable, consume ──► reader
///     socket ◄── SendStream ◄────── fill ──── layer ◄── write, flush, finish ── writer
///
/// A subclass brings the conversion; the streams bring bytes and take them. It is inserted into
/// both streams of a connection, the sending one first, and lives as long as they use it.
///
/// | Who calls                | What                      | When                   |
/// |--------------------------|---------------------------|------------------------|
/// | `ReceiveStream`          | `receive`, `wireEnded`    | bytes or the end came  |
/// | its reader               | `readable`, `consume`     | any time               |
/// | `SendStream`'s writer    | `write`, `finish`         | any time               |
/// | `SendStream`             | `flush`, then `fill`      | before the loop sleeps |
/// | the layer itself         | `wireIsDue`, `stateChanged` | while it receives    |
/// | the connection           | `giveBack`                | when it is closed      |
///
/// Nothing here waits. Threads: the loop's own.
open class StreamLayer {
    // Invariants: I1  the streams outlive the layer's use: each forgets it when it stops
    //             I2  no method of a stream that is called from here calls its user

    private unowned let input: ReceiveStream
    private unowned let output: SendStream
    /// How the connection has ended for its reader; what came before may be unread. The layer says
    /// so when its protocol ends, or in `wireEnded`.
    public final var end: ReceiveStream.End?
    final var isReceiving = false
    /// A reader has the readable bytes, for a call: the layer is not closed meanwhile.
    final var isLent = false {
        didSet {
            if isLent { return }
            if mustFinish { output.finish() }
            mustFinish = false
            if isDiscarded { giveBack() }
        }
    }
    private final var mustFinish = false
    private final var isDiscarded = false

    /// A layer of the two streams of one connection.
    public init(over input: ReceiveStream, and output: SendStream) {
        self.input = input
        self.output = output
    }

    /// Puts the layer in its place. What came meanwhile goes through it; what was appended before
    /// leaves as it is.
    public final func insert() {
        output.insert(self)
        input.insert(self)
    }

    // MARK: What a subclass brings

    /// Takes bytes that came from the peer; answers how many. Fewer than there are: what is
    /// readable must be consumed, or what is for the wire must leave, before it takes more.
    open func receive(_ wire: UnsafeRawBufferPointer) -> Int {
        preconditionFailure("a layer receives")
    }

    /// The peer sends no more, or the connection broke; all that came was received. Sets `end`.
    open func wireEnded(_ wireEnd: ReceiveStream.End) { end = wireEnd }

    /// What the reader may have; valid until it is consumed.
    open var readable: UnsafeRawBufferPointer { preconditionFailure("a layer has bytes") }

    /// The first of the readable bytes are done with.
    open func consume(_ count: Int) { preconditionFailure("a layer's bytes are consumed") }

    /// Takes bytes of the writer; answers how many. Fewer: what is for the wire must leave first.
    open func write(_ bytes: UnsafeRawBufferPointer) -> Int {
        preconditionFailure("a layer is written to")
    }

    /// Makes ready for the wire what was written.
    open func flush() {}

    /// Whether there are bytes for the wire.
    open var hasWireBytes: Bool { false }

    /// Moves bytes for the wire into the memory; answers how many.
    open func fill(_ memory: UnsafeMutableRawBufferPointer) -> Int { 0 }

    /// The writer has written everything: what the protocol says at the end follows.
    open func finish() {}

    /// How many bytes `write` would take now.
    open var room: Int { 0 }

    /// How many bytes were written that are not with the stream yet, more or less; zero exactly if
    /// there are none.
    open var pendingByteCount: Int { 0 }

    /// Why nothing can be written any more, a positive errno; nil if something can, or will.
    open var refusal: Int32? { nil }

    /// Whether the ends have agreed, so that bytes flow.
    open var isOpen: Bool { true }

    /// Neither stream will call again, and no reader has the readable bytes: what belongs to the
    /// loop goes back to it.
    open func giveBack() {}

    // MARK: What a subclass calls

    /// There are bytes for the wire that nobody has written: an answer to the peer.
    public final func wireIsDue() { output.takeFromLayer() }

    /// `isOpen`, `room` or `refusal` have changed.
    public final func stateChanged() {
        output.layerChanged()
        input.layerChanged()
    }

    /// Bytes for the wire have left, or never will: more may be received, or nothing any more.
    final func wireHasLeft() {
        if !isReceiving { input.goOn() }
    }

    /// Why nothing leaves any more.
    final var breakage: Int32? { output.breakage }

    /// The connection is closed: neither stream will call again, but for a reader that has the
    /// readable bytes.
    package final func discard() {
        isDiscarded = true
        if !isLent { giveBack() }
    }

    /// Ends what is written, behind a call that has the readable bytes.
    final func finishWhenBack() {
        if isLent { mustFinish = true } else { finish() }
    }
}
