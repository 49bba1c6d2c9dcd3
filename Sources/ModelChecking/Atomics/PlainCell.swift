// SPDX-License-Identifier: MIT

/// A place in shared memory for one value that is not atomic, whose use the model watches: two
/// accesses that nothing orders are a race, a value that is overwritten while it lives, or taken
/// where none is, is a fault of its lifetime.
///
/// Outside a model it is a plain place.
@safe
public final class PlainCell<Value>: @unchecked Sendable {
    private let place: UnsafeMutablePointer<Value?>

    /// A cell with a value.
    public init(_ value: Value) {
        // SAFETY: freed in `deinit`.
        unsafe place = .allocate(capacity: 1)
        unsafe place.initialize(to: value)
    }

    /// An empty cell.
    public init() {
        // SAFETY: freed in `deinit`.
        unsafe place = .allocate(capacity: 1)
        unsafe place.initialize(to: nil)
    }

    deinit {
        modelForgetCell(at: address)
        unsafe place.deinitialize(count: 1)  // SAFETY: initialized in `init`.
        unsafe place.deallocate()  // SAFETY: allocated in `init`.
    }

    /// Reads the value.
    public func load(file: StaticString = #fileID, line: UInt32 = #line) -> Value {
        touch(.read, file, line)
        // SAFETY: the program under test owns the cell, which the model has just checked.
        guard let value = unsafe place.pointee else { preconditionFailure("the cell is empty") }
        return value
    }

    /// Replaces the value.
    public func store(_ value: Value, file: StaticString = #fileID, line: UInt32 = #line) {
        touch(.write, file, line)
        unsafe place.pointee = value  // SAFETY: as above.
    }

    /// Puts a value into the empty cell.
    public func fill(_ value: Value, file: StaticString = #fileID, line: UInt32 = #line) {
        touch(.initialize, file, line)
        unsafe place.pointee = value  // SAFETY: as above.
    }

    /// Takes the value out.
    public func take(file: StaticString = #fileID, line: UInt32 = #line) -> Value {
        touch(.move, file, line)
        // SAFETY: as above.
        guard let value = unsafe place.pointee.take() else {
            preconditionFailure("the cell is empty")
        }
        return value
    }

    private var address: UInt {
        unsafe UInt(bitPattern: place)  // SAFETY: only a number.
    }

    private func touch(_ access: CellAccess, _ file: StaticString, _ line: UInt32) {
        if isModelRunning {
            modelTouch(
                access, address, isTrivial: false, CodeSite(file: file, line: line))
        }
    }
}

/// For cells whose memory is not the model's: `UnsafeMutablePointer` with a watched face.
public enum ModelCell {
    /// Says that a value is put into the empty place.
    @inlinable
    public static func initialize<Value: ~Copyable>(
        _ place: UnsafeMutablePointer<Value>, file: StaticString, line: UInt32
    ) {
        unsafe touch(.initialize, place, file, line)  // SAFETY: only the address is used.
    }

    /// Says that the value is taken out.
    @inlinable
    public static func move<Value: ~Copyable>(
        _ place: UnsafeMutablePointer<Value>, file: StaticString, line: UInt32
    ) {
        unsafe touch(.move, place, file, line)  // SAFETY: only the address is used.
    }

    /// Says that the value is read.
    @inlinable
    public static func read<Value: ~Copyable>(
        _ place: UnsafeMutablePointer<Value>, file: StaticString, line: UInt32
    ) {
        unsafe touch(.read, place, file, line)  // SAFETY: only the address is used.
    }

    /// Says that the value of the full place is replaced.
    @inlinable
    public static func write<Value: ~Copyable>(
        _ place: UnsafeMutablePointer<Value>, file: StaticString, line: UInt32
    ) {
        unsafe touch(.write, place, file, line)  // SAFETY: only the address is used.
    }

    @inlinable
    static func touch<Value: ~Copyable>(
        _ access: CellAccess, _ place: UnsafeMutablePointer<Value>, _ file: StaticString,
        _ line: UInt32
    ) {
        if isModelRunning {
            modelTouch(
                access, UInt(bitPattern: place), isTrivial: _isPOD(Value.self),
                CodeSite(file: file, line: line))
        }
    }
}
