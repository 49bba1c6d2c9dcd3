// SPDX-License-Identifier: MIT

internal import AtomicSupport
internal import CLinuxShims

// What checks expect. The sentence says what is wrong if it does not hold.
extension ConformanceRun {
    /// Expects that something holds.
    func expect(
        _ isTrue: Bool, _ sentence: @autoclosure () -> String, file: StaticString = #fileID,
        line: UInt = #line
    ) {
        if !isTrue { fail(sentence(), file: file, line: line) }
    }

    /// Expects a value.
    func expect<Value: Equatable>(
        _ value: Value, equals expected: Value, _ sentence: @autoclosure () -> String,
        file: StaticString = #fileID, line: UInt = #line
    ) {
        guard value != expected else { return }
        fail("\(sentence()): \(value), expected \(expected)", file: file, line: line)
    }

    /// Expects a result; an errno is told by its name.
    func expect(
        _ result: Int32, equals expected: Int32, _ sentence: @autoclosure () -> String,
        file: StaticString = #fileID, line: UInt = #line
    ) {
        guard result != expected else { return }
        fail(
            "\(sentence()): \(Self.text(of: result)), expected \(Self.text(of: expected))",
            file: file, line: line)
    }

    private static func text(of result: Int32) -> String {
        // SAFETY: a static, NUL-terminated string.
        result < 0 ? unsafe String(cString: millrace_error_name(0 &- result)) : "\(result)"
    }

    /// Expects bytes; a difference is told by its place.
    func expect(
        _ bytes: [UInt8], equals expected: [UInt8], _ sentence: @autoclosure () -> String,
        file: StaticString = #fileID, line: UInt = #line
    ) {
        guard bytes != expected else { return }
        let place = zip(bytes, expected).enumerated().first { $1.0 != $1.1 }?.offset
        let difference = place.map { ", different from byte \($0) on" } ?? ""
        fail(
            "\(sentence()): \(bytes.count) bytes, expected \(expected.count)\(difference)",
            file: file, line: line)
    }

    /// Expects that a board comes to hold something.
    func expect<Value>(
        _ board: Board<Value>, becomes predicate: (Value) -> Bool,
        _ sentence: @autoclosure () -> String, file: StaticString = #fileID, line: UInt = #line
    ) {
        let isFulfilled = wait(board) { predicate($0) ? true : nil } ?? false
        expect(isFulfilled, sentence(), file: file, line: line)
    }

    /// Ends the check if something does not hold.
    func require(
        _ isTrue: Bool, _ sentence: @autoclosure () -> String, file: StaticString = #fileID,
        line: UInt = #line
    ) throws {
        if !isTrue { throw giveUp(sentence(), at: SourcePlace(file, line)) }
    }

    /// Ends the check if there is no value.
    func unwrap<Value>(
        _ value: Value?, _ sentence: @autoclosure () -> String, file: StaticString = #fileID,
        line: UInt = #line
    ) throws -> Value {
        guard let value else { throw giveUp(sentence(), at: SourcePlace(file, line)) }
        return value
    }

    /// Waits with patience until `predicate` answers something; nil when the time is over.
    func wait<Value, Result>(
        _ board: Board<Value>, for predicate: (Value) -> Result?
    ) -> Result? {
        board.wait(until: deadline, for: predicate)
    }

    /// Waits with patience for a condition that nobody announces.
    func wait(
        _ what: String, file: StaticString = #fileID, line: UInt = #line,
        until condition: () throws -> Bool
    ) throws {
        let deadline = deadline
        while try condition() == false {  // Ends at the deadline.
            try require(.now < deadline, "timed out: \(what)", file: file, line: line)
            millrace_thread_yield()
        }
    }

    /// Notes what is missing; throw the result.
    func giveUp(_ sentence: String, at place: SourcePlace) -> GivenUp {
        fail(sentence, at: place)
        return GivenUp()
    }
}
