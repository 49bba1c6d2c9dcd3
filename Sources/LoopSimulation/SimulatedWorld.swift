// SPDX-License-Identifier: MIT

public import AtomicSupport
internal import CLinuxShims

/// A system of its own: a clock, sockets, names and random bytes that all come from one seed.
///
/// A thread that has entered a world makes its system calls there: what Millrace's loops, clients
/// and servers do by `CLinuxShims` happens in the world and nowhere else. Files are the system's;
/// only their reading through a descriptor is seen.
///
/// | Guarantee | all operations                                                                   |
/// |-----------|----------------------------------------------------------------------------------|
/// | Threads   | of a virtual world: the one that runs it; others are counted as escapes          |
/// | Order     | the same seed, plan and program give the same events and the same `traceHash`    |
/// | Time      | virtual: passes when the loop has nothing to do, and a little with every wait    |
/// | Memory    | what is open, what is under way, and `traceLinesMax` events in words             |
///
/// A world is for one loop. With a live clock it is not repeatable: time is real, threads may
/// share it, and a wait sleeps. That is for holding its backend to the conformance suite.
@safe
public final class SimulatedWorld: @unchecked Sendable {
    // Edges: E1  the lock's, in a live world   carries all state
    //        E2  ring add → load before waiting   a change that rang is looked at before sleeping

    /// How the clock of a world goes.
    public enum Clock: Sendable {
        /// It jumps to the next event when the loop waits.
        case virtual
        /// It is the system's.
        case live
    }

    /// The seed of everything.
    public let seed: UInt64
    /// How the clock goes.
    public let clock: Clock
    /// How often each fault happens. After `heal` it is empty.
    public private(set) var plan: FaultPlan
    /// What happened so far.
    public internal(set) var statistics = SimulationStatistics()

    /// Called whenever the loop waits: the place for what must hold all the time.
    public var onStep: (() -> Void)?

    /// Where virtual time begins: not at zero, so that times before the beginning exist.
    static var timeOrigin: UInt64 { 1_000_000_000_000 }
    /// 2026-01-01 in seconds since 1970: the date at the beginning of a virtual world.
    static var dateOrigin: Int64 { 1_767_225_600 }
    /// The lowest descriptor of a world. Numbers below are the kernel's.
    public static let firstDescriptor: Int32 = 65_536
    /// How far ahead a timer may be for something to arrive together with it.
    static var tieNanosecondsMax: UInt64 { 300_000_000 }
    /// How many descriptors there may be.
    public static let descriptorsMax = 65_536

    var time: UInt64
    var random: SimulationRandom
    private var entropy: SimulationRandom
    var scriptRandom: SimulationRandom
    /// Whether something was called that may have made the loop's tasks ready.
    var hasCalledOut = false
    /// When the loop's next timer is due, as far as its last wait has told.
    var nextDeadline: UInt64 = 0
    var queue = EventQueue()
    private var isOver = false
    var trace: Trace
    var sockets: [SimulatedSocket?] = []
    private var lowestFree = 0
    /// The places that were freed, in order; some have been taken since.
    private var freed: [Int] = []
    private var identities: Int64 = 0
    var bound: [SimulatedAddress: [SimulatedSocket]] = [:]
    var nextPort: UInt16 = 32_768
    var names: [String: [SimulatedAddress]] = [:]
    private var backends: [WeakBackend] = []
    private var scripted: [Int64: SimulatedSocket] = [:]

    private let table: UnsafeMutablePointer<millrace_world>
    private let block = SharedBlock(byteCount: 2 * CacheLine.byteCount)
    private let owner = millrace_thread_index()

    private struct WeakBackend { weak var backend: SimulatedBackend? }

    /// A world from a seed.
    ///
    /// - Parameters:
    ///   - seed: decides everything that is drawn.
    ///   - plan: how often each fault happens.
    ///   - clock: virtual, or the system's for checks with threads.
    ///   - traceLinesMax: how many of the last events are kept in words.
    public init(
        seed: UInt64, plan: FaultPlan = FaultPlan(), clock: Clock = .virtual,
        traceLinesMax: Int = 0
    ) {
        self.seed = seed
        self.plan = plan
        self.clock = clock
        time = clock == .virtual ? Self.timeOrigin : 0
        random = SimulationRandom(seed: seed, stream: 2)
        entropy = SimulationRandom(seed: seed, stream: 3)
        scriptRandom = SimulationRandom(seed: seed, stream: 4)
        trace = Trace(linesMax: traceLinesMax)
        unsafe table = .allocate(capacity: 1)  // SAFETY: freed in `deinit`.
        unsafe table.initialize(to: millrace_world())  // SAFETY: zeroes.
        // SAFETY: the table does not outlive `self`.
        unsafe fillTable(&table.pointee, Unmanaged.passUnretained(self).toOpaque())
    }

