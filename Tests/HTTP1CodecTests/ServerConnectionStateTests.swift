// SPDX-License-Identifier: MIT

import HTTP1Codec
import Testing

@Suite("Server connection")
struct ServerConnectionStateTests {
    let limits: HTTPLimits

    init() {
        var limits = HTTPLimits()
        limits.pipelineDepthMax = 3
        limits.discardedByteCountMax = 100
        self.limits = limits
    }

    /// A head with these lines.
    static func head(_ lines: String = "") -> RequestHead {
        guard let head = outcome(of: "POST / HTTP/1.1\r\nHost: a\r\n\(lines)\r\n").head else {
            preconditionFailure("the test's own head is wrong")
        }
        return head
    }

    @Test("Requests without bodies follow one another, up to the depth")
    func pipelining() {
        // If this failed, a client could make the server hold any number of requests, or would
        // wait for an answer after the first.
        var state = ServerConnectionState()
        #expect(state.isIdle)
        for _ in 0..<3 {
            #expect(state.mayReadRequest(limits))
            state.receive(Self.head())
        }
        #expect(!state.mayReadRequest(limits))
        #expect(state.unansweredCount == 3)
        #expect(!state.mustSayClose(limits))
        expectEqual(state.endResponse(limits), .next)
        #expect(state.mayReadRequest(limits))
        expectEqual(state.endResponse(limits), .next)
        expectEqual(state.endResponse(limits), .next)
        #expect(state.isIdle)
    }

    @Test("Behind a request that says close nothing is read, and its answer ends the connection")
    func close() {
        // If this failed, a request behind "Connection: close" would be served (RFC 9112, 9.6).
        var state = ServerConnectionState()
        state.receive(Self.head())
        state.receive(Self.head("Connection: close\r\n"))
        #expect(!state.mayReadRequest(limits))
        #expect(!state.mustSayClose(limits), "the first answer is not the last")
        expectEqual(state.endResponse(limits), .next)
        #expect(state.mustSayClose(limits))
        expectEqual(state.endResponse(limits, saidClose: true), .close)
        #expect(!state.mayReadRequest(limits))
    }

    @Test("An answer that says close ends the connection, whatever was read behind")
    func serverCloses() {
        // If this failed, a client that saw the close announced would get another answer.
        var state = ServerConnectionState()
        state.receive(Self.head())
        state.receive(Self.head())
        expectEqual(state.endResponse(limits, saidClose: true), .close)
    }

    @Test("100 Continue is sent once, only if asked for, and after all earlier answers")
    func continuing() {
        // If this failed, a client would wait until its time limit, or take 100 for the answer to
        // an earlier request (RFC 9110, section 10.1.1).
        let waiting = Self.head("Expect: 100-continue\r\nContent-Length: 5\r\n")
        var state = ServerConnectionState()
        state.receive(Self.head())
        state.receive(waiting)
        #expect(!state.mayReadBody)
        expectEqual(state.wantBody(), false)
        expectEqual(state.endResponse(limits), .next)
        expectEqual(state.wantBody(), true)
        expectEqual(state.wantBody(), false)
        #expect(state.mayReadBody)
        #expect(!state.mayReadRequest(limits))
        state.receiveBody(5)
        expectEqual(state.endBody(), .next)
        expectEqual(state.endResponse(limits), .next)
        #expect(state.mayReadRequest(limits))

        // Never asked for: whether it comes is not known, so the connection ends.
        var refused = ServerConnectionState()
        refused.receive(waiting)
        #expect(refused.mustSayClose(limits))
        expectEqual(refused.endResponse(limits), .close)

        // Sent without waiting: it is read like any other.
        var eager = ServerConnectionState()
        eager.receive(waiting)
        eager.receiveBodyUnasked()
        expectEqual(eager.wantBody(), false)
        #expect(eager.mayReadBody)
        expectEqual(eager.endResponse(limits), .discardBody)
    }

    @Test("What is left of a body is dropped if it is little, else the connection ends")
    func discarding() {
        // If this failed, the rest of a body would be read as a request, or a client could make
        // the server read for ever.
        var little = ServerConnectionState()
        little.receive(Self.head("Content-Length: 200\r\n"))
        #expect(little.mustSayClose(limits))
        little.receiveBody(100)
        #expect(!little.mustSayClose(limits))
        expectEqual(little.endResponse(limits), .discardBody)
        #expect(!little.isIdle)
        expectEqual(little.discard(100, limits), true)
        expectEqual(little.endBody(), .next)
        #expect(little.mayReadRequest(limits))

        var much = ServerConnectionState()
        much.receive(Self.head("Content-Length: 101\r\n"))
        #expect(much.mustSayClose(limits))
        expectEqual(much.endResponse(limits), .close)

        var chunked = ServerConnectionState()
        chunked.receive(Self.head("Transfer-Encoding: chunked\r\n"))
        #expect(!chunked.mustSayClose(limits))
        expectEqual(chunked.endResponse(limits), .discardBody)
        expectEqual(chunked.discard(60, limits), true)
        expectEqual(chunked.discard(41, limits), false)
        #expect(!chunked.mayReadRequest(limits))
        #expect(!chunked.mayReadBody)
    }

    @Test("A refused head is answered last, and faults in a body end the connection")
    func faults() {
        // If this failed, bytes behind a fault would be served, or the fault's answer come first.
        var head = ServerConnectionState()
        head.receive(Self.head())
        head.receiveRefusedHead()
        #expect(!head.mayReadRequest(limits))
        #expect(!head.mustSayClose(limits))
        expectEqual(head.endResponse(limits), .next)
        #expect(head.mustSayClose(limits))
        expectEqual(head.endResponse(limits), .close)

        var body = ServerConnectionState()
        body.receive(Self.head("Transfer-Encoding: chunked\r\n"))
        body.breakOff()
        #expect(!body.mayReadBody)
        #expect(body.mustSayClose(limits))
        expectEqual(body.endResponse(limits), .close)
    }

    @Test("A client that ends its side gets its answers; a body cut off is told")
    func endOfInput() {
        // If this failed, a client that half-closes would get nothing (RFC 9112, section 9.6), or
        // half a body be taken for a whole one.
        var state = ServerConnectionState()
        state.receive(Self.head())
        let isTruncated = state.endInput()
        #expect(!isTruncated)
        #expect(!state.isIdle)
        expectEqual(state.endResponse(limits), .close)
        #expect(state.isIdle)

        var cut = ServerConnectionState()
        cut.receive(Self.head("Content-Length: 5\r\n"))
        let isCut = cut.endInput()
        #expect(isCut)
        expectEqual(cut.endResponse(limits), .close)
    }

    @Test("A shutdown lets what was read end, its body included")
    func shutdown() {
        // If this failed, a shutdown would cut uploads off or wait for requests that may not come.
        var state = ServerConnectionState()
        state.receive(Self.head("Content-Length: 5\r\n"))
        state.stopReading()
        #expect(state.mayReadBody)
        state.receiveBody(5)
        _ = state.endBody()
        #expect(!state.mayReadRequest(limits))
        #expect(state.mustSayClose(limits))
        expectEqual(state.endResponse(limits), .close)

        var idle = ServerConnectionState()
        idle.stopReading()
        #expect(idle.isIdle)
        #expect(!idle.mayReadRequest(limits))
    }
}

/// An expectation about what a mutating call answers, which the macro cannot take apart.
private func expectEqual<Value: Equatable>(
    _ value: Value, _ expected: Value, sourceLocation: SourceLocation = #_sourceLocation
) {
    #expect(value == expected, sourceLocation: sourceLocation)
}
