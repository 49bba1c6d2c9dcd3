// SPDX-License-Identifier: MIT

import Testing

@testable import HTTPServing

@Suite("Server-sent events")
struct EventStreamTests {
    private func event(
        _ text: String, name: String? = nil, id: String? = nil
    ) throws(EventStreamError) -> String {
        var output: [UInt8] = []
        try EventStream.append(text, name: name, id: id, to: &output)
        return String(decoding: output, as: UTF8.self)
    }

    @Test("Data in lines, whatever ends them")
    func data() throws {
        // If this failed, a message could end an event or forge a field.
        #expect(try event("a") == "data: a\n\n")
        #expect(try event("") == "data: \n\n")
        #expect(try event("a\nb") == "data: a\ndata: b\n\n")
        #expect(try event("a\r\nb\rc\n\rd") == "data: a\ndata: b\ndata: c\ndata: \ndata: d\n\n")
        #expect(try event("a\n\nevent: x") == "data: a\ndata: \ndata: event: x\n\n")
        #expect(try event("a\n") == "data: a\ndata: \n\n")
        #expect(try event(" a") == "data:  a\n\n")
        #expect(try event("a", name: "n", id: "7") == "id: 7\nevent: n\ndata: a\n\n")
        #expect(try event("a", id: "") == "id: \ndata: a\n\n")
    }

    @Test("What a browser reads is what was written")
    func roundTrip() throws {
        // If this failed, the standard's own parser would find another message.
        for message in ["a", "", "a\nb", "\n", "\n\n", ": c", "data: x", " lead", "id: 3\n\nx"] {
            var data: String?
            for line in try event(message).split(separator: "\n", omittingEmptySubsequences: false)
                .dropLast(2)
            {
                #expect(line.hasPrefix("data:"))
                var value = line.dropFirst(5)
                if value.first == " " { value = value.dropFirst() }
                data = data.map { "\($0)\n\(value)" } ?? String(value)
            }
            #expect(data == message)
        }
    }

    @Test("Names and ids that would break the stream")
    func refusals() {
        // If this failed, a name from outside could forge events.
        for name in ["a\nb", "a\r", "\r\n"] {
            #expect(
                failure { () throws(EventStreamError) in try event("x", name: name) }
                    == .invalidName)
            #expect(
                failure { () throws(EventStreamError) in try event("x", id: name) } == .invalidID)
        }
        #expect(failure { () throws(EventStreamError) in try event("x", id: "a\0") } == .invalidID)
    }

    @Test("A refused event leaves nothing behind")
    func atomicity() {
        // If this failed, half an event would be sent before the error.
        var output = bytes("kept")
        let error = failure { () throws(EventStreamError) in
            try EventStream.append("x", name: "a\n", id: "1", to: &output)
        }
        #expect(error == .invalidName)
        #expect(text(output) == "kept")
    }

    @Test("Comments and the pause before connecting again")
    func others() {
        // If this failed, a keep-alive would be taken for a message.
        var output: [UInt8] = []
        let nothing: [UInt8] = []
        EventStream.appendComment(nothing.span, to: &output)
        EventStream.appendRetry(milliseconds: 1500, to: &output)
        let comment = bytes("a\nb")
        EventStream.appendComment(comment.span, to: &output)
        #expect(text(output) == ": \n\nretry: 1500\n\n: a\n: b\n\n")
    }
}
