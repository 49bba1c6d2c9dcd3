// SPDX-License-Identifier: MIT

internal import CLinuxShims

/// Datagrams that are received or sent with one system call: a fixed number of slots of a fixed
/// size, used again and again.
///
/// | Guarantee | a batch                                                                          |
/// |-----------|----------------------------------------------------------------------------------|
/// | Threads   | one at a time; the kernel's between the call and the return of `receive`, `send` |
/// | Order     | as received; sent in order                                                       |
/// | Cost      | no allocation after `init`; O(1) for each datagram                               |
/// | Memory    | `capacity` × (`slotByteCount` + about 230 bytes), allocated in `init`            |
///
/// What was received can be sent as it is, each datagram to where it came from: an echo copies
/// nothing.
@safe
public final class DatagramBatch: @unchecked Sendable {
    // Layout: entries[i] names slices[i], which names slot i of `bytes`, and addresses[i].
    //
    // Invariants: I1  0 ≤ count ≤ capacity
    //             I2  slices[i].count is the length of datagram i for i < count
    //             I3  entries from `dirtyCount` on are as `receive` needs them
    //             I4  only the kernel touches the memory while `isLent`

    /// The most datagrams that one system call takes. recvmmsg(2), UIO_MAXIOV.
    public static let capacityMax = 1024
    /// The longest payload of a UDP datagram in bytes, over IPv4. udp(7).
    public static let payloadByteCountMax = 65_507

    /// How many datagrams there is room for.
    public let capacity: Int
    /// How many bytes of one datagram there is room for.
    public let slotByteCount: Int
    /// How many datagrams are here.
    public private(set) var count = 0

    let entries: UnsafeMutablePointer<millrace_datagram>
    private let slices: UnsafeMutablePointer<millrace_slice>
    private let addresses: UnsafeMutablePointer<millrace_address>
    private let bytes: UnsafeMutableRawPointer
    private var dirtyCount: Int
    private var isLent = false

    /// An empty batch of 1…`capacityMax` slots, each of 1…65,536 bytes: 1,472 hold what one
    /// Ethernet frame carries over IPv4, 65,507 any UDP datagram.
    public init(capacity: Int, slotByteCount: Int) {
        precondition((1...Self.capacityMax).contains(capacity), "a batch holds 1…1,024 datagrams")
        precondition((1...65_536).contains(slotByteCount), "a slot has 1…65,536 bytes")
        self.capacity = capacity
        self.slotByteCount = slotByteCount
        dirtyCount = capacity
        // SAFETY: all four are freed in `deinit`; every element is initialized here.
        unsafe entries = .allocate(capacity: capacity)
        unsafe entries.initialize(repeating: millrace_datagram(), count: capacity)  // SAFETY: so.
        unsafe slices = .allocate(capacity: capacity)  // SAFETY: as above.
        unsafe slices.initialize(repeating: millrace_slice(), count: capacity)  // SAFETY: so.
        unsafe addresses = .allocate(capacity: capacity)  // SAFETY: as above.
        unsafe addresses.initialize(repeating: millrace_address(), count: capacity)  // SAFETY: so.
        // SAFETY: as above; bytes are trivial.
        unsafe bytes = .allocate(byteCount: capacity * slotByteCount, alignment: 16)
        for index in 0..<capacity {
            unsafe slices[index].base = UnsafeRawPointer(slot(index))  // SAFETY: in bounds.
            unsafe entries[index].message.slices = UnsafePointer(slices + index)  // SAFETY: so.
            unsafe entries[index].message.slice_count = 1  // SAFETY: as above.
        }
        prepareForReceiving()
    }

    deinit {
        assert(!isLent)
        unsafe entries.deallocate()  // SAFETY: allocated in `init`; trivial.
        unsafe slices.deallocate()  // SAFETY: as above.
        unsafe addresses.deallocate()  // SAFETY: as above.
        unsafe bytes.deallocate()  // SAFETY: as above.
    }

    /// Whether there is no room for another datagram.
    public var isFull: Bool { count == capacity }

    // MARK: Filling

    /// Forgets the datagrams.
    public func removeAll() {
        precondition(!isLent, "a batch is the kernel's while it is received or sent")
        count = 0
    }

