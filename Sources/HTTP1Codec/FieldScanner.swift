// SPDX-License-Identifier: MIT

/// Field lines up to the empty line, of a head or of trailers: the part of a parser that can stop
/// at any byte and go on at the same byte when there are more.
struct FieldScanner: Sendable, BitwiseCopyable {
    /// Whose fields they are.
    enum Section: UInt8, Sendable, BitwiseCopyable {
        case request, response, trailers
    }

    /// Which part of a line `position` is in.
    private enum Stage: UInt8, Sendable, BitwiseCopyable {
        case lineStart, name, blank, value
    }

    let section: Section
    private var stage = Stage.lineStart
    /// Where the scan goes on: what lies before was looked at and was good.
    private(set) var position: Int
    private var lineStart: Int
    private var nameEnd = 0
    private var valueStart = 0
    private let sectionStart: Int
    private var fieldCount = 0
    var facts = FieldFacts()

    /// A scanner for the lines that begin at `start`.
    init(_ section: Section, at start: Int) {
        self.section = section
        position = start
        lineStart = start
        sectionStart = start
    }

    /// Goes on with the bytes from the message's first on. True behind the empty line, where
    /// `position` then is; false if that has not come yet. Records go into `table`.
    mutating func scan(
        _ bytes: Bytes, limits: HTTPLimits, table: inout FieldTable
    ) throws(HTTP1Error) -> Bool {
        while true {  // Ends: each turn goes on by a line, or returns.
            if stage == .lineStart {
                try scanUsualLines(bytes, limits, &table)
                guard position < bytes.count else { return false }
                if bytes[position] == Ascii.carriageReturn {
                    return try takeLineEnd(bytes)
                }
                try beginLine(bytes, limits, table.capacity)
            }
            // A line may have so many bytes, and all together so many.
            let lineMax = min(
                lineStart &+ limits.fieldLineByteCountMax,
                sectionStart &+ sectionByteCountMax(limits))
            if stage == .name {
                position = bytes.tokenStop(from: position)
                if position > lineMax { throw tooLong(limits) }
                guard position < bytes.count else { return false }
                if bytes[position] != Ascii.colon || position == lineStart {
                    throw faultInName(bytes)
                }
                nameEnd = position
                position &+= 1
                stage = .blank
            }
            if stage == .blank {
                while position < bytes.count, Ascii.isBlank(bytes[position]) { position &+= 1 }
                if position > lineMax { throw tooLong(limits) }
                guard position < bytes.count else { return false }
                valueStart = position
                stage = .value
            }
            position = bytes.valueStop(from: position)
            if position > lineMax { throw tooLong(limits) }
            guard position < bytes.count else { return false }
            let valueEnd = position
            guard try takeLineEnd(bytes) else { return false }
            if nameEnd &- lineStart > Int(UInt16.max) { throw .fieldTooLong }
            try take(
                FieldRecord(
                    nameStart: lineStart, nameEnd: nameEnd, valueStart: valueStart,
                    valueEnd: bytes.trimmedEnd(valueStart, valueEnd),
                    known: KnownField.recognize(bytes, from: lineStart, to: nameEnd)),
                bytes, &table)
            stage = .lineStart
        }
    }

    /// Takes the lines that are whole and have nothing unusual: the shortest way, without a stage.
    /// Stops at the start of any other line, which `scan` then takes step by step.
    ///
    /// The first loop calls nothing, so that what it compares with stays in registers.
    private mutating func scanUsualLines(
        _ bytes: Bytes, _ limits: HTTPLimits, _ table: inout FieldTable
    ) throws(HTTP1Error) {
        let first = table.count
        position = scanUsualLines(bytes, limits, &table, from: position)
        fieldCount &+= table.count &- first
        for index in stride(from: first, to: table.count, by: 1) {
            let record = table.recognize(index, bytes)
            if record.known.isSpecial || section == .trailers { try takeSpecial(record, bytes) }
        }
    }