    deinit {
        // SAFETY: allocated in `init`; nobody is in a world that nobody holds.
        unsafe table.deallocate()
    }

    /// Lets the calling thread enter: its system calls are the world's from here on. Threads that
    /// `millrace_thread_start` starts inside are in the world too.
    public func enter() {
        unsafe millrace_world_enter(table)  // SAFETY: left before `self` goes away.
    }

    /// Lets the calling thread leave whatever world it is in.
    public static func leave() {
        millrace_world_enter(nil)  // SAFETY: no pointer.
    }

    /// The world's time.
    public var now: MonotonicInstant { MonotonicInstant(nanoseconds: currentTime) }

    /// How much virtual time has passed.
    public var elapsed: Duration {
        .nanoseconds(clock == .virtual ? Int64(time - Self.timeOrigin) : 0)
    }

    /// A number that everything which happened has changed: two runs with the same one were the
    /// same.
    public var traceHash: UInt64 { trace.hash }

    /// How many events the hash is of.
    public var traceCount: UInt64 { trace.count }

    /// The last events in words, oldest first.
    public var timeline: [String] { trace.text(since: Self.timeOrigin) }

    /// Ends all faults: from here on the network is well, and scripts read again.
    public func heal() {
        locked {
            plan = FaultPlan()
            for (_, socket) in scripted.sorted(by: { $0.key < $1.key }) { touch(socket) }
        }
    }

    /// Gives a name addresses, for `Resolver`. Names that have none are unknown.
    public func name(_ host: String, addresses: [(host: String, isIPv6: Bool)]) {
        names[host] = addresses.map { entry in
            var address = millrace_address()
            // SAFETY: the callee reads the string and fills the structure.
            _ =
                unsafe entry.isIPv6
                ? millrace_address_ipv6(&address, entry.host, 0)
                : millrace_address_ipv4(&address, entry.host, 0)
            return SimulatedAddress(address)
        }
    }

    /// How many descriptors are open.
    public var openCount: Int { locked { sockets.count { $0 != nil } } }

    // MARK: Time and chance

    var currentTime: UInt64 { clock == .virtual ? time : millrace_monotonic_nanoseconds() }

    /// Draws whether a fault happens now, and counts it.
    func happens(_ fault: Fault) -> Bool {
        guard draws(fault) else { return false }
        count(fault)
        return true
    }

    /// Draws whether a fault is to happen; `count` says that it could.
    func draws(_ fault: Fault) -> Bool { random.chance(plan[fault]) }

    func count(_ fault: Fault) {
        statistics[fault] += 1
        trace.add(.fault, at: time, -1, Int64(fault.rawValue))
    }

    /// How long something takes on the network.
    func latency() -> UInt64 {
        if clock == .live { return 0 }
        let usual = random.within(10_000...200_000)
        return happens(.slowDelivery) ? usual * 1000 : usual
    }

    /// When something that comes after `earliest`, and would come at `time`, arrives: perhaps
    /// together with the loop's next deadline.
    func arrival(at time: UInt64, after earliest: UInt64 = 0) -> UInt64 {
        guard nextDeadline > max(earliest, currentTime),
            nextDeadline - currentTime < Self.tieNanosecondsMax, happens(.timerTie)
        else { return time }
        return nextDeadline
    }

    func schedule(_ event: WorldEvent, at time: UInt64) {
        if isOver { return }
        queue.add(event, at: time, tie: UInt32(random.below(4)))
    }

    /// Runs `body` after so long.
    func after(nanoseconds: UInt64, _ body: @escaping () -> Void) {
        schedule(.script(body), at: currentTime + nanoseconds)
    }

    func fillRandom(_ memory: UnsafeMutableRawBufferPointer) {
        // SAFETY: within the memory that the caller lends.
        for index in memory.indices {
            unsafe memory[index] = UInt8(truncatingIfNeeded: entropy.next())  // SAFETY: as above.
        }
    }

    // MARK: Threads

    /// Runs `body` alone. A virtual world has one thread, and its scripts call back into it.
    func locked<Value>(_ body: () -> Value) -> Value {
        if clock == .virtual {
            if millrace_thread_index() != owner { statistics.escapes += 1 }
            return body()
        }
        // SAFETY: the word lives in `block`.
        let lock = unsafe InternalLock(block.pointer(at: 0, to: Atomic<UInt32>.self))
        return lock.withLock {
            runDueEvents()
            defer { runDueEvents() }
            return body()
        }
    }