    /// Puts a datagram behind the others: to an address, or without one to the peer that the socket
    /// is connected to. False if the batch is full. The bytes are copied.
    ///
    /// - Precondition: not more than `slotByteCount` bytes.
    @discardableResult
    public func append(_ datagram: RawSpan, to address: SocketAddress? = nil) -> Bool {
        precondition(!isLent, "a batch is the kernel's while it is received or sent")
        precondition(datagram.byteCount <= slotByteCount, "the datagram is longer than a slot")
        guard count < capacity else { return false }
        let index = count
        // SAFETY: the slot has room, and is not the caller's memory.
        unsafe datagram.withUnsafeBytes { lent in
            guard let start = lent.baseAddress else { return }
            unsafe slot(index).copyMemory(from: start, byteCount: lent.count)  // SAFETY: as above.
        }
        unsafe slices[index].count = datagram.byteCount  // SAFETY: in bounds.
        if let address { unsafe addresses[index] = address.storage }  // SAFETY: in bounds.
        // SAFETY: in bounds; the address lives as long as the batch.
        unsafe entries[index].message.name = address == nil ? nil : nameOfSlot(index)
        unsafe entries[index].message.name_length = address?.storage.length ?? 0  // SAFETY: so.
        count = index + 1
        dirtyCount = max(dirtyCount, count)
        return true
    }

    /// Puts a datagram behind the others, from an array; as the other form.
    @discardableResult
    public func append(_ datagram: [UInt8], to address: SocketAddress? = nil) -> Bool {
        unsafe append(datagram.span.bytes, to: address)  // SAFETY: bytes are bytes, copied at once.
    }

    // MARK: Looking

    /// Lends the bytes of a datagram to `body`.
    public func withBytes<Value, Failure: Error>(
        at index: Int, _ body: (RawSpan) throws(Failure) -> Value
    ) throws(Failure) -> Value {
        check(index)
        // SAFETY: I2: so many bytes of the slot are the datagram.
        let lent = unsafe UnsafeRawBufferPointer(start: slot(index), count: slices[index].count)
        return try body(unsafe lent.bytes)  // SAFETY: lent for the call.
    }

    /// A copy of the bytes of a datagram.
    public func bytes(at index: Int) -> [UInt8] {
        withBytes(at: index) { lent in
            unsafe lent.withUnsafeBytes { unsafe Array($0) }  // SAFETY: copied while lent.
        }
    }

    /// Where a received datagram came from, or one to be sent goes to; nil without an address: for
    /// the connected peer, or from a Unix socket that has none.
    public func address(at index: Int) -> SocketAddress? {
        check(index)
        let message = unsafe entries[index].message  // SAFETY: in bounds.
        // An address of a family alone, two bytes long, is that of an unnamed Unix socket.
        guard unsafe message.name != nil, unsafe message.name_length > 2 else { return nil }
        var address = unsafe addresses[index]  // SAFETY: in bounds.
        unsafe address.length = message.name_length  // SAFETY: a plain word.
        return SocketAddress(address)
    }

    /// Whether a received datagram was longer than a slot: the rest of it is lost. recvmsg(2),
    /// MSG_TRUNC.
    public func isTruncated(at index: Int) -> Bool {
        check(index)
        return unsafe entries[index].message.flags & Int32(MILLRACE_MSG_TRUNC) != 0  // SAFETY: so.
    }

    private func check(_ index: Int) {
        precondition(!isLent, "a batch is the kernel's while it is received or sent")
        precondition(index >= 0 && index < count, "no such datagram")
    }

    // MARK: For the socket

    /// Gives the memory to the kernel to be filled.
    func lendForReceiving() {
        precondition(!isLent, "a batch is used once at a time")
        count = 0
        prepareForReceiving()
        isLent = true
    }

    /// Gives the memory to the kernel to be sent.
    func lendForSending() {
        precondition(!isLent, "a batch is used once at a time")
        isLent = true
    }

    /// The kernel has let go of the memory and has filled so many entries.
    func takeBack(received filledCount: Int) {
        assert(isLent && filledCount <= capacity)
        isLent = false
        count = filledCount
        dirtyCount = filledCount
        for index in 0..<filledCount {
            // SAFETY: in bounds; the kernel wrote at most a slot (without MSG_TRUNC asked for).
            unsafe slices[index].count = min(Int(entries[index].length), slotByteCount)
        }
    }

    /// The kernel has let go of the memory that it sent.
    func takeBack() {
        assert(isLent)
        isLent = false
    }

    private func prepareForReceiving() {
        for index in 0..<dirtyCount {
            unsafe slices[index].count = slotByteCount  // SAFETY: in bounds.
            unsafe entries[index].message.name = nameOfSlot(index)  // SAFETY: in bounds.
            unsafe entries[index].message.name_length = 128  // SAFETY: the words of an address.
            unsafe entries[index].message.flags = 0  // SAFETY: in bounds.
        }
        dirtyCount = 0
    }

    private func slot(_ index: Int) -> UnsafeMutableRawPointer {
        unsafe bytes + index * slotByteCount  // SAFETY: in bounds.
    }

    private func nameOfSlot(_ index: Int) -> UnsafeMutableRawPointer {
        unsafe UnsafeMutableRawPointer(addresses + index)  // SAFETY: in bounds.
    }
}