    @inline(__always)
    private func scanUsualLines(
        _ bytes: Bytes, _ limits: HTTPLimits, _ table: inout FieldTable, from first: Int
    ) -> Int {
        let sectionMax = sectionStart &+ sectionByteCountMax(limits)
        let lineByteCountMax = min(limits.fieldLineByteCountMax, Int(UInt16.max))
        let countMax = min(table.capacity, fieldCountMax(limits))
        var start = first
        while table.count < countMax, start < bytes.count {
            if bytes[start] == Ascii.carriageReturn { break }
            let nameEnd = bytes.tokenStop(from: start)
            guard nameEnd &+ 2 < bytes.count, bytes[nameEnd] == Ascii.colon, nameEnd > start else {
                break
            }
            var valueStart = nameEnd &+ 1
            if bytes[valueStart] == Ascii.space { valueStart &+= 1 }
            if Ascii.isBlank(bytes[valueStart]) { break }
            let end = bytes.valueStop(from: valueStart)
            guard end &+ 2 <= bytes.count, bytes.pair(at: end) == Ascii.lineEnd, end <= sectionMax,
                end &- start <= lineByteCountMax
            else { break }
            table.append(
                FieldRecord(
                    nameStart: start, nameEnd: nameEnd, valueStart: valueStart,
                    valueEnd: bytes.trimmedEnd(valueStart, end), known: .other))
            start = end &+ 2
        }
        return start
    }

    @inline(__always)
    private func fieldCountMax(_ limits: HTTPLimits) -> Int {
        section == .trailers ? limits.trailerCountMax : limits.fieldCountMax
    }

    /// Takes CR LF; false if LF has not come yet.
    @inline(__always)
    private mutating func takeLineEnd(_ bytes: Bytes) throws(HTTP1Error) -> Bool {
        if position &+ 2 <= bytes.count, bytes.pair(at: position) == Ascii.lineEnd {
            position &+= 2
            return true
        }
        if bytes[position] != Ascii.carriageReturn {
            throw bytes[position] == Ascii.lineFeed ? .bareLineFeed : .badFieldValue
        }
        if position &+ 1 < bytes.count { throw .bareCarriageReturn }
        return false
    }

    private mutating func beginLine(
        _ bytes: Bytes, _ limits: HTTPLimits, _ capacity: Int
    ) throws(HTTP1Error) {
        let byte = bytes[position]
        if byte <= Ascii.space { throw faultAtLineStart(byte) }
        let isFull = fieldCount >= capacity && !isDropping(capacity)
        if fieldCount >= fieldCountMax(limits) || isFull {
            throw section == .trailers ? .tooManyTrailers : .tooManyFields
        }
        lineStart = position
        stage = .name
    }

    private func faultAtLineStart(_ byte: UInt8) -> HTTP1Error {
        if byte == Ascii.lineFeed { return .bareLineFeed }
        if !Ascii.isBlank(byte) { return .badFieldName }
        return fieldCount == 0 ? .leadingWhitespace : .obsoleteFold
    }

    private func faultInName(_ bytes: Bytes) -> HTTP1Error {
        switch bytes[position] {
        case Ascii.space, Ascii.tab: .spaceBeforeColon
        case Ascii.lineFeed: .bareLineFeed
        default: .badFieldName
        }
    }

    private mutating func take(
        _ record: FieldRecord, _ bytes: Bytes, _ table: inout FieldTable
    ) throws(HTTP1Error) {
        if record.known.isSpecial || section == .trailers { try takeSpecial(record, bytes) }
        if !isDropping(table.capacity) { table.append(record) }
        fieldCount &+= 1
    }

    /// Trailers that have no places are checked only.
    @inline(__always)
    private func isDropping(_ capacity: Int) -> Bool { section == .trailers && capacity == 0 }

    @inline(never)
    private mutating func takeSpecial(_ record: FieldRecord, _ bytes: Bytes) throws(HTTP1Error) {
        switch section {
        case .request: try facts.takeRequest(record, bytes)
        case .response: try facts.takeCommon(record, bytes)
        case .trailers: if record.known.isForbiddenTrailer { throw .forbiddenTrailer }
        }
    }

    @inline(__always)
    private func sectionByteCountMax(_ limits: HTTPLimits) -> Int {
        section == .trailers ? limits.trailersByteCountMax : limits.fieldsByteCountMax
    }

    private func tooLong(_ limits: HTTPLimits) -> HTTP1Error {
        if position &- lineStart > limits.fieldLineByteCountMax { return .fieldTooLong }
        return section == .trailers ? .trailersTooLong : .fieldsTooLong
    }
}