    var isForeignThread: Bool { millrace_thread_index() != owner }

    /// A word that changes with every `ring`.
    var bell: UnsafeMutablePointer<Atomic<UInt32>> {
        // SAFETY: the word lives in `block`.
        unsafe block.pointer(at: CacheLine.byteCount, to: Atomic<UInt32>.self)
    }

    /// Wakes every thread that waits in the world.
    func ring() {
        _ = unsafe bell.pointee.wrappingAdd(1, ordering: .releasing)  // E2  SAFETY: see there.
        unsafe Parking.wake(bell)  // SAFETY: see `bell`.
    }

    // MARK: Who is told

    func attach(_ backend: SimulatedBackend) {
        backends.removeAll { $0.backend == nil }
        backends.append(WeakBackend(backend: backend))
    }

    /// A script hears of a socket's changes, until it is closed or the run is over.
    func tell(_ socket: SimulatedSocket, _ onChange: @escaping () -> Void) {
        socket.onChange = onChange
        scripted[socket.identity] = socket
    }

    func forget(_ socket: SimulatedSocket) {
        socket.onChange = nil
        scripted[socket.identity] = nil
    }

    /// The run is over: what was still to happen does not. Events and sockets hold scripts, and
    /// those hold the world; one that goes may close a socket, of which nobody hears any more.
    func end() {
        isOver = true
        onStep = nil
        let rest = queue
        queue = EventQueue()
        // Who was to be told is gone or has stopped; that the work is done gives its memory back.
        for case .blocking(let body, let argument) in rest.events {
            unsafe body(argument)  // SAFETY: `run_blocking` was given both, and it has not run.
        }
        for socket in scripted.values { socket.onChange = nil }
        scripted = [:]
    }

    /// Something about a socket has changed: who waits on it looks again.
    func touch(_ socket: SimulatedSocket?) {
        guard let socket else { return }
        if let descriptor = socket.descriptor {
            for entry in backends { entry.backend?.noteChange(of: descriptor) }
            if clock == .live { ring() }
        }
        if let onChange = socket.onChange { schedule(.script(onChange), at: currentTime) }
    }

    // MARK: Descriptors

    func newIdentity() -> Int64 {
        identities += 1
        return identities
    }

    func socket(_ descriptor: Int32) -> SimulatedSocket? {
        let place = Int(descriptor) - Int(Self.firstDescriptor)
        return sockets.indices.contains(place) ? sockets[place] : nil
    }

    /// Whether somebody has the number.
    func hasSocket(_ descriptor: Int32) -> Bool { locked { socket(descriptor) != nil } }

    func noteStrayRequest() { locked { statistics.strayRequests += 1 } }

    /// Gives a socket a number. In a live world it is the lowest that is free, as a kernel's. In a
    /// virtual one it is a number that nobody had, as long as there are some, or with this fault
    /// the one that was closed last.
    func install(_ socket: SimulatedSocket) -> Int32 {
        while lowestFree < sockets.count && sockets[lowestFree] != nil {  // Ends at the array's.
            lowestFree += 1
        }
        let hasFree = lowestFree < sockets.count
        let isFull = sockets.count == Self.descriptorsMax
        let place: Int
        if hasFree && (clock == .live || isFull) {
            place = lowestFree
        } else if let last = lastFreed, happens(.reusedDescriptor) {
            place = last
        } else if isFull {
            return -Int32(MILLRACE_EMFILE)
        } else {
            place = sockets.count
            sockets.append(nil)
        }
        sockets[place] = socket
        let descriptor = Self.firstDescriptor + Int32(place)
        socket.descriptor = descriptor
        trace.add(.open, at: time, descriptor, socket.identity)
        return descriptor
    }

    /// The place that was freed last and is still free.
    private var lastFreed: Int? {
        // Ends: takes one each turn.
        while let last = freed.last, sockets[last] != nil { freed.removeLast() }
        return freed.last
    }

    /// Frees a number; the socket has none any more.
    func uninstall(_ descriptor: Int32) {
        let place = Int(descriptor) - Int(Self.firstDescriptor)
        sockets[place]?.descriptor = nil
        sockets[place] = nil
        lowestFree = min(lowestFree, place)
        if clock == .virtual { freed.append(place) }
    }

    /// Gives a socket another number.
    func move(_ socket: SimulatedSocket, to place: Int) -> Int32 {
        while sockets.count <= place { sockets.append(nil) }  // Ends at the place.
        if let old = socket.descriptor { uninstall(old) }
        sockets[place] = socket
        socket.descriptor = Self.firstDescriptor + Int32(place)
        return Self.firstDescriptor + Int32(place)
    }
}
